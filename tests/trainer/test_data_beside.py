"""What describes pictures and sounds from beside them: a text or JSON file each, lists without a header, tables sent apart."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import picture, sound, zipped
from tests.trainer.test_data_uploads import rows_of
from trainer.data.inspect import inspect
from trainer.errors import DataError

WORDS = ("open the door", "close it", "“go” left, now", '"never closed', "stop | here", "turn right")


def texts(count: int = 12) -> list[str]:
    return [f"{WORDS[n % len(WORDS)]} {n}" for n in range(count)]


def recordings(pattern: str, count: int = 12) -> dict[str, bytes]:
    return {pattern.format(n): sound(n + 1) for n in range(count)}


def read(files: dict[str, bytes], tmp_path: Path, *others: Path) -> dict[str, Any]:
    return inspect([zipped(tmp_path / "set.zip", files), *others], tmp_path / "v1")


def check_speech(result: dict[str, Any], tmp_path: Path, count: int = 12, lines: list[str] | None = None) -> None:
    assert (result["suggestion"]["task"], result["rows"]) == ("speech-recognition", count)
    column = result["suggestion"]["columns"]["text"]
    assert sorted(row[column] for row in rows_of(tmp_path / "v1")) == sorted(lines or texts(count))


@pytest.mark.parametrize(
    "pattern", ["recordings/{:04}", "wavs/{:04} txt/{:04}", "wav48/p225/p225_{:03}_mic1 txt/p225/p225_{:03}"]
)
def test_a_transcript_beside_each_recording(pattern: str, tmp_path: Path) -> None:
    wav, text = (pattern.split() * 2)[:2]
    files = recordings(wav + ".wav") | {f"{text.format(n)}.txt": line.encode() for n, line in enumerate(texts())}
    result = read(files, tmp_path)
    check_speech(result, tmp_path)
    assert result["left_out"] == []


def test_lj_speech_has_no_header_and_quotes_that_stay_open(tmp_path: Path) -> None:
    lines = [f'"so she said {n}' if n % 3 else f"and then {n}" for n in range(12)]
    listed = "\n".join(f"LJ001-{n:04}|{line}|{line.lower()}" for n, line in enumerate(lines))
    result = read(recordings("LJ/wavs/LJ001-{:04}.wav") | {"LJ/metadata.csv": listed.encode()}, tmp_path)
    check_speech(result, tmp_path, lines=lines)
    assert rows_of(tmp_path / "v1")[0]["normalized_text"] == "and then 0"


def test_kaldi_and_libri_speech(tmp_path: Path) -> None:
    script = "".join(f"utt{n} sph2pipe -f wav audio/{n}.wav\n" for n in range(12))
    listed = "".join(f"utt{n} {line}\n" for n, line in enumerate(texts()))
    speakers = "".join(f"utt{n} speaker{n // 3}\n" for n in range(12))
    kaldi = {"data/wav.scp": script.encode(), "data/text": listed.encode(), "data/utt2spk": speakers.encode()}
    check_speech(read(recordings("audio/{}.wav") | kaldi, tmp_path), tmp_path)
    assert {row["speaker"] for row in rows_of(tmp_path / "v1")} == {f"speaker{n}" for n in range(4)}
    libri = "".join(f"19-198-{n:04} {line}\n" for n, line in enumerate(texts()))
    files = recordings("19/198/19-198-{:04}.wav") | {"19/198/19-198.trans.txt": libri.encode()}
    result = inspect([zipped(tmp_path / "libri.zip", files)], tmp_path / "v2")
    assert (result["suggestion"]["task"], result["rows"]) == ("speech-recognition", 12)


def test_common_voice_lists_a_clip_in_several_tables(tmp_path: Path) -> None:
    def table(numbers: range) -> bytes:
        return (
            "client_id\tpath\tsentence\n" + "".join(f"c{n % 4}\tc{n}.wav\tsentence number {n}\n" for n in numbers)
        ).encode()

    tables = {
        "train.tsv": range(8),
        "test.tsv": range(8, 12),
        "validated.tsv": range(12),
        "invalidated.tsv": range(12, 14),
    }
    files = recordings("en/clips/c{}.wav", 15) | {f"en/{name}": table(rows) for name, rows in tables.items()}
    result = read(files, tmp_path)
    assert (result["rows"], result["split"]["test"], result["split"]["given"]) == (12, 4, True)
    assert {entry["file"]: entry["count"] for entry in result["left_out"]} == {
        "en/validated.tsv": 12,
        "en/invalidated.tsv": 2,
        "set.zip": 3,
    }


def test_fields_beside_each_picture(tmp_path: Path) -> None:
    files = {f"all/{n}.png": picture(n) for n in range(12)}
    files |= {f"all/{n}.json": json.dumps({"class": "ab"[n % 2], "meta": {"site": n % 3}}).encode() for n in range(12)}
    result = read(files, tmp_path)
    assert result["suggestion"]["columns"] == {"image": "image", "label": "class"}
    assert rows_of(tmp_path / "v1")[4]["meta.site"] == "1"


def test_a_web_dataset_s_classes(tmp_path: Path) -> None:
    files = {f"{n:06}.png": picture(n) for n in range(12)} | {f"{n:06}.cls": str(n % 3).encode() for n in range(12)}
    result = read(files, tmp_path)
    assert (result["suggestion"]["task"], len(result["labels"])) == ("image-classification", 3)


def test_a_list_without_a_header_names_pictures_and_classes(tmp_path: Path) -> None:
    listed = "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(12)).encode()
    result = read({f"images/{n}.png": picture(n) for n in range(12)} | {"labels.csv": listed}, tmp_path)
    assert (result["suggestion"]["task"], result["rows"]) == ("image-classification", 12)


def test_names_in_a_table_are_those_of_its_own_folder_first(tmp_path: Path) -> None:
    files = {f"{part}/{n}.png": picture(n + 50 * (part == "test")) for part in ("train", "test") for n in range(8)}
    for part in ("train", "test"):
        lines = "".join(f"{n}.png,{part[:2]}{n % 2}\n" for n in range(8))
        files[f"{part}/metadata.csv"] = f"file_name,label\n{lines}".encode()
    result = read(files, tmp_path)
    assert (result["rows"], result["split"]["test"]) == (16, 8)
    assert all(row["label"][:2] == row["file"][:2] for row in rows_of(tmp_path / "v1"))


# Sent apart


def test_a_table_sent_beside_the_archive_names_its_files(tmp_path: Path) -> None:
    files = {f"{n}.png": picture(n) for n in range(12)}
    (tmp_path / "labels.csv").write_text("id,breed\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(12)))
    result = read(files, tmp_path, tmp_path / "labels.csv")
    assert result["suggestion"]["columns"] == {"image": "image", "label": "breed"}
    (tmp_path / "labels.csv").write_text("id,breed\n" + "".join(f"x{n},a\n" for n in range(12)))
    with pytest.raises(DataError) as caught:
        inspect([tmp_path / "set.zip", tmp_path / "labels.csv"], tmp_path / "v2")
    assert caught.value.code in ("columns_differ", "no_labels")


def test_an_archive_for_each_class(tmp_path: Path) -> None:
    sent = [
        zipped(tmp_path / f"{name}.zip", {f"{n}.png": picture(n + 50 * (name == "dogs")) for n in range(8)})
        for name in ("cats", "dogs")
    ]
    result = inspect(sent, tmp_path / "v1")
    assert {entry["label"]: entry["count"] for entry in result["labels"]} == {"cats": 8, "dogs": 8}


def test_pictures_sent_as_they_are_with_their_table(tmp_path: Path) -> None:
    sent = [tmp_path / f"{n}-{n}.png" for n in range(12)]
    for n, path in enumerate(sent):
        path.write_bytes(picture(n))
    (tmp_path / "12-labels.csv").write_text("file,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(12)))
    result = inspect([*sent, tmp_path / "12-labels.csv"], tmp_path / "v1")
    assert (result["rows"], result["suggestion"]["task"]) == (12, "image-classification")
