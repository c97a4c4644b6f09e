"""Layouts of known collections of speech: what was said lies in another folder, beside it, or in a table of several."""

from pathlib import Path

import pytest

from tests.trainer.data_files import sound, zipped
from trainer.data.dataset import Dataset
from trainer.data.intake import read_files

COUNT = 12


def words(number: int) -> str:
    return f"these are the words of recording number {number}"


def read(files: dict[str, bytes], place: Path) -> Dataset:
    return read_files([zipped(place / "0-corpus.zip", files)])


def vctk(sounds: str, ending: str, named: str) -> dict[str, bytes]:
    """Speakers with a folder each, of sounds and of texts, which may be called alike."""
    files: dict[str, bytes] = {
        "speaker-info.txt": b"ID  AGE  GENDER  ACCENTS\np225  23  F    English\np226  22  M  English\n"
    }
    for n in range(COUNT):
        speaker = f"p22{5 + n % 2}"
        name = named.format(speaker=speaker, place=n // 2)
        files[f"{sounds}/{speaker}/{name}{ending}"] = sound(3 + n)
        files[f"txt/{speaker}/{name}.txt"] = words(n).encode()
    return files


@pytest.mark.parametrize(
    ("sounds", "ending", "named"),
    [
        ("wav48", ".wav", "{speaker}_{place:03}"),
        ("wav48_silence_trimmed", "_mic1.wav", "{speaker}_{place:03}"),
        ("wav48", ".wav", "{place:03}"),
    ],
)
def test_vctk(sounds: str, ending: str, named: str, tmp_path: Path) -> None:
    dataset = read(vctk(sounds, ending, named), tmp_path)
    assert (dataset.rows, dataset.task) == (COUNT, "speech-recognition")
    row = next(row for row in dataset.table.to_pylist() if "p226" in row["file"] and "001" in row["file"])
    assert (row[dataset.roles["text"]], row["speaker"]) == (words(3), "p226")


def test_common_voice(tmp_path: Path) -> None:
    header = "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccents\tlocale\tsegment\n"
    lines = [f"c{n % 4}\tcommon_voice_en_{n}.wav\t{words(n)}\t2\t0\ttwenties\tmale\t\ten\t\n" for n in range(COUNT)]
    files = {f"cv/en/clips/common_voice_en_{n}.wav": sound(3 + n) for n in range(COUNT)}
    files |= {
        "cv/en/train.tsv": (header + "".join(lines[:8])).encode(),
        "cv/en/test.tsv": (header + "".join(lines[8:])).encode(),
        "cv/en/validated.tsv": (header + "".join(lines)).encode(),
    }
    dataset = read(files, tmp_path)
    assert (dataset.rows, dataset.task, dataset.roles["text"]) == (COUNT, "speech-recognition", "sentence")
    assert (dataset.given_split, int((dataset.split == "test").sum())) == (True, 4)


def test_ljspeech(tmp_path: Path) -> None:
    files = {f"LJSpeech-1.1/wavs/LJ001-{n:04}.wav": sound(3 + n) for n in range(COUNT)}
    listed = "".join(f"LJ001-{n:04}|{words(n)} (no. {n})|{words(n)}\n" for n in range(COUNT))
    dataset = read(files | {"LJSpeech-1.1/metadata.csv": listed.encode()}, tmp_path)
    assert (dataset.rows, dataset.task) == (COUNT, "speech-recognition")
