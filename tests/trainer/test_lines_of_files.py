"""Plain texts of which each line is a row: translations line by line, and a file for each class."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from trainer.data.line_files import LineRows, class_names, count_shared, read_line_files, side_of, words_of
from trainer.errors import DataError

ENGLISH = [f"This is sentence number {n}." for n in range(6)]
GERMAN = [f"Das ist Satz Nummer {n}." for n in range(6)]


def read(folder: Path, **files: list[str]) -> LineRows | None:
    """`files`: {name, with __ for a dot: lines}."""
    sent = []
    for name, rows in files.items():
        path = folder / name.replace("__", ".")
        path.write_text("\n".join(rows) + "\n", "utf-8")
        sent.append((path, path.name))
    return read_line_files(sent)


def rows_of(made: LineRows | None) -> list[tuple[str | None, ...]]:
    assert made is not None
    return [tuple(row.values()) for row in made.dataset.table.to_pylist()]


@pytest.mark.parametrize("swapped", [False, True])
def test_the_same_line_of_two_languages_is_a_row_whatever_the_order_of_the_files(swapped: bool, tmp_path: Path) -> None:
    files = {"news__en": ENGLISH, "news__de": GERMAN}
    made = read(tmp_path, **(dict(reversed(files.items())) if swapped else files))
    assert made is not None
    assert made.dataset.names == ["en", "de"]
    assert rows_of(made) == list(zip(ENGLISH, GERMAN, strict=True))
    assert (made.parts, made.readings[0].chosen) == (None, "parallel")


def test_the_source_stands_before_the_target_and_parts_are_those_of_the_names(tmp_path: Path) -> None:
    made = read(tmp_path, train__tgt=GERMAN, train__src=ENGLISH, test__src=ENGLISH[:3], test__tgt=GERMAN[:3])
    assert made is not None
    assert made.dataset.names == ["source", "target"]
    assert made.parts is not None
    assert made.parts.tolist() == ["train"] * 6 + ["test"] * 3
    assert [source["rows"] for source in made.dataset.sources] == [6, 6, 3, 3]


def test_a_blank_line_keeps_its_place_and_has_no_text(tmp_path: Path) -> None:
    made = read(tmp_path, a__en=[*ENGLISH[:3], "", *ENGLISH[4:], *ENGLISH], a__de=GERMAN * 2)
    assert rows_of(made)[3] == (None, "Das ist Satz Nummer 3.")


def test_files_of_another_length_are_refused_with_both_counts(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        read(tmp_path, a__en=ENGLISH, a__de=GERMAN[:4])
    assert refused.value.code == "columns_differ"
    assert str(refused.value).startswith("a.en has 6 lines and a.de has 4:")


def test_a_file_for_each_class_is_labelled_by_its_name(tmp_path: Path) -> None:
    made = read(tmp_path, rt_polarity__pos=ENGLISH, rt_polarity__neg=["", *GERMAN * 2])
    assert rows_of(made) == [*((text, "pos") for text in ENGLISH), *((text, "neg") for text in GERMAN * 2)]
    assert made is not None
    assert made.readings[0].sentence == "Each line is a text, and its file's name is the label: pos, neg."


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ([["train", "spam"], ["train", "ham"]], ["spam", "ham"]),
        ([["mails", "spam", "clean"], ["mails", "ham", "clean"]], ["spam", "ham"]),
        ([["a", "very", "good"], ["a", "bad"]], ["very good", "bad"]),
        ([["train"], ["test"]], ["", ""]),
        ([["same"], ["same"]], ["", ""]),
        ([["好评"], ["差评"]], ["好评", "差评"]),
    ],
)
def test_a_class_is_what_tells_a_name_from_the_others(names: list[list[str]], labels: list[str]) -> None:
    assert class_names(names) == labels


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.lists(some.lists(some.sampled_from(["a", "b", "c"]), max_size=4), min_size=1, max_size=4))
def test_shared_words_are_a_common_beginning_and_no_longer_one_is(names: list[list[str]]) -> None:
    count = count_shared(names)
    assert all(words[:count] == names[0][:count] for words in names)
    longer = [words[: count + 1] for words in names]
    assert len(longer[0]) == count or any(words != longer[0] for words in longer) or min(map(len, names)) == count


@pytest.mark.parametrize(
    ("name", "words", "side"),
    [
        ("corpus/News.EN", ["corpus", "news", "en"], "en"),
        ("train-src.txt", ["train", "src"], "source"),
        ("en/train.txt", ["en", "train"], "en"),
        ("reviews.pos", ["reviews", "pos"], ""),
        ("lines.txt", ["lines"], ""),
        ("txt", ["txt"], ""),
    ],
)
def test_a_name_s_words_tell_its_side(name: str, words: list[str], side: str) -> None:
    assert words_of(name) == words
    assert side_of(words) == side


@pytest.mark.parametrize(
    "files",
    [
        {"a__csv": ["text,label", "x,1"], "b__csv": ["text,label", "y,2"]},
        {"a__txt": ["x\t1", "y\t2", "z\t3"], "b__txt": ["x\t1", "y\t2", "z\t3"]},
        {"a__json": ['{"a": 1}', '{"a": 2}'], "b__json": ['{"a": 1}', '{"a": 2}']},
        {"a__en": ["only one line"], "a__de": ["nur eine Zeile"]},
        {"train__txt": ENGLISH, "test__txt": ENGLISH},
        {"a__en": ENGLISH},
    ],
    ids=["tables", "tabs", "json", "one line", "parts alone", "one file"],
)
def test_other_files_are_none(files: dict[str, list[str]], tmp_path: Path) -> None:
    assert read(tmp_path, **files) is None
