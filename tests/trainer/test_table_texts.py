"""Columns of texts in tables: read by their words where that is shown to be better, without a look at the answers."""

import csv
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trainer import leaks, table_texts, tables
from trainer.data.intake import read_files
from trainer.data.readings import Choices
from trainer.families.table import texts
from trainer.families.table.rows import TableRows, baselines, distinct, prepare
from trainer.families.table.search import folds_of
from trainer.learning.job import Job
from trainer.spec import parse
from trainer.table_texts import TextReader
from trainer.words import Terms, Vocabulary, WordModel

ENDS = [first + last for first in ("", "m", "r", "t") for last in ("a", "e", "i", "o", "u")]
GOOD, BAD = (
    tuple(f"{stem}{end}" for stem in stems for end in ENDS)
    for stems in (("soft", "great", "warm", "kind", "neat"), ("bad", "rude", "torn", "itch", "cheap"))
)
"""Too many to be among the commonest words."""
FILLER = [
    "the",
    "shop",
    "sent",
    "this",
    "thing",
    "in",
    "a",
    "box",
    "on",
    "some",
    "day",
    "and",
    "it",
    "was",
    "there",
    "with",
    "a",
    "note",
    "for",
    "me",
]
ZH_GOOD, ZH_BAD = ("很好看", "质量不错", "喜欢"), ("太差了", "退货", "破了")


def review(generator: random.Random, words: tuple[str, ...]) -> str:
    chosen = [generator.choice(FILLER) for _word in range(6)] + [generator.choice(words) for _word in range(4)]
    generator.shuffle(chosen)
    return " ".join(chosen)


def reviews(rows: int, noise: bool = False, chinese: bool = False) -> list[dict[str, Any]]:
    """Half of them good, as one word of each tells; `noise`: the answers are drawn at random."""
    generator = random.Random(3)
    listed = []
    for number in range(rows):
        good = number % 2 == 0
        text = review(generator, GOOD if good else BAD)
        if chinese:
            text = f"第{generator.randint(1, 9)}次买这个东西{generator.choice(ZH_GOOD if good else ZH_BAD)}快递也到了"
        said = generator.random() < 0.5 if noise else good
        missing = number % 17 == 5
        row: dict[str, Any] = {
            "age": generator.randint(20, 70),
            "shop": generator.choice("abc"),
            "review": "" if missing else text,
        }
        listed.append(row | {"target": "yes" if said else "no"})
    return listed


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def prepared(tmp_path: Path, rows: list[dict[str, Any]], **params: Any) -> TableRows:
    path = tmp_path / "rows.csv"
    write_rows(path, rows)
    task = "tabular-classification"
    params = {"text_seconds": 0} | params
    spec = parse({"task": task, "dataset": {"path": str(path), "columns": {"target": "target"}}, "params": params})
    return prepare(Job(spec, tmp_path / "out", lambda _type, **_fields: None))


def column(rows: TableRows, name: str = "review") -> tables.Description:
    return next(column for column in rows.described if column["name"] == name)


def test_words_of_a_text_column_become_one_score(tmp_path: Path) -> None:
    rows = prepared(tmp_path, reviews(400))
    assert column(rows)["reads"] == ["words"]
    features = rows.features()
    place = next(place for place, feature in enumerate(features) if feature["name"] == "review: words")
    assert {feature["column"] for feature in features} == {"age", "shop", "review"}
    known, scores = rows.known("train", "validation"), rows.matrix[:, place]
    is_missing = np.isnan(scores)
    assert 0 < is_missing.sum() < 30, "a row without a text has a gap"
    test = rows.part("test")
    for part in (known, test):
        there = part[~is_missing[part]]
        right = (scores[there] > 0) == (rows.truth[there] == 1)
        assert right.mean() > 0.95


