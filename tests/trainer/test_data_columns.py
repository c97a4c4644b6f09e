from pathlib import Path

import pyarrow as pa
import pytest

from tests.trainer.data_files import TABLES, TEXTS
from trainer import tables
from trainer.columns import canonical_label, guess_text_and_label, is_missing, number_of
from trainer.data.cells import parse_numbers
from trainer.data.intake import read_files
from trainer.data.profiling import profile_column


def profiles(**columns: list[str | None]) -> list[dict]:
    return [profile_column(name, pa.chunked_array([pa.array(cells, pa.string())])) for name, cells in columns.items()]


SENTENCES: list[str | None] = [f"this is the message with the number {row}" for row in range(100)]
CLASSES: list[str | None] = ["a", "b"] * 50


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (SENTENCES, "text"),
        (["spam", "ham"] * 50, "category"),
        (["1", "2.5", "-3", "1,234.5", "4e3"] * 20, "number"),
        (["$1,200.00", "€ 300", "(45.10)", "7 %", "1 250 000"] * 20, "number"),
        (["1.200,50", "300,25", "45,1", "1.000.000,0"] * 20, "number"),
        (["01002", "10115", "80331", "02139"] * 20, "category"),
        ([f"{row * 7919 % 90_000:05}" for row in range(100)], "id"),
        ([str(1000 + row * 7919 % 90_000) for row in range(100)], "number"),
        (["5 0 4 1", "9 2 2 3", "4 4 0 1"] * 20, "category"),
        (["2024-01-05", "05/01/2024", "5 January 2024"] * 30, "date"),
        (["yes", "no"] * 50, "boolean"),
        ([str(row) for row in range(100)], "id"),
        ([f"ab{row:08x}" for row in range(100)], "id"),
        ([None, "", " ", "NaN"] * 25, "empty"),
        ([f"房间很干净第{row}次" for row in range(100)], "text"),
    ],
)
def test_kinds(cells: list[str | None], kind: str) -> None:
    assert profiles(column=cells)[0]["kind"] == kind


@pytest.mark.parametrize("name", ["Billing Zip", "postcode", "PLZ", "Phone"])
def test_codes_are_known_by_their_name(name: str) -> None:
    cells = [str(1002 + row * 7919 % 9_000) for row in range(100)]
    assert profiles(**{name: cells})[0]["kind"] == "id"
    assert profiles(**{name: cells[:40] * 2})[0]["kind"] == "category"


CELLS = ["$1,200.00", "€ 300", "(45.10)", "7 %", "1,234.5", "-3", "4e3", "n.a.", "", "1 250"] * 3
COMMAS = ["1.200,50", "300,25 €", "45,1", "-1.000.000,0", "7", "x"] * 3


@pytest.mark.parametrize(("cells", "decimal"), [(CELLS, "."), (COMMAS, ","), (["1", "2.5", "x"], ".")])
def test_many_cells_are_read_as_one_is(cells: list[str], decimal: str) -> None:
    together = parse_numbers(pa.chunked_array([pa.array(cells, pa.string())]), decimal).to_pylist()
    assert together == [number_of(cell, decimal) for cell in cells]


@pytest.mark.parametrize("kind", ["number", "category", "id", "text", "boolean"])
def test_a_model_sees_the_kinds_of_the_page(kind: str) -> None:
    cells = {
        "number": ["$1,200.00", "$90.50", "$3,000"] * 30,
        "category": ["01002", "10115", "80331"] * 30,
        "id": [f"{row * 7919 % 90_000:05}" for row in range(90)],
        "text": [f"this is message {row}, and it is long" for row in range(90)],
        "boolean": ["yes", "no"] * 45,
    }[kind]
    on_page = profiles(column=cells)[0]
    assert on_page["kind"] == kind
    in_model = tables.guess_kind("column", cells, len(set(cells)), len(cells))
    assert in_model == {"boolean": "category"}.get(kind, kind)


@pytest.mark.parametrize("text", ["text", "Message", "review_body", "Question", "文本", "评论", "内容", "Nachricht"])
@pytest.mark.parametrize("label", ["label", "Category", "intent", "sentiment", "标签", "类别"])
def test_names_in_several_languages(text: str, label: str) -> None:
    found = guess_text_and_label(profiles(id=[str(row) for row in range(100)], **{label: CLASSES, text: SENTENCES}))
    assert found == {"text": text, "label": label}


