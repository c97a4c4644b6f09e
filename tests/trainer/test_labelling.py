"""What is asked while rows are labelled: suggestions, the order of asking, the score and when to stop; against plain references."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.trainer.command import build_model
from tests.trainer.data_files import sound, zipped
from tests.trainer.suggesting import suggested
from trainer.data.inspect import inspect
from trainer.data.pool import ONE_IN
from trainer.errors import SpecError
from trainer.labelling import asking, classifier
from trainer.labelling.asking import spread_out
from trainer.labelling.request import Request
from trainer.labelling.rows import read_rows
from trainer.labelling.suggest import SUGGESTIONS, suggest
from trainer.labelling.tones import TONES
from trainer.labelling.vectors import COLUMNS, WORDS, vectors_of, word_vectors

pytestmark = pytest.mark.usefixtures("no_models")

TOPICS = {
    "card": "my card was lost or stolen",
    "refund": "please give my money back",
    "rate": "what is the exchange rate",
}
ROWS = 400


def topic_of(row: int) -> str:
    return list(TOPICS)[row * 7 % len(TOPICS)]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts of three topics, none with a label."""
    folder = tmp_path_factory.mktemp("labelling")
    lines = [f"{TOPICS[topic_of(row)]} number {row}," for row in range(ROWS)]
    (folder / "a.csv").write_text("\n".join(["text,label", *lines]), "utf-8")
    columns = {"text": "text", "label": "label"}
    inspect([folder / "a.csv"], folder / "v1", task="text-classification", columns=columns)
    return folder / "v1"