def test_a_score_of_a_row_comes_from_models_that_did_not_learn_from_it(tmp_path: Path) -> None:
    """On random answers words that are learned by heart would be right; scores out of fold are not."""
    rows = prepared(tmp_path, reviews(300, noise=True))
    known = rows.known("train", "validation")
    assert rows.text_columns is not None
    cells = [row["review"] for row in rows.loaded.table.to_pylist()]
    own = texts.Column(0, dict(column(rows)), cells, np.arange(len(cells)))
    model, scored = rows.text_columns.score(rows, known, own)
    truth, folds = rows.truth[known], folds_of(rows.truth[known], labelled=True, seed=0)
    learned = model.outputs([cells[row] or "" for row in known])[:, 0] > 0
    assert (learned == (truth == 1)).mean() > 0.8, "by heart"
    held = scored.all[known, 0] > 0
    assert abs((held == (truth == 1)).mean() - 0.5) < 0.12
    for fold, values in enumerate(scored.folds):
        mine = folds == fold
        np.testing.assert_array_equal(values[mine], scored.all[known][mine])
        others = ~mine & ~np.isnan(values[:, 0])
        assert not np.allclose(values[others], scored.all[known][others]), "nor from the fold that is held back"


def test_the_texts_alone_are_a_baseline_and_numbers_alone_are_without_them(tmp_path: Path) -> None:
    rows = prepared(tmp_path, reviews(400))
    assert rows.text_columns is not None
    simple = baselines(rows.text_columns.job, rows)
    test = rows.part("test")
    right = {name: (np.argmax(each.outputs, axis=1) == rows.truth[test]).mean() for name, each in simple.items()}
    assert right["tfidf_logistic"] > 0.9
    assert right["logistic"] < 0.7, "ages say nothing"


def test_chinese_is_read_by_characters(tmp_path: Path) -> None:
    rows = prepared(tmp_path, reviews(200, chinese=True))
    assert "words" in column(rows)["reads"]
    reader = rows.encoded.readers["review"]
    assert reader.words is not None
    assert reader.words.vocabulary.terms.characters == (1, 3)


def test_a_reader_is_saved_and_reads_alike(tmp_path: Path) -> None:
    vocabulary = Vocabulary.learn(["a good day", "a bad day"], Terms((1, 1), (0, 0)), 10)
    reader = TextReader(WordModel(vocabulary, np.ones((4, 1), dtype=np.float32), np.zeros(1, dtype=np.float32)))
    description = {"name": "t", "kind": "text", "reads": ["words"], "scores": [""], "folder": 0}
    reader.save(table_texts.folder_of(tmp_path, description))
    again = table_texts.load_readers(tmp_path, [description])
    rows = [{"t": "good"}, {"t": None}, {}, {"t": "good"}, {"t": "quite unknown"}]
    every = tables.encode([description], rows, again)
    assert every.shape == (5, len(tables.features_of(description)))
    assert np.isnan(every[1:3]).all()
    alone = np.concatenate([tables.encode([description], [row], again) for row in rows])
    np.testing.assert_array_equal(every, alone)
    np.testing.assert_array_equal(every, tables.encode([description], rows, {"t": reader}))
    assert all(path.is_file() for path in table_texts.files_of(tmp_path, [description]))


def test_the_simplest_of_equals_is_chosen() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(1, 0.2, 400)
    near = noise + generator.normal(0, 0.2, 400) - 0.005
    assert texts.simplest({(): noise, ("words",): near}) == ()
    assert texts.simplest({(): noise, ("words",): noise - 0.2}) == ("words",)
    assert texts.simplest({(): noise, ("words",): noise - 0.2, ("vectors",): noise - 0.2}) == ("words",)


def test_a_text_that_tells_the_answer_is_a_leak() -> None:
    table = pa.table(
        {"note": [f"{row['review']} {'case closed' if row['target'] == 'yes' else ''}" for row in reviews(200)]}
    )
    targets = np.arange(200) % 2
    (leak,) = leaks.find_leaks(table, {"note": "text"}, 1 - targets, ["no", "yes"])
    assert leak["column"] == "note"
    assert leak["rule"].startswith("note contains “c")
    assert leak["rule"].endswith(": yes")
    plain = pa.table({"note": [row["review"] for row in reviews(200)]})
    assert not leaks.find_leaks(plain, {"note": "text"}, 1 - targets, ["no", "yes"]), "many words together are no leak"