def test_statistics_where_names_say_nothing() -> None:
    assert guess_text_and_label(profiles(x1=CLASSES, x2=SENTENCES)) == {"text": "x2", "label": "x1"}


def test_a_chosen_column_is_free_for_no_other_role() -> None:
    columns = profiles(text=SENTENCES, label=CLASSES, topic=CLASSES)
    assert guess_text_and_label(columns, {"label": "topic"}) == {"text": "text"}
    assert guess_text_and_label(columns, {"text": "label"})["label"] == "topic"


def test_figures_of_a_column() -> None:
    found = profiles(column=["aa", " aa ", None, "n/a", "bbbb"])[0]
    assert (found["missing"], found["there"], found["distinct"]) == (2, 3, 3)
    assert found["length"] == {"mean": 3.3, "min": 2, "median": 4, "p95": 4, "max": 4}


def test_labels_and_missing_values() -> None:
    assert [canonical_label(label) for label in (" a ", "1.0", "01", "1.5")] == ["a", "1", "01", "1.5"]
    assert all(map(is_missing, [None, "", "  ", "NaN", "null", "N/A", "\\N"]))
    assert not any(map(is_missing, ["none", "0", "no", "NA"]))


@pytest.mark.skipif(not TEXTS.is_dir(), reason="the data sets are not on this machine")
@pytest.mark.parametrize("name", ["banking77_test.csv", "ag_news_test.csv", "sms_spam.csv", "chn_hotel_test.csv"])
def test_real_texts_are_understood(name: str) -> None:
    assert read_files([TEXTS / name]).roles == {"text": "text", "label": "label"}


@pytest.mark.skipif(not TABLES.is_dir(), reason="the data sets are not on this machine")
@pytest.mark.parametrize(
    ("name", "task", "target"),
    [
        ("titanic.csv", "tabular-classification", "Survived"),
        ("telco_churn.csv", "tabular-classification", "Churn"),
        ("german_credit.csv", "tabular-classification", "class"),
        ("california_housing.csv", "tabular-regression", "median_house_value"),
    ],
)
def test_real_tables_of_numbers_have_an_answer(name: str, task: str, target: str) -> None:
    content = read_files([TABLES / name])
    assert (content.task, content.roles) == (task, {"target": target})


def test_a_last_column_called_status_is_the_answer_and_a_marital_status_is_not(tmp_path: Path) -> None:
    lines = [
        f"{20 + row},{('single', 'married')[row // 3 % 2]},{3.5 * row},{('churned', 'stayed')[row % 2]}"
        for row in range(40)
    ]
    (tmp_path / "orders.csv").write_text("\n".join(["age,marital_status,refunded_amount,status", *lines]))
    read = read_files([tmp_path / "orders.csv"])
    assert (read.task, read.roles) == ("tabular-classification", {"target": "status"})


@pytest.mark.parametrize(
    ("prices", "task"),
    [
        ([1000 + 150 * row for row in range(12)], "tabular-regression"),  # another one in each row
        ([1000 + 150 * (row % 8) for row in range(14)], "tabular-regression"),  # few, and most come once
        ([1000.5 + row % 15 for row in range(20)], "tabular-regression"),
        ([row % 5 for row in range(12)], "tabular-classification"),
        ([row % 20 for row in range(200)], "tabular-classification"),
        ([row % 21 for row in range(200)], "tabular-regression"),
    ],
)
def test_numbers_are_classes_where_they_are_few_and_come_again(prices: list[float], task: str, tmp_path: Path) -> None:
    lines = [f"{40 + 7 * row},{row % 3},{price}" for row, price in enumerate(prices)]
    (tmp_path / "homes.csv").write_text("\n".join(["size,rooms,price", *lines]))
    content = read_files([tmp_path / "homes.csv"])
    assert (content.task, content.roles) == (task, {"target": "price"})


def test_it_is_light() -> None:
    import subprocess
    import sys

    code = "import sys, trainer.columns; print(sorted({'numpy', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
