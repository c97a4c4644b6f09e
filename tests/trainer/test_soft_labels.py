"""Labels as probabilities, and a row for each vote of an annotator."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.test_label_columns import read, text_of
from trainer.data.exports.spans import Span, guess_unit, to_characters
from trainer.data.inspect import inspect
from trainer.data.soft_labels import parse_json, parse_named

CLASSES = ("good", "bad", "fair")


def scores(n: int) -> list[float]:
    top = 0.4 if n % 10 == 9 else 0.8
    return [top if place == n % 3 else (1 - top) / 2 for place in range(3)]


def quoted(value: Any) -> str:
    return '"' + json.dumps(value).replace('"', '""') + '"'


FORMS: dict[str, Any] = {
    "columns": ("text,prob_good,prob_bad,prob_fair", lambda n: ",".join(f"{share:.2f}" for share in scores(n))),
    "named": ("text,label", lambda n: f"{CLASSES[n % 3]} ({max(scores(n)):.2f})"),
    "percent": ("text,label", lambda n: f"{CLASSES[n % 3]}: {100 * max(scores(n)):.0f}%"),
    "pipeline": ("text,label", lambda n: quoted([{"label": c, "score": s} for c, s in zip(CLASSES, scores(n), strict=True)])),
    "python": ("text,label", lambda n: '"' + str([{"label": c, "score": s} for c, s in zip(CLASSES, scores(n), strict=True)]) + '"'),
    "object": ("text,label", lambda n: quoted(dict(zip(CLASSES, scores(n), strict=True)))),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_likeliest_label_is_the_label(form: str, tmp_path: Path) -> None:
    header, cell = FORMS[form]
    result, rows = read([header, *(f"{text_of(n)},{cell(n)}" for n in range(60))], tmp_path)
    assert [row["label"] for row in rows] == [CLASSES[n % 3] for n in range(60)]
    assert result["suggestion"]["columns"] == {"text": "text", "label": "label"}
    assert json.loads(rows[0]["label probabilities"])["good"] == pytest.approx(0.8)
    asked = next(entry for entry in result["reading"] if entry["what"].startswith("probabilities"))
    assert (asked["chosen"], asked["others"], asked["doubt"]) == ("argmax", ["at_least_half", "keep"], True)
    key = asked["what"]
    for choice, missing in (("at_least_half", 6), ("keep", 0)):
        place = tmp_path / choice
        place.mkdir()
        result = inspect([tmp_path / "data.csv"], place / "v1", readings={key: choice})
        table = pq.read_table(place / "v1" / "data.parquet")
        assert ("label probabilities" in table.column_names) == (choice != "keep")
        assert choice == "keep" or table.column("label").null_count == missing


@pytest.mark.parametrize(
    "cell",
    [
        "good (2019)",
        "at 10:30",
        "[1, 2]",
        '{"a": 0.5}',
        '{"a": 0.9, "b": 0.9}',
        '[{"label": "a"}]',
        "0.5 (0.5)",
        "{broken",
    ],
)
def test_other_cells_are_no_scores(cell: str) -> None:
    assert (parse_named(cell), parse_json(cell)) == (None, None)


def test_shares_of_a_table_without_a_soft_row_stay(tmp_path: Path) -> None:
    """0 and 1 alone are labels in columns, not probabilities; two shares that do not sum to 1 are numbers."""
    lines = ["text,a,b", *(f"{text_of(n)},{0.3 + n / 100},{0.4}" for n in range(40))]
    _result, rows = read(lines, tmp_path)
    assert set(rows[0]) == {"text", "a", "b"}


def votes(people: int = 3, items: int = 30) -> list[str]:
    lines = ["item_id,text,annotator,label"]
    for n in range(items):
        for person in range(people):
            label = CLASSES[(n + person) % 3] if n % 10 == 0 else CLASSES[n % 3] if person else CLASSES[n % 2]
            lines.append(f"{n},{text_of(n)},ann{person},{label}")
    return lines


def test_votes_in_rows_are_joined_by_item(tmp_path: Path) -> None:
    result, rows = read(votes(), tmp_path)
    assert (len(rows), set(rows[0])) == (30, {"item_id", "text", "label", "label agreement"})
    assert [(row["label"], row["label agreement"]) for row in rows[:3]] == [
        ("good", "0.333"),
        ("bad", "1"),
        ("fair", "0.667"),
    ]
    asked = next(entry for entry in result["reading"] if entry["what"] == "annotators")
    assert (asked["chosen"], asked["others"]) == ("majority", ["drop_ties", "apart"])
    assert "90 votes on 30 items" in asked["sentence"]
    assert "3 items" in asked["sentence"]


def test_votes_may_be_kept_apart_or_ties_dropped(tmp_path: Path) -> None:
    result, rows = read(votes(), tmp_path, readings={"annotators": "apart"})
    assert (len(rows), result["split"]["wanted"]) == (90, {"group": "item_id"})
    (tmp_path / "two").mkdir()
    result, rows = read(votes(), tmp_path / "two", readings={"annotators": "drop_ties"})
    assert (len(rows), [(entry["reason"], entry["count"]) for entry in result["left_out"]]) == (27, [("ties", 9)])


def test_a_table_of_one_row_an_item_is_no_votes(tmp_path: Path) -> None:
    lines = ["item_id,text,annotator,label", *(f"{n},{text_of(n)},ann{n % 2},{CLASSES[n % 3]}" for n in range(60))]
    _result, rows = read(lines, tmp_path)
    assert (len(rows), "annotator" in rows[0]) == (60, True)


def test_positions_in_bytes_are_told_by_the_words() -> None:
    text = "Größe passt in Köln gut 🙂 sagt Ann Müller heute"
    samples = []
    for words in ("Köln", "Ann Müller"):
        start = len(text[: text.index(words)].encode())
        samples.append((text, [Span(start, start + len(words.encode()), "X", words)]))
    assert guess_unit(samples)[0] == "bytes"
    span = to_characters(text, samples[1][1], "bytes")[0]
    assert text[span.start : span.end] == "Ann Müller"