@pytest.mark.parametrize("labels", [("refund", "exchange", "repair"), ("退款", "换货", "维修")])
def test_a_text_that_names_its_label_is_a_leak(labels: tuple[str, ...]) -> None:
    blank = " " if labels[0].isascii() else ""
    cells = [
        f"on day {row}{blank}{labels[row % 3]}{blank}was agreed" if blank else f"第{row}天同意{labels[row % 3]}了"
        for row in range(150)
    ]
    (leak,) = leaks.find_leaks(pa.table({"note": cells}), {"note": "text"}, np.arange(150) % 3, list(labels))
    assert leak["rule"] == "note names the answer"


def test_a_table_with_texts_is_a_table_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [{**row, "visits": number % 7, "paid": number % 5 * 1.5} for number, row in enumerate(reviews(120))]
    write_rows(path, rows)
    dataset = read_files([path])
    assert (dataset.task, dataset.roles) == ("tabular-classification", {"target": "target"})
    (reading,) = [reading for reading in dataset.readings if reading["what"] == "text_columns"]
    assert reading["chosen"] == "table"
    assert "review" in reading["sentence"]
    alone = read_files([path], choices=Choices({"text_columns": "text"}))
    assert (alone.task, alone.roles) == ("text-classification", {"text": "review", "label": "target"})
    write_rows(path, [{name: row[name] for name in ("age", "review", "target")} for row in rows])
    few = read_files([path])
    assert few.task == "text-classification"
    (reading,) = [reading for reading in few.readings if reading["what"] == "text_columns"]
    assert (reading["chosen"], reading["others"]) == ("text", ["table"])
    assert read_files([path], choices=Choices({"text_columns": "table"})).task == "tabular-classification"


def test_vectors_are_read_by_the_graph_that_is_served(tmp_path: Path) -> None:
    rows = prepared(tmp_path, reviews(300), text_seconds=36_000)
    assert rows.text_columns is not None
    known = rows.known("train", "validation")
    cells, indices = distinct(rows.loaded.table.column("review"))
    own = texts.Column(0, dict(column(rows)), cells, indices)
    assert rows.text_columns.read([own], np.arange(len(rows.truth))) == {0}
    reduction, scored = rows.text_columns.score_vectors(rows, known, own)
    encoder = rows.text_columns.vectors.open([])
    text = next(cell for cell in cells if cell)
    alone, beside = encoder([text]), encoder([text, "a much longer text about something else " * 9])
    np.testing.assert_array_equal(alone[0], beside[0])
    assert alone.shape[1] == len(reduction.mean)
    is_missing = np.isnan(scored.all[:, 0])
    assert 0 < is_missing.sum() < 30
    right = (scored.all[known, 0] > 0) == (rows.truth[known] == 1)
    assert right[~is_missing[known]].mean() > 0.6


def test_vectors_score_a_row_by_models_that_did_not_learn_from_it(tmp_path: Path) -> None:
    rows = prepared(tmp_path, reviews(300, noise=True), text_seconds=36_000)
    assert rows.text_columns is not None
    known = rows.known("train", "validation")
    cells, indices = distinct(rows.loaded.table.column("review"))
    own = texts.Column(0, dict(column(rows)), cells, indices)
    rows.text_columns.read([own], np.arange(len(rows.truth)))
    scores = rows.text_columns.score_vectors(rows, known, own)[1].all[known, 0]
    there = ~np.isnan(scores)
    right = (scores[there] > 0) == (rows.truth[known][there] == 1)
    assert right.mean() < 0.65, "nothing in the texts tells the answers"


def test_texts_that_take_too_long_are_read_by_their_words(tmp_path: Path) -> None:
    rows = prepared(tmp_path, reviews(300), text_seconds=1e-6)
    assert column(rows)["reads"] == ["words"]
    assert rows.encoded.encoder is None
