"""Recordings cut by the times of a table or of Audacity's label tracks, lists of files that tell the parts of class folders, folders of
what nobody has labelled, and columns of 0 and 1 beside a label."""

import io
import time
import wave
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import picture, sound, zipped
from trainer.data.archives import Entry
from trainer.data.clips import MAX_CUTS, is_track, track_cuts
from trainer.data.cut_tables import Length, choose_unit, cut_by, time_of
from trainer.data.folder_levels import read_roles
from trainer.data.inspect import inspect
from trainer.data.media_files import MediaRow
from trainer.json_types import JsonObject

KINDS = ("dog", "cat")


def recording(pitch: int, seconds: int = 8) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "NONE"))
        file.writeframes((np.sin(np.arange(8000 * seconds) * (pitch + 3) / 50) * 20000).astype("<i2").tobytes())
    return buffer.getvalue()


RECORDINGS = {f"rec{n}.wav": recording(n) for n in range(4)}


def labels(result: JsonObject) -> dict[str, int]:
    return {label["label"]: label["count"] for label in result["labels"]}


def reading(result: JsonObject, what: str) -> JsonObject:
    return next(entry for entry in result["reading"] if entry["what"] == what)


def table(header: str, end: str = "{}") -> bytes:
    rows = [f"{name},{at * 2},{end.format(at * 2 + 1.5)},{KINDS[at % 2]}" for name in RECORDINGS for at in range(4)]
    return "\n".join([header, *rows]).encode()


