"""How files were read is said, with the other choices, and each can be asked for; what is left out is counted."""

import json
from pathlib import Path

import pytest

from tests.trainer.data_files import classes, rows, write_csv, zipped
from trainer.__main__ import main
from trainer.data.inspect import inspect
from trainer.data.readings import Choices, parse_choices
from trainer.errors import SpecError


def test_the_header_is_a_reading_with_another_choice(tmp_path: Path) -> None:
    result = inspect([write_csv(tmp_path / "a.csv", rows())], tmp_path / "v1")
    header = result["reading"][0]
    assert (header["what"], header["chosen"], header["others"], header["doubt"]) == ("header", "1", ["0"], False)
    assert header["sentence"] == "Header in row 1"
    assert header["preview"]["columns"] == ["text", "label"]
    assert header["choices"][0]["preview"]["rows"][0] == ["text", "label"]
    assert json.loads((tmp_path / "v1" / "profile.json").read_text())["reading"] == result["reading"]


def test_another_reading_is_asked_for_and_lasts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_csv(tmp_path / "a.csv", rows())
    assert main(["inspect", str(path), "--out", str(tmp_path / "v1"), "--reading", "header=0"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    header = result["reading"][0]
    (choice,) = header["choices"]
    assert (choice["choice"], choice["label"]) == ("1", "Header in row 1")
    assert choice["preview"]["columns"] == ["text", "label"]
    assert header | {"preview": None, "i18n": None, "choices": []} == {
        "what": "header", "chosen": "0", "others": ["1"], "confidence": 1.0, "doubt": False, "asked": True, "column": "",
        "sentence": "No header", "file": "a.csv", "choices": [], "preview": None, "i18n": None,
    }  # fmt: skip
    assert result["rows"] == 61
    again = inspect([tmp_path / "v1"], tmp_path / "v2", split={"seed": 3})
    assert again["reading"] == result["reading"]


@pytest.mark.parametrize("asked", [{"hedder": "0"}, {"header": "two"}, {"layout": "poem"}, {"header@b.csv": "1"}])
def test_a_reading_that_there_is_not_is_refused(tmp_path: Path, asked: dict[str, str]) -> None:
    with pytest.raises(SpecError, match=r"cannot be read as|have no reading") as caught:
        inspect([write_csv(tmp_path / "a.csv", rows())], tmp_path / "v1", readings=asked)
    assert caught.value.code == "bad_reading"
    assert caught.value.hint


def test_a_choice_for_one_file_goes_before_one_for_all() -> None:
    choices = Choices({"header": "1", "header@b.csv": "3", "decimal:price": "comma"})
    assert [choices.get("header", name) for name in ("a.csv", "b.csv")] == ["1", "3"]
    assert choices.get("decimal", "a.csv", "price") == "comma"
    choices.check_used()


def test_pairs_of_the_command_line() -> None:
    assert parse_choices(["header=2", "decimal:a=b@x.csv=comma"]) == {"header": "2", "decimal:a=b@x.csv": "comma"}
    with pytest.raises(SpecError, match="is not a reading"):
        parse_choices(["header"])


def test_lines_that_cannot_be_read_are_left_out_by_file(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", rows())
    path.write_text(path.read_text() + "one,two,three,four\n", "utf-8")
    result = inspect([path], tmp_path / "v1")
    (left_out,) = result["left_out"]
    assert (left_out["file"], left_out["reason"], left_out["count"]) == ("a.csv", "unreadable", 1)
    assert "line 62" in left_out["examples"][0]


def test_files_of_another_kind_are_left_out_and_warned_of(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", classes() | {"cat/notes.doc": b"x", "cat/broken.png": b"x"})
    result = inspect([archive], tmp_path / "v1")
    assert {entry["reason"]: entry["count"] for entry in result["left_out"]} == {"undecodable": 1, "other_kind": 1}
    severities = {problem["code"]: problem["severity"] for problem in result["problems"]}
    assert severities["other_files"] == severities["corrupt_media"] == "warning"
