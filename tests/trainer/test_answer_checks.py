"""Answers to test prompts beside the actual ones and those of the base model: schema, checks, report."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from trainer.errors import UserError
from trainer.packaging.card import answer_checks
from trainer.report_text import report_text
from trainer.writing.checks import Sides, check
from trainer.writing.schemas import infer, keeps_to, parsed, schema_of

PEOPLE = [
    {"name": "Ann", "age": 3, "tags": ["a"], "home": {"city": "Bonn"}},
    {"name": "Ben", "age": 4.5, "tags": [], "home": {"city": "Köln", "zip": None}, "note": "x"},
]
VALUES: list[Any] = [
    *PEOPLE,
    {"name": "Cleo", "age": True, "tags": [], "home": {"city": "Ulm"}},
    {"name": "Cleo", "age": 1, "tags": [1], "home": {"city": "Ulm"}},
    {"name": "Cleo", "age": 1, "tags": [], "home": {"city": "Ulm", "zip": 3}},
    {"name": "Cleo", "age": 1, "tags": [], "home": {}},
    {"name": "Cleo", "age": 1, "tags": []},
    {"name": "Cleo", "age": 1, "tags": [], "home": {"city": "Ulm"}, "more": 1},
    [],
    {},
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_what_keeps_to_a_schema_is_what_jsonschema_says(value: Any) -> None:
    schema = infer(PEOPLE)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert keeps_to(value, schema) is jsonschema.Draft202012Validator(schema).is_valid(value)


def test_every_value_keeps_to_the_schema_of_all() -> None:
    values = [*VALUES, [1, [2.5, {"a": None}]], [[["deep"]]], {str(number): 1 for number in range(150)}]
    assert all(keeps_to(value, infer(values)) for value in values)


def test_a_schema_is_of_answers_that_are_nearly_all_json() -> None:
    answers = [json.dumps({"n": number}) for number in range(9)]
    schema = schema_of(answers)
    assert schema is not None
    assert schema["properties"] == {"n": {"type": "integer"}}
    assert schema_of([*answers, "sorry"]) == schema
    assert schema_of([*answers, "sorry", "sorry"]) is None
    assert schema_of(answers[:3]) is None
    assert schema_of(["12"] * 20) is None, "a number alone is a text"
    assert schema_of(["[" * 100_000] * 20) is None


def test_json_is_checked_beside_the_base_model() -> None:
    learned = [json.dumps({"n": number}) for number in range(20)]
    sides = Sides(['{"n": 1}'] * 4, ['{"n": 2}', '{"m": 2}', '{"n": ', "2"], ["Hello"] * 4)
    found = check(sides, learned, "\n".join(learned))
    shares = {each["name"]: (each["truth"], each["model"], each["base"]) for each in found["checks"]}
    assert shares["json"] == (1.0, 0.5, 0.0)
    assert shares["schema"] == (1.0, 0.25, 0.0)
    assert "language" not in shares
    assert found["schema"]["required"] == ["n"]


def test_language_length_repetition_and_copies_of_texts() -> None:
    german, english = "Das Paket ist leider noch nicht angekommen.", "The parcel has not arrived yet, I am sorry."
    corpus = "It was a long story about a small kettle that boiled all day in the hall."
    sides = Sides([german, german], [german, english], None)
    found = check(sides, ["no", "json"], corpus)
    shares = {each["name"]: each for each in found["checks"]}
    assert shares["language"] == {"name": "language", "truth": 1.0, "model": 0.5, "base": None}
    assert shares["length"]["truth"] == len(german)
    assert found["languages"]["model"] == {"German": 1, "English": 1}
    assert not found["base"]
    assert "copied" not in shares, "none of them is long enough to"
    long = check(Sides([german], [corpus + "so it is so. " * 4], [corpus[::-1]]), [], corpus)
    shares = {each["name"]: (each["model"], each["base"]) for each in long["checks"]}
    assert shares["copied"] == (1.0, 0.0)
    assert shares["repeating"] == (1.0, 0.0)


def test_nothing_that_was_written_is_nothing_to_check() -> None:
    assert check(Sides([], []), [], "")["checks"] == []
    assert parsed("nonsense") is not None


REPORT = {
    "answers": check(Sides(["Yes, it is."], ["No | no\nno"], ["Hm."]), [], ""),
    "mistakes": [{"row": 3, "prompt": "Is it?", "truth": "Yes, it is.", "predicted": "No | no\nno", "base": "Hm."}],
}


def test_the_card_and_the_command_show_both_models(tmp_path: Path) -> None:
    assert "| characters, typically | 10 | 3 | 11 |" in answer_checks(REPORT)
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    (tmp_path / "README.md").write_text("# Text generation\n\n## Use it without Maquette\n\ncode")
    text = report_text(tmp_path)
    assert "| row | prompt | base model | this model | actual |" in text
    assert "| 3 | Is it? | Hm. | No \\| no ⏎ no | Yes, it is. |" in text
    assert "code" not in text


def test_from_scratch_there_is_no_base_and_that_is_said(tmp_path: Path) -> None:
    alone = REPORT | {"answers": check(Sides(["Yes."], ["No."]), [], "")}
    assert "no base model" in answer_checks(alone)
    (tmp_path / "report.json").write_text(json.dumps(alone))
    (tmp_path / "README.md").write_text("# T")
    assert "| row | prompt | this model | actual |" in report_text(tmp_path)


def test_a_folder_without_a_report_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no report"):
        report_text(tmp_path)