@pytest.mark.parametrize(
    "header",
    [
        "file,start,end,label",
        "filename,onset,offset,event_label",
        "path,Begin Time (s),End Time (s),Species",
    ],
)
def test_rows_of_times_are_clips(header: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", RECORDINGS | {"segments.csv": table(header)})
    result = inspect([path], tmp_path / "v1")
    rows = pq.read_table(tmp_path / "v1/data.parquet").to_pylist()
    assert (len(rows), labels(result), {row["seconds"] for row in rows}) == (16, {"dog": 8, "cat": 8}, {"1.500"})
    assert (reading(result, "clips")["chosen"], reading(result, "clips")["others"]) == ("cut", ["whole"])
    assert result["split"]["how"] == "by group"
    result = inspect([path], tmp_path / "v2", readings={"clips": "whole"})
    assert {row["seconds"] for row in pq.read_table(tmp_path / "v2/data.parquet").to_pylist()} == {"8.000"}


@pytest.mark.parametrize(
    "data",
    [table("file,start,end,label", end="x"), table("file,start,end,label", end="-{}"), table("file,start,age,label")],
)
def test_rows_without_times_are_whole_recordings(data: bytes, tmp_path: Path) -> None:
    result = inspect([zipped(tmp_path / "a.zip", RECORDINGS | {"segments.csv": data})], tmp_path / "v1")
    assert "clips" not in [entry["what"] for entry in result["reading"]]
    assert result["rows"] == 16


def test_times_of_clips_that_are_cut_already_stay_columns(tmp_path: Path) -> None:
    """UrbanSound: where each file was in the recording that it comes from."""
    rows = "".join(f"{n}.wav,{n}.5,{n + 4}.5,{KINDS[n % 2]}\n" for n in range(12))
    files = {f"{n}.wav": sound(n + 3) for n in range(12)} | {"meta.csv": f"file,start,end,class\n{rows}".encode()}
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert {"start", "end"} <= {column["name"] for column in result["columns"]}
    assert labels(result) == {"dog": 6, "cat": 6}


def timed(unit: float, rows: int = 24, columns: str = "start,end") -> list[str]:
    """Lines of half a second each, over recordings of 8 seconds in turn."""
    times = [(row // 4 * 1.2, row // 4 * 1.2 + 0.5) for row in range(rows)]
    return [f"file,{columns},label"] + [
        f"rec{row % 4}.wav,{start * unit:g},{end * unit:g},{KINDS[row % 2]}" for row, (start, end) in enumerate(times)
    ]


def cut(tmp_path: Path, lines: list[str], **choices: str) -> tuple[JsonObject, list[JsonObject]]:
    path = zipped(tmp_path / "a.zip", RECORDINGS | {"segments.csv": "\n".join(lines).encode()})
    result = inspect([path], tmp_path / "v1", readings=choices)
    return result, pq.read_table(tmp_path / "v1/data.parquet").to_pylist()


@pytest.mark.parametrize(
    ("unit", "columns", "chosen", "doubt"),
    [
        (1, "start,end", None, False),
        (1000, "start,end", "milliseconds", True),
        (8000, "start,end", "samples", True),
        (1000, "start_ms,end_ms", "milliseconds", False),
        (8000, "start sample,end sample", "samples", False),
    ],
)
def test_what_times_count_is_told_by_the_lengths_of_recordings(
    unit: float, columns: str, chosen: str | None, doubt: bool, tmp_path: Path
) -> None:
    result, rows = cut(tmp_path, timed(unit, columns=columns))
    assert (len(rows), {row["seconds"] for row in rows}) == (24, {"0.500"})
    assert "24 clips" in reading(result, "clips")["sentence"]
    told = [(entry["chosen"], entry["doubt"]) for entry in result["reading"] if entry["what"] == "clip_times"]
    assert told == ([(chosen, doubt)] if chosen else [])


def test_times_beyond_every_recording_cut_nothing_and_are_a_doubt(tmp_path: Path) -> None:
    result, rows = cut(tmp_path, timed(1e6))
    assert {row["seconds"] for row in rows} == {"8.000"}
    assert [(entry["what"], entry["chosen"]) for entry in result["reading"] if entry["doubt"]][:2] == [
        ("clips", "whole"),
        ("clip_times", "seconds"),
    ]


def test_what_times_count_can_be_said(tmp_path: Path) -> None:
    result, rows = cut(tmp_path, timed(1), clip_times="milliseconds", clips="whole")
    assert (len(rows), reading(result, "clip_times")["asked"], reading(result, "clips")["asked"]) == (24, True, True)


def test_hours_minutes_and_seconds_are_times(tmp_path: Path) -> None:
    lines = [f"rec{n % 4}.wav,00:00:0{n // 4},00:0{n // 4}.75,{KINDS[n % 2]}" for n in range(24)]
    _result, rows = cut(tmp_path, ["file,start,end,label", *lines])
    assert (len(rows), {row["seconds"] for row in rows}) == (24, {"0.750"})


def test_rows_without_times_are_left_out_by_line_among_others(tmp_path: Path) -> None:
    lines = [*timed(1), "rec0.wav,1,,dog", "rec1.wav,3,2,cat", "rec1.wav,x,2,cat"]
    result, rows = cut(tmp_path, lines)
    assert (len(rows), "24 clips" in reading(result, "clips")["sentence"]) == (24, True)
    (told,) = [problem for problem in result["problems"] if "has no start and end" in str(problem["examples"])]
    assert (told["count"], told["examples"][0]) == (3, "row 25 of segments.csv has no start and end")


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("1.5", 1.5),
        (" 1,5 ", 1.5),
        ("1:02", 62),
        ("1:00:02.5", 3602.5),
        ("90:00", 5400),
        ("1e3", 1000),
        ("", None),
        (None, None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("9" * 20, None),
        ("1:2:3:4", None),
    ],
)
def test_a_time_is_a_number_or_a_clock(cell: str | None, seconds: float | None) -> None:
    assert time_of(cell) == seconds


LENGTHS = {"a": Length(10, 8000), "b": Length(5, 8000)}
ENDS = {
    "seconds": ({"a": 10.0, "b": 5.2}, ("seconds", True)),
    "milliseconds": ({"a": 9_000.0, "b": 700.0}, ("milliseconds", True)),
    "samples": ({"a": 79_000.0, "b": 39_000.0}, ("samples", True)),
    "none fits": ({"a": 1e9, "b": 1e9}, ("seconds", False)),
    "nothing measured": ({"c": 1e9}, ("seconds", True)),
}


@pytest.mark.parametrize("case", ENDS)
def test_the_first_unit_that_fits_the_recordings(case: str) -> None:
    ends, (name, fits) = ENDS[case]
    unit = choose_unit(None, ends, LENGTHS)
    assert (unit.name, unit.fits) == (name, fits)
    assert choose_unit("samples", ends, LENGTHS).name == "samples"


def test_a_recording_of_too_many_clips_keeps_the_first_and_tells_the_others() -> None:
    row = MediaRow(Entry("a.wav", 1, b""), {"start": "0", "end": "1", "label": "x"})
    rows = [row] * (MAX_CUTS + 2)
    began = time.monotonic()
    made, bad = cut_by(rows, [(0.0, 1.0)] * len(rows), ("start", "end"), "seconds", {})
    assert time.monotonic() - began < 2
    assert (len(made), len(made[0].cuts)) == (1, MAX_CUTS)
    assert bad == [f"row {MAX_CUTS + n} is one of more than 20,000 clips of its recording" for n in (1, 2)]


def test_label_tracks_of_audacity_cut_their_recordings(tmp_path: Path) -> None:
    track = "".join(f"{at}.000000\t{at}.500000\t{KINDS[at % 2]}\n" for at in range(6)) + "7.0\t7.0\tclick\n"
    files = RECORDINGS | {f"rec{n}.txt": track.encode() for n in range(4)}
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert (result["rows"], labels(result), result["suggestion"]["task"]) == (
        24,
        {"dog": 12, "cat": 12},
        "audio-classification",
    )


def test_lines_of_a_label_track() -> None:
    assert is_track("0,5\t1,5\thello there\n\\\t100.0\t200.0\n2\t3\n")
    assert not is_track("hello there")
    assert not is_track("")
    assert [(cut.start, cut.end, cut.cells["text"]) for cut in track_cuts("0,5\t1,5\ta b\n2\t3\n4\t4\tx\n")] == [
        (0.5, 1.5, "a b"),
        (2, 3, None),
    ]


def test_lists_of_files_divide_class_folders(tmp_path: Path) -> None:
    """Speech Commands."""
    files = {
        f"{name}/{n}.wav": sound(10 * place + n + 3) for place, name in enumerate(("yes", "no")) for n in range(10)
    }
    lists = {
        "validation_list.txt": b"yes/0.wav\nno/1.wav\n",
        "testing_list.txt": b"yes/2.wav\nno/3.wav\n",
        "notes_test.txt": b"all is well\n",
    }
    result = inspect([zipped(tmp_path / "a.zip", files | lists)], tmp_path / "v1")
    assert labels(result) == {"yes": 10, "no": 10}
    assert [result["split"][part] for part in ("train", "validation", "test", "given")] == [16, 2, 2, True]


@pytest.mark.parametrize("name", ["unsup", "Unlabeled", "un-labelled", "no_label", "unsorted"])
def test_a_folder_of_what_nobody_labelled_is_no_class(name: str, tmp_path: Path) -> None:
    roles = read_roles([[label] for label in ("good", "bad", name) for _file in range(4)])
    assert set(roles.labels) == {"good", "bad", ""}
    files = {
        f"{label}/{n}.png": picture(10 * place + n)
        for place, label in enumerate(("good", "bad", name))
        for n in range(6)
    }
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert labels(result) == {"good": 6, "bad": 6}
    assert [problem["count"] for problem in result["problems"] if problem["code"] == "missing_labels"] == [6]


def test_columns_of_0_and_1_beside_a_label_stay(tmp_path: Path) -> None:
    """ESC-50: a fold, a number of the class, a flag; and how many channels the recordings have."""
    rows = "".join(f"{n}.wav,{n % 2},{KINDS[n % 2]},{bool(n % 3)},{int(n % 5 == 0)}\n" for n in range(20))
    files = {f"{n}.wav": sound(n + 3) for n in range(20)} | {
        "meta.csv": f"filename,target,category,esc10,salience\n{rows}".encode()
    }
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert {"target", "esc10", "salience", "channels"} <= {column["name"] for column in result["columns"]}
    assert labels(result) == {"dog": 10, "cat": 10}


def test_a_column_that_names_a_unit_which_makes_no_clips_is_doubted(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", RECORDINGS | {"segments.csv": table("file,start_ms,end_ms,label")})
    told = reading(inspect([path], tmp_path / "v1"), "clip_times")
    assert (told["chosen"], told["doubt"]) == ("seconds", True)
    assert {row["seconds"] for row in pq.read_table(tmp_path / "v1/data.parquet").to_pylist()} == {"1.500"}


def test_times_without_a_measured_recording_are_a_guess() -> None:
    assert choose_unit(None, {"a": 4.0, "b": 9.0}, {}) == ("seconds", 0.7, True)


def test_seconds_can_be_chosen_where_they_were_guessed(tmp_path: Path) -> None:
    rows = [f"{name},{at * 3},{at * 3 + 2},{KINDS[at % 2]}" for name in RECORDINGS for at in range(9)]
    path = zipped(tmp_path / "a.zip", RECORDINGS | {"t.csv": "\n".join(["file,start,end,label", *rows]).encode()})
    found = inspect([path], tmp_path / "v1", readings={"clip_times": "seconds"})
    assert (reading(found, "clip_times")["asked"], reading(found, "clips")["chosen"]) == (True, "cut")
    kept = pq.read_table(tmp_path / "v1/data.parquet").to_pylist()
    assert len(kept) + sum(entry["count"] for entry in found["left_out"]) == 36
