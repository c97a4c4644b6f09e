"""Issues, cards and chats as their programs export them: labels by their names, moments of other scripts, tokens that name rows, and
lines that begin with a bracket."""

import json
from pathlib import Path

import pytest

from tests.trainer.test_data_uploads import rows_of
from trainer.columns import guess_kind
from trainer.data.inspect import inspect
from trainer.dates import guess_form, moment_at, value_of
from trainer.json_types import JsonObject

TEXTS = [("the page does not load", "a dark mode would be nice")[n % 2] + f" since version {n}" for n in range(30)]


def issue(number: int, late: bool = False) -> JsonObject:
    names = [("bug", "idea")[number % 2], *(["urgent"] * (number % 5 == 0))]
    listed = [{"id": 7, "name": name, "color": "f00", "description": None} for name in names]
    return {"number": number, "title": TEXTS[number], "labels": "none" if late else listed, "state": "open"}


def test_labels_of_issues_are_lists_of_their_names(tmp_path: Path) -> None:
    path = tmp_path / "issues.json"
    path.write_text(json.dumps([*map(issue, range(30)), {**issue(0), "labels": []}]))
    found = inspect([path], tmp_path / "v1")
    rows = rows_of(tmp_path / "v1")
    assert [rows[0]["labels"], rows[1]["labels"], rows[30]["labels"]] == ['["bug", "urgent"]', '["idea"]', "[]"]
    assert found["suggestion"]["columns"] == {"text": "title", "labels": "labels"}
    told = next(entry for entry in found["reading"] if entry["what"] == "entries:labels")
    assert (told["chosen"], told["others"]) == ("names", ["keep"])
    found = inspect([path], tmp_path / "v2", readings={"entries:labels": "keep"})
    assert json.loads(rows_of(tmp_path / "v2")[1]["labels"])[0]["color"] == "f00"


def test_marked_passages_called_labels_stay_as_they_are(tmp_path: Path) -> None:
    records = [{"text": text, "labels": [{"name": "x", "start": 0, "end": 3}]} for text in TEXTS]
    (tmp_path / "a.json").write_text(json.dumps(records))
    inspect([tmp_path / "a.json"], tmp_path / "v1")
    assert "start" in rows_of(tmp_path / "v1")[0]["labels"]


@pytest.mark.parametrize(
    ("cell", "form", "moment"),
    [
        ("05/Jan/24 10:00 AM", "words", "2024-01-05 10:00"),
        ("05 Jan 24", "words", "2024-01-05 00:00"),
        ("2024. 1. 5. 오후 10:05", "year_first", "2024-01-05 22:05"),
        ("5/1/2024، 10:05 ص", "day_first", "2024-01-05 10:05"),
        ("٥/١/٢٠٢٤، ١٠:٠٥ م", "day_first", "2024-01-05 22:05"),
        ("2024/1/5 下午3:20", "year_first", "2024-01-05 15:20"),
        ("2024年1月5日 下午3:20", "cjk", "2024-01-05 15:20"),
        ("5/1/24, 10:05 μ.μ.", "day_first", "2024-01-05 22:05"),
    ],
)
def test_moments_of_other_scripts(cell: str, form: str, moment: str) -> None:
    seconds = value_of(cell, form)
    assert seconds is not None
    assert f"{moment_at(seconds):%Y-%m-%d %H:%M}" == moment
    assert guess_form([cell]) is not None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([f"{n:032x}" for n in range(1, 60)], "id"),
        ([f"{n:08x}-0000-4000-8000-{n:012x}" for n in range(60)], "id"),
        ([f"a sentence of some words {n}" for n in range(60)], "text"),
        ([f"https://shop.example/products/{n:05}" for n in range(60)], "text"),
    ],
    ids=["hexadecimal", "uuid", "texts", "addresses"],
)
def test_tokens_name_their_rows(values: list[str], kind: str) -> None:
    assert guess_kind(values, len(values), len(values)) == kind


@pytest.mark.parametrize("start", ["[LINE] Chat history with Ann", "[INFO] started", "[2024-01-05 10:00:01] started"])
def test_lines_that_begin_with_a_bracket_are_no_json(start: str, tmp_path: Path) -> None:
    lines = [start, *(f"10:{n:02}\tAnn\t{text}" for n, text in enumerate(TEXTS))]
    (tmp_path / "chat.txt").write_text("\n".join(lines))
    found = inspect([tmp_path / "chat.txt"], tmp_path / "v1")
    is_title = start.startswith("[LINE]")
    assert found["rows"] + sum(entry["count"] for entry in found["left_out"]) == (30 if is_title else 31)