def asked(version: Path, out: Path, rows: list[int], **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(result, suggestions) after these rows, from 1, were labelled in this order."""
    decisions = [{"row": row, "value": topic_of(row - 1)} for row in rows]
    return suggested(version, out, decisions, **more)


def test_before_two_labels_rows_are_spread(version: Path, tmp_path: Path) -> None:
    result, rows = asked(version, tmp_path / "out", [])
    assert (result["reader"], result["labels"], result["score"], result["rows"]) == (WORDS, 0, None, ROWS)
    assert {row["reason"] for row in rows[:50]} == {asking.SPREAD}
    assert {row["label"] for row in rows} == {None}
    assert len({topic_of(row["row"] - 1) for row in rows[:6]}) == len(TOPICS)


def test_suggestions_are_right_and_say_how_sure_they_are(version: Path, tmp_path: Path) -> None:
    _result, rows = asked(version, tmp_path / "out", list(range(1, 31)))
    assert len(rows) == ROWS - 30
    assert all(row["label"] == topic_of(row["row"] - 1) for row in rows)
    assert all(1 / 3 < row["confidence"] <= 1 for row in rows)


def test_of_ten_one_is_for_the_test_and_what_is_reserved_is_asked_at_no_other_turn(
    version: Path, tmp_path: Path
) -> None:
    _result, rows = asked(version, tmp_path / "out", list(range(1, 31)))
    reasons = [row["reason"] for row in rows[:100]]
    assert [reasons.count(reason) for reason in ("test", "random", "uncertain")] == [10, 20, 70], "nothing is corrected"
    order = [row["row"] for row in rows[:100] if row["reason"] != asking.TEST]
    test = [row["row"] for row in rows[:100] if row["reason"] == asking.TEST]
    decided = [{"row": row, "value": topic_of(row - 1), "source": "person"} for row in [*order, *test]]
    made = inspect([version], tmp_path / "v2", changes={"labels": decided})
    parts = pq.read_table(tmp_path / "v2" / "split.parquet").column("split").to_pylist()
    assert {parts[row - 1] for row in test} == {"test"}
    assert made["split"]["test"] == len(test)


def test_the_test_is_a_random_part_of_the_pool(version: Path, tmp_path: Path) -> None:
    """Whatever is uncertain: over seeds, each of the reserved rows is asked about as often."""
    counts = np.zeros(ROWS)
    for seed in range(12):
        _result, rows = asked(version, tmp_path / "out", [1, 2, 3], seed=seed, count=60)
        for row in rows:
            counts[row["row"] - 1] += row["reason"] == asking.TEST
    reserved = counts[counts > 0]
    assert len(reserved) > ROWS / ONE_IN / 2
    assert reserved.var() < 3 * reserved.mean()


def test_rows_like_the_last_corrected_one_come(version: Path, tmp_path: Path) -> None:
    asked(version, tmp_path / "out", list(range(1, 31)))
    decisions = [{"row": row, "value": topic_of(row - 1)} for row in range(1, 31)]
    decisions.append({"row": 32, "value": "other"})
    request = {"version": str(version), "decisions": decisions}
    (tmp_path / "out" / "request.json").write_text(json.dumps(request), "utf-8")
    suggest(tmp_path / "out" / "request.json", tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / SUGGESTIONS).to_pylist()
    like = [row for row in rows[:10] if row["reason"] == asking.LIKE]
    assert len(like) == 2
    assert {topic_of(row["row"] - 1) for row in like} == {topic_of(31)}


def test_score_and_thin_labels(version: Path, tmp_path: Path) -> None:
    result, _rows = asked(version, tmp_path / "out", list(range(1, 201)))
    score = result["score"]
    assert score["value"] == 1
    assert 0.5 < score["low"] < score["high"] == 1
    assert 200 / ONE_IN / 2 < score["rows"] < 200 / ONE_IN * 2
    assert result["thin"] == []
    few, _rows = asked(version, tmp_path / "few", list(range(1, 11)))
    assert {one["label"] for one in few["thin"]} <= set(TOPICS)
    assert all(one["rows"] + one["more"] == 20 for one in few["thin"])


def test_what_the_last_labels_changed(version: Path, tmp_path: Path) -> None:
    result, _rows = asked(version, tmp_path / "out", list(range(1, 301)))
    change = result["change"]
    assert change["labels"] == 40
    assert change["settled"]
    assert change["agreement"] == 1
    early, _rows = asked(version, tmp_path / "early", list(range(1, 21)))
    assert early["change"] is None, "too few test rows to say so"


def test_a_suggested_label_is_learned_from_and_not_tested_on(version: Path, tmp_path: Path) -> None:
    decisions = [{"row": row, "value": topic_of(row - 1), "source": "suggestion"} for row in range(1, 201)]
    result, _rows = suggested(version, tmp_path / "out", decisions)
    assert (result["labels"], result["score"]) == (200, None)


def test_what_was_skipped_is_not_asked_about(version: Path, tmp_path: Path) -> None:
    decisions = [{"row": 1, "value": "a"}, {"row": 2, "value": None}]
    _result, rows = suggested(version, tmp_path / "out", decisions)
    assert {1, 2}.isdisjoint(row["row"] for row in rows)


def test_vectors_are_read_once(version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_model(tmp_path / "models")
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(tmp_path / "models"))
    first, before = asked(version, tmp_path / "out", [1, 2, 3, 4])
    assert first["reader"] == "local:tiny"
    monkeypatch.setattr("trainer.labelling.vectors.Reader.open", None)
    second, after = asked(version, tmp_path / "again", [1, 2, 3, 4])
    assert (second, after) == (first, before)


def test_a_table_is_read_by_its_columns(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    lines = [f"{generator.normal(row % 2 * 4):.3f},{'ab'[row % 2]}x," for row in range(200)]
    (tmp_path / "t.csv").write_text("\n".join(["age,kind,churned", *lines]), "utf-8")
    task = "tabular-classification"
    inspect([tmp_path / "t.csv"], tmp_path / "v1", task=task, columns={"target": "churned"})
    decisions = [{"row": row, "value": "yes" if row % 2 else "no"} for row in range(1, 21)]
    result, rows = suggested(tmp_path / "v1", tmp_path / "out", decisions)
    assert result["reader"] == COLUMNS
    right = [row["label"] == ("yes" if row["row"] % 2 else "no") for row in rows]
    assert np.mean(right) > 0.9


def test_sounds_are_read_by_their_tones(tmp_path: Path) -> None:
    """A file that is not a sound is left out; a second time nothing is heard again."""
    files = {f"{kind}/{n}.wav": sound(at + n) for at, kind in ((20, "low"), (60, "high")) for n in range(8)}
    inspect([zipped(tmp_path / "sounds.zip", files)], tmp_path / "v1")
    rows = read_rows(Request.model_validate({"version": str(tmp_path / "v1"), "decisions": []}))
    broken = rows.dataset.media / rows.dataset.column(rows.dataset.roles["audio"])[int(rows.numbers[0])].as_py()
    broken.write_bytes(b"no sound")
    vectors = vectors_of(rows, tmp_path / "cache", tmp_path)
    assert vectors is not None
    assert vectors.reader == TONES
    assert vectors.matrix.shape == (15, 320)
    unit = vectors.matrix / np.linalg.norm(vectors.matrix, axis=1, keepdims=True)
    alike = unit @ unit.T - 2 * np.eye(15)
    assert np.array_equal(rows.codes[alike.argmax(axis=1)], rows.codes), "the nearest sound has the same label"
    files_kept = list((tmp_path / "cache").rglob(f"{TONES}.npz"))
    assert len(files_kept) == 1
    for file in rows.dataset.media.iterdir():
        file.unlink()
    rows = read_rows(Request.model_validate({"version": str(tmp_path / "v1"), "decisions": []}))
    again = vectors_of(rows, tmp_path / "cache", tmp_path)
    assert again is not None
    assert np.array_equal(again.matrix, vectors.matrix)


def test_texts_without_spaces_or_words_have_vectors_too() -> None:
    assert word_vectors(["天气很好", "天气不好", "我要退款", "退款在哪里"]).shape == (4, 3)
    assert word_vectors(["?", "!", ""]).shape == (3, 1) or word_vectors(["?", "!", ""]).shape[0] == 3


def test_the_classifier_is_scikit_learns() -> None:
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(0)
    for labels in (2, 4):
        codes = generator.integers(0, labels, 200)
        matrix = generator.normal(size=(200, 8)) + 3 * np.eye(8)[codes]
        space, names = classifier.Space.of(matrix), list("abcd")
        unit = space.unit
        model = classifier.fit(space, np.arange(200), codes, names)
        assert model is not None
        options = {
            "C": classifier.STRENGTH,
            "max_iter": classifier.ITERATIONS,
            "tol": classifier.TOLERANCE,
            "class_weight": "balanced",
        }
        reference = LogisticRegression(**options).fit(classifier.SCALE * unit, codes)
        assert np.allclose(model.probabilities(unit), reference.predict_proba(classifier.SCALE * unit), atol=1e-4)
        assert (model.predict(unit) == reference.predict(classifier.SCALE * unit)).all()
    assert classifier.fit(space, np.arange(200), np.zeros(200, dtype=int), names) is None


def test_the_name_of_a_label_is_one_more_row_of_it() -> None:
    unit, names = (
        np.eye(4, dtype=np.float32),
        {"up": np.eye(4, dtype=np.float32)[2], "down": np.eye(4, dtype=np.float32)[3]},
    )
    space, codes = classifier.Space(unit, names), np.array([0, 1, -1, -1])
    model = classifier.fit(space, np.array([0, 1]), codes, ["up", "down"])
    assert model is not None
    assert model.predict(unit).tolist() == [0, 1, 0, 1]


def test_spread_rows_are_the_farthest_from_all_before() -> None:
    generator = np.random.default_rng(1)
    unit = classifier.Space.of(generator.normal(size=(60, 5))).unit
    known = unit[:3]
    chosen = spread_out(unit, np.arange(3, 60), known, 10)
    covered = list(range(3))
    for place in chosen:
        left = [other for other in range(3, 60) if other not in covered]
        assert place == max(left, key=lambda other: min(np.linalg.norm(unit[other] - unit[one]) for one in covered))
        covered.append(place)


def test_what_is_no_request_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"version": 3}', "utf-8")
    with pytest.raises(SpecError):
        suggest(tmp_path / "r.json", tmp_path)
