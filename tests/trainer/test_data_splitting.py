from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.data_made import keys_from
from trainer.data.inspect import inspect
from trainer.data.intake import read_files
from trainer.data.row_keys import normalise_text
from trainer.data.splitting import AT_RANDOM, DRAWN, MAX_VALIDATION_ROWS, split_rows
from trainer.errors import DataError
from trainer.spec import SplitSpec

PAIRS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), min_size=1, max_size=120)


def split(texts: list[str], labels: list[str], **wanted: float) -> list[str]:
    return split_rows(keys_from(texts, labels), SplitSpec(**wanted)).tolist()  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(pairs=PAIRS, seed=st.integers(0, 3))
def test_properties(pairs: list[tuple[int, int]], seed: int) -> None:
    texts, labels = [f"Text {text}!" for text, _label in pairs], [str(label) for _text, label in pairs]
    parts = split(texts, labels, seed=seed)
    assert set(parts) <= {"train", "validation", "test"}
    assert parts == split(texts, labels, seed=seed)
    sides = defaultdict(set)
    for text, part in zip(texts, parts, strict=True):
        sides[normalise_text(text)].add(part)
    assert all(len(side) == 1 for side in sides.values())
    first_label = {}
    for text, label in zip(texts, labels, strict=True):
        first_label.setdefault(text, label)
    learned = {first_label[text] for text, part in zip(texts, parts, strict=True) if part == "train"}
    assert learned == set(first_label.values())


def test_shares_are_kept_in_every_class() -> None:
    labels = ["a"] * 700 + ["b"] * 200 + ["c"] * 100
    parts = split([f"text {row}" for row in range(1000)], labels)
    counts = Counter(zip(labels, parts, strict=True))
    assert [counts[label, "test"] for label in "abc"] == [140, 40, 20]
    assert [counts[label, "validation"] for label in "abc"] == [70, 20, 10]


def test_another_seed_is_another_split() -> None:
    texts, labels = [f"text {row}" for row in range(200)], ["a", "b"] * 100
    assert split(texts, labels, seed=0) != split(texts, labels, seed=1)


def test_new_rows_move_few_others() -> None:
    texts, labels = [f"text {row}" for row in range(1000)], ["a", "b"] * 500
    before, after = split(texts, labels), split([*texts, "one more", "another"], [*labels, "a", "b"])
    assert sum(one != other for one, other in zip(before, after, strict=False)) < 10


def test_the_default_validation_part_is_bounded_and_a_wanted_one_is_not() -> None:
    texts, labels = [f"text {row}" for row in range(20_000)], ["a", "b"] * 10_000
    assert split(texts, labels).count("validation") == MAX_VALIDATION_ROWS
    assert split(texts, labels, validation=0.1).count("validation") == 2000


def test_a_text_repeated_often_does_not_fill_the_test_part() -> None:
    parts = split(["again"] * 80 + [f"text {row}" for row in range(20)], ["a"] * 100)
    assert parts.count("test") <= 20
    assert parts[0] == "train"


@pytest.mark.parametrize("count", [10, 12, 30])
def test_tiny_classes_still_leave_a_test_part(count: int) -> None:
    parts = split([f"text {row}" for row in range(count)], [str(row // 2) for row in range(count)])
    assert parts.count("test") >= 2
    assert parts.count("train") >= count // 2


def test_given_parts_stay() -> None:
    fixed = np.array(["test"] * 20 + [""] * 80, dtype="U10")
    keys = keys_from([f"text {row}" for row in range(100)], ["a", "b"] * 50)
    parts = split_rows(keys, SplitSpec(), fixed)
    assert (parts == "test").tolist() == (fixed == "test").tolist()
    assert (parts == "validation").sum() == 8


def test_unusable_rows_have_no_part() -> None:
    texts = ["", " ", "null", *(f"text {row}" for row in range(20))]
    assert split(texts, ["a", "b", "a"] + ["a", "b"] * 10)[:3] == ["", "", ""]
    assert split([f"text {row}" for row in range(20)], ["n/a", "NaN"] + ["a", "b"] * 9)[:2] == ["", ""]


def test_what_two_copies_share() -> None:
    assert normalise_text("Hello,  World!") == normalise_text("ｈｅｌｌｏ world")
    assert normalise_text("C++") != normalise_text("C")
    assert normalise_text("so 👍") != normalise_text("so 👎")
    assert normalise_text("नमस्ते") == "नमस्ते"
    assert normalise_text("?!") == "?!"


def test_groups_are_never_divided(tmp_path: Path) -> None:
    lines = [f"message {n} about a thing,{'ab'[n % 2]},customer {n // 5}" for n in range(200)]
    (tmp_path / "a.csv").write_text("text,label,customer\n" + "\n".join(lines))
    content = read_files([tmp_path / "a.csv"], split=SplitSpec(group="customer"))
    sides = {}
    for customer, part in zip(content.table.column("customer").to_pylist(), content.split, strict=True):
        assert sides.setdefault(customer, part) == part
    assert 30 <= (content.split == "test").sum() <= 50
    assert content.split_how == "by group"


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y"])
def test_the_newest_rows_are_tested_on(form: str, tmp_path: Path) -> None:
    days = [date(2024, 1, 1) + timedelta(days=(n * 37) % 200) for n in range(200)]
    lines = [f"message {n} about a thing,{'ab'[n % 2]},{day.strftime(form)}" for n, day in enumerate(days)]
    (tmp_path / "a.csv").write_text("text,label,day\n" + "\n".join(lines))
    content = read_files([tmp_path / "a.csv"], split=SplitSpec(time="day"))
    by_part = {
        part: [day for day, own in zip(days, content.split, strict=True) if own == part]
        for part in ("train", "validation", "test")
    }
    assert max(by_part["train"]) < min(by_part["validation"]) <= max(by_part["validation"]) < min(by_part["test"])
    assert len(by_part["test"]) == 40


def test_a_column_without_dates_divides_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "\n".join(f"message {n} here,{'ab'[n % 2]}" for n in range(40)))
    with pytest.raises(DataError, match="no dates"):
        read_files([tmp_path / "a.csv"], split=SplitSpec(time="text"))


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ('{{"prompt": "What is {0} and {0}?", "completion": "It is {1}, of course."}}', AT_RANDOM),
        ('{{"text": "parcel {0} is late", "label": "{2}"}}', DRAWN),
    ],
)
def test_labels_are_mixed_only_where_there_are_labels(tmp_path: Path, line: str, how: str) -> None:
    lines = [line.format(n, 2 * n, "early" if n % 3 else "late") for n in range(60)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    assert inspect([tmp_path / "rows.jsonl"], tmp_path / "version")["split"]["how"] == how
