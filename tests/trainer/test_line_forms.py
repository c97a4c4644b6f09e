"""Texts that are tables in a form of their own, held against the libraries that write them."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

from tests.trainer.data_made import lines, records
from trainer.data.tables.line_forms import are_blocks, find_line_form
from trainer.data.tables.table import MAX_FIELD_CHARACTERS, Table


def opened(text: str) -> Table:
    opener = find_line_form(text)
    assert opener is not None
    return opener(lines(text), "rows.txt", len(text), {})


# LIBSVM


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    some.lists(some.lists(some.sampled_from([0.0, 0.5, 1.0, -2.25]), min_size=4, max_size=4), min_size=3, max_size=20)
)
def test_sparse_rows_are_those_of_scikit_learn(rows: list[list[float]]) -> None:
    rows[0] = [1.0, 0.0, 0.0, 2.0]  # no form without a single feature
    rows = [row if any(row) else [0.5, 0.0, 0.0, 0.0] for row in rows]
    buffer = io.BytesIO()
    dump_svmlight_file(np.array(rows), np.arange(len(rows)) % 2, buffer, zero_based=False)
    text = buffer.getvalue().decode()
    cells = records(opened(text))
    features, labels = load_svmlight_file(io.BytesIO(buffer.getvalue()), n_features=4, zero_based=False)
    assert [float(row["label"] or "nan") for row in cells] == labels.tolist()
    for number in range(1, 5):
        read = [float(row.get(f"feature_{number}") or 0) for row in cells]
        assert read == features.toarray()[:, number - 1].tolist()


def test_queries_of_a_ranking_keep_their_documents_together() -> None:
    table = opened("3 qid:1 1:0.5 2:1\n1 qid:1 2:0.25 # worse\n+2 qid:7 1:1\n")
    assert table.group == "qid"
    rows = records(table)
    assert [row["qid"] for row in rows] == ["1", "1", "7"]
    assert [row["label"] for row in rows] == ["3", "1", "2"], "a plus is no part of a label"
    assert rows[1] == {"label": "1", "qid": "1", "feature_1": "0", "feature_2": "0.25"}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_and_blank_lines_are_no_rows(newline: str) -> None:
    text = newline.join(["1 1:2", "", "0 2:3", "# a note", "1 1:1", "0 1:4", *["1 2:2"] * 20, ""])
    assert len(records(opened(text))) == 24


# ARFF


HEAD = "% a note\n@RELATION weather\n@attribute day string\n@Attribute 'air temp' NUMERIC\n@attribute play {yes, no}\n@DATA\n"


def test_attributes_are_columns_and_a_question_mark_is_nothing() -> None:
    text = HEAD.replace("@attribute day string\n", "") + "21.5, yes\n?, no\n% between\n-3, yes\n1e2,no\n"
    assert records(opened(text)) == [
        {"air temp": "21.5", "play": "yes"},
        {"air temp": None, "play": "no"},
        {"air temp": "-3", "play": "yes"},
        {"air temp": "1e2", "play": "no"},
    ]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("'it\\'s wet, and cold'", "it's wet, and cold"),
        ('"a, b"', "a, b"),
        ("雨 ☔", "雨 ☔"),
        ("''", ""),
        ("?", None),
    ],
)
def test_a_quoted_cell_is_one_cell(cell: str, value: str | None) -> None:
    rows = records(opened(f"{HEAD}{cell},1,yes\n"))
    assert [row["day"] for row in rows] == [value]


def test_rows_of_another_width_and_sparse_ones_are_refused_by_their_line() -> None:
    table = opened(HEAD + "mon,1,yes\nmon,1\n{0 mon, 2 no}\ntue,2,no,more\nwed,3,no\n")
    assert [row["day"] for row in records(table)] == ["mon", "wed"]
    assert table.bad == [
        (8, "has 2 fields instead of 3"),
        (9, "is a sparse row of ARFF"),
        (10, "has 4 fields instead of 3"),
    ]


@pytest.mark.parametrize("length", [200_000, MAX_FIELD_CHARACTERS + 1])
def test_a_cell_of_any_length_is_read_or_its_line_is_told(length: int) -> None:
    table = opened(f"{HEAD}{'x' * length},1,yes\nmon,2,no\n")
    rows = records(table)
    assert len(rows) + table.bad_count == 2
    assert (rows[-1]["day"], table.bad_count) == ("mon", int(length > MAX_FIELD_CHARACTERS))


def test_attributes_without_a_name_or_with_the_same_one_are_told_apart() -> None:
    table = opened("@relation x\n@attribute a numeric\n@attribute a numeric\n@attribute '' numeric\n@data\n1,2,3\n")
    assert records(table) == [{"a": "1", "a (2)": "2", "column 3": "3"}]


# fastText


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    some.lists(
        some.tuples(some.sampled_from(["spam", "ham", "天气", "a-b"]), some.text("abc é中_:", min_size=1, max_size=20)),
        min_size=3,
        max_size=12,
    )
)
def test_a_label_and_its_text_are_read_back(rows: list[tuple[str, str]]) -> None:
    text = "".join(f"__label__{label} {body}\n" for label, body in rows)
    table = opened(text)
    assert table.suggested == {"text": "text", "label": "label"}
    assert [(row["label"], row["text"]) for row in records(table)] == [
        (label, body.strip() or None) for label, body in rows
    ]


def test_several_labels_are_a_list_and_no_text_is_none() -> None:
    rows = records(opened("__label__a __label__b both\n__label__c,__label__a\n\n__label__b one\n__label__a x\n"))
    assert [json.loads(row["labels"] or "") for row in rows] == [["a", "b"], ["c", "a"], ["b"], ["a"]]
    assert [row["text"] for row in rows] == ["both", None, "one", "x"]


def test_a_line_without_a_label_keeps_its_text() -> None:
    text = "".join(f"__label__x line {n}\n" for n in range(40)) + "no label here\n"
    assert records(opened(text))[-1] == {"text": "no label here", "label": None}


# Blocks


def block(number: int, **more: str) -> str:
    fields = {"Ticket": str(number), "Subject": f"order {number}", **more}
    return "\n".join(f"{key}: {value}" for key, value in fields.items())


def test_a_block_is_a_row_and_a_value_may_go_on() -> None:
    text = "\n\n".join([block(1, Body="first\nsecond line\nthird"), block(2, Body=""), block(3, Priority="high")])
    table = opened(text)
    rows = records(table)
    assert [row["Ticket"] for row in rows] == ["1", "2", "3"]
    assert [row["Body"] for row in rows] == ["first\nsecond line\nthird", "", None]
    assert [row["Priority"] for row in rows] == [None, None, "high"]
    assert table.readings[0].chosen == "blocks"


@pytest.mark.parametrize("gap", ["\n\n", "\n\n\n", "\r\n\r\n", "\n \t\n"])
def test_whatever_parts_blocks_the_rows_are_the_same(gap: str) -> None:
    text = gap.join(block(number) for number in range(5))
    assert [row["Subject"] for row in records(opened(text))] == [f"order {number}" for number in range(5)]


def test_a_line_before_any_name_is_refused() -> None:
    table = opened("\n\n".join([*(block(n) for n in range(12)), "nobody knows this\n" + block(99)]))
    assert len(records(table)) == 13
    assert [reason for _line, reason in table.bad] == ["belongs to no name"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n".join(["Dear all,\nplease note: it rains."] * 5),
        "\n\n".join([block(1), block(2)]),
        "\n\n".join("Name: x" for _n in range(5)),
        "\n\n".join(f"Key{n}: a\nOther{n}: b" for n in range(5)),
        "\n\n".join("Q: who?\nQ: where?\nA: here" for _n in range(5)),
    ],
    ids=["nothing", "prose", "two blocks", "one name", "other names each time", "a name twice"],
)
def test_what_only_resembles_blocks_is_none(text: str) -> None:
    assert not are_blocks(text)


# Which form


FORMS: dict[str, Any] = {
    "csv": "text,label\ngood,1\nbad,0\nfair,1\n",
    "two lines": "__label__a x\n__label__b y\n",
    "times": "10:30 starts\n11:00 ends\n12:15 lunch\n13:00 more\n",
    "a few labels": "__label__a x\nplain\nplain\nplain\n",
    "nothing": "",
    "ratios": "1 to 2:1\n3 to 4:1\n5 to 6:1\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_other_texts_have_none_of_these_forms(name: str) -> None:
    assert find_line_form(FORMS[name]) is None


def test_a_form_is_read_from_a_file_as_from_memory(tmp_path: Path) -> None:
    from trainer.data.tables.formats import open_table

    text = "".join(f"__label__{'ab'[n % 2]} line {n} 你好\n" for n in range(30))
    (tmp_path / "data.txt").write_text(text, "utf-8")
    assert records(open_table(tmp_path / "data.txt")) == records(opened(text))
