"""Long recordings with what is said when: cut to clips, or read whole. Every cut is a clip or is told."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.trainer.data_files import zipped
from tests.trainer.test_data_uploads import rows_of
from trainer.data.clips import cue_cuts, grid_cuts
from trainer.data.inspect import inspect

RATE = 8_000


def recording(seconds: float = 10.0, form: str = "WAV", seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(seed).normal(0, 0.1, int(seconds * RATE))
    soundfile.write(buffer, noise, RATE, format=form)
    return buffer.getvalue()


def told(found: dict[str, Any]) -> int:
    return sum(entry["count"] for entry in found["left_out"])


def srt(*cues: tuple[str, str, str]) -> bytes:
    return "\r\n\r\n".join(f"{n}\r\n{a} --> {b}\r\n{text}" for n, (a, b, text) in enumerate(cues, 1)).encode()


def grid(tiers: dict[str, list[tuple[float, float, str]]], short: bool = False) -> bytes:
    """A TextGrid in Praat's long or short form."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    if short:
        lines += ["0", "10", "<exists>", str(len(tiers))]
        for name, cuts in tiers.items():
            lines += ['"IntervalTier"', f'"{name}"', "0", "10", str(len(cuts))]
            lines += [f'{start}\n{end}\n"{text}"' for start, end, text in cuts]
        return "\n".join(lines).encode("utf-16")
    lines += ["xmin = 0", "xmax = 10", "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for place, (name, cuts) in enumerate(tiers.items(), 1):
        lines += [f"    item [{place}]:", '        class = "IntervalTier"', f'        name = "{name}"']
        lines += ["        xmin = 0", "        xmax = 10", f"        intervals: size = {len(cuts)}"]
        for n, (start, end, text) in enumerate(cuts, 1):
            lines += [f"        intervals [{n}]:", f"            xmin = {start}", f"            xmax = {end}"]
            lines += [f'            text = "{text}"']
    return "\n".join(lines).encode()


def test_kaldi_s_segments_are_cut(tmp_path: Path) -> None:
    files = {f"data/wav/talk{n}.wav": recording(seed=n) for n in range(4)}
    files["data/train/wav.scp"] = "\n".join(f"talk{n} data/wav/talk{n}.wav" for n in range(4)).encode()
    spans = [(n, k, f"{k * 2}.0 {k * 2 + 1.5}") for n in range(4) for k in range(5)]
    lines = [f"u{n}{k} talk{n} {span}" for n, k, span in spans] + [
        "late talk0 20 22",
        "lost talk9 0 1",
        "bad talk1 x y",
    ]
    files["data/train/segments"] = "\n".join(lines).encode()
    files["data/train/text"] = "\n".join(f"u{n}{k} words {n} {k}" for n, k, _span in spans).encode()
    files["data/train/utt2spk"] = "\n".join(f"u{n}{k} anna{n}" for n, k, _span in spans).encode()
    path = zipped(tmp_path / "a.zip", files)
    found = inspect([path], tmp_path / "v")
    rows = rows_of(tmp_path / "v")
    assert (found["rows"], told(found), found["suggestion"]["task"]) == (20, 3, "speech-recognition")
    assert {key: rows[1][key] for key in ("text", "speaker", "start", "end", "seconds", "file")} == {
        "text": "words 0 1",
        "speaker": "anna0",
        "start": "2.000",
        "end": "3.500",
        "seconds": "1.500",
        "file": "data/wav/talk0.wav",
    }
    clip, rate = soundfile.read(tmp_path / "v" / "media" / rows[1]["audio"])
    whole, _rate = soundfile.read(io.BytesIO(recording(seed=0)))
    np.testing.assert_allclose(clip, whole[2 * rate : int(3.5 * rate)], atol=1e-3)
    reading = found["reading"][0]
    assert (reading["what"], reading["chosen"], reading["others"], reading["doubt"]) == (
        "clips",
        "cut",
        ["whole"],
        False,
    )
    inspect([path], tmp_path / "v2", readings={"clips": "whole"})
    assert rows_of(tmp_path / "v2")[0]["text"] == "words 0 0 words 0 1 words 0 2 words 0 3 words 0 4"


def test_clips_of_a_recording_stay_in_one_part(tmp_path: Path) -> None:
    files: dict[str, bytes] = {}
    for n in range(12):
        files[f"talk{n}.wav"] = recording(4, seed=n)
        files[f"talk{n}.srt"] = srt(*((f"00:00:0{k},000", f"00:00:0{k},900", f"line {n} {k}") for k in range(4)))
    found = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v")
    assert found["rows"] == 48
    assert found["split"]["wanted"] == {"group": "file"}


@pytest.mark.parametrize("ending", ["srt", "vtt"])
def test_subtitles_cut_a_recording(ending: str, tmp_path: Path) -> None:
    files: dict[str, bytes] = {}
    for n in range(6):
        files[f"clips/talk {n}.flac"] = recording(6, "FLAC", n)
        cues = srt(
            ("00:00:00,500", "00:00:01,500", f"<i>first</i> {n}"), ("00:00:02,000", "00:00:03,000", "<v Ann>second")
        )
        files[f"clips/talk {n}.en.{ending}"] = b"WEBVTT\n\n" + cues.replace(b",", b".") if ending == "vtt" else cues
    found = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v")
    rows = rows_of(tmp_path / "v")
    assert (found["rows"], rows[0]["text"], rows[1]["text"], rows[1]["speaker"]) == (12, "first 0", "second", "Ann")


@pytest.mark.parametrize("short", [False, True])
def test_a_grid_cuts_by_its_sentences(short: bool, tmp_path: Path) -> None:
    tiers = {
        "words": [(0.0, 0.5, "so"), (0.5, 1.0, "what")],
        "sentences": [(0.0, 1.0, "so what"), (1.0, 2.0, ""), (2.0, 3.0, 'a ""quote""')],
    }
    cuts, is_fine = grid_cuts(grid(tiers, short).decode("utf-16" if short else "utf-8"))
    assert not is_fine
    assert [(cut.start, cut.end, cut.cells["text"]) for cut in cuts] == [(0.0, 1.0, "so what"), (2.0, 3.0, 'a "quote"')]
    files = {f"{n}.wav": recording(4, seed=n) for n in range(8)} | {
        f"{n}.TextGrid": grid(tiers, short) for n in range(8)
    }
    assert inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v")["rows"] == 16


def test_an_aligned_grid_of_words_is_read_whole(tmp_path: Path) -> None:
    tiers = {"words": [(0.0, 0.5, "so"), (0.5, 1.0, "what")], "phones": [(0.0, 0.2, "S"), (0.2, 0.5, "OW")]}
    files = {f"{n}.wav": recording(4, seed=n) for n in range(8)} | {f"{n}.TextGrid": grid(tiers) for n in range(8)}
    path = zipped(tmp_path / "a.zip", files)
    found = inspect([path], tmp_path / "v")
    assert (found["rows"], rows_of(tmp_path / "v")[0]["text"]) == (8, "so what")
    assert [(r["what"], r["chosen"], r["doubt"]) for r in found["reading"]] == [("clips", "whole", True)]
    assert inspect([path], tmp_path / "v2", readings={"clips": "cut"})["rows"] == 16


def test_two_speakers_tiers_are_both_cut() -> None:
    cuts, _fine = grid_cuts(grid({"Ann": [(0.0, 1.0, "hi")], "Ben": [(1.0, 2.0, "ho")]}).decode())
    assert [cut.cells for cut in cuts] == [{"text": "hi", "speaker": "Ann"}, {"text": "ho", "speaker": "Ben"}]


@pytest.mark.parametrize(
    "text", ["", "WEBVTT", "1\n00:00:01,000 -->", "IntervalTier", '"IntervalTier" "a" 0 1 999999 0 1']
)
def test_broken_transcripts_give_nothing(text: str) -> None:
    assert list(cue_cuts(text)) == []
    assert grid_cuts(text) == ([], False)
