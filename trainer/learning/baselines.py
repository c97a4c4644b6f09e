"""What a model must beat: the commonest answer, and a simple method. They answer row by row, so that they are scored exactly
as the model is, also where the rows are tested on in rounds (`trainer.verdict`)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from trainer.label_thresholds import choose_thresholds, logit
from trainer.outputs import Outputs, gathered, packed, unpacked

MOST_BASELINE_ROWS = 20_000
LEAST_PROBABILITY = 1e-12


class Matrix(Protocol):
    """(rows, features), dense or sparse."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: np.ndarray, /) -> "Matrix": ...


class Baseline(NamedTuple):
    """`outputs`: of the test rows, in the form of the task's own model (logits, numbers, boxes, ids); `label`: what is always
    answered, where that is one thing; `seconds` that it took."""

    outputs: Outputs
    label: str | None = None
    seconds: float = 0.0


def logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.clip(probabilities, LEAST_PROBABILITY, 1))


def spread(probabilities: np.ndarray, classes: np.ndarray, labels: int) -> np.ndarray:
    """(rows, classes learned from) → (rows, labels), 0 for a label that was not learned from."""
    spread_out = np.zeros((len(probabilities), labels))
    spread_out[:, classes.astype(int)] = probabilities
    return spread_out


def logistic(
    features: Matrix, truth: np.ndarray, test_features: Matrix, labels: int, **settings: float | str
) -> np.ndarray:
    """scikit-learn's logistic regression: probabilities (asked, labels). Certain where there is but one label."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    classes = np.unique(truth)
    if len(classes) < 2:
        return spread(np.ones((test_features.shape[0], 1)), classes, labels)
    single = LogisticRegression(**settings)
    rest = len(classes) > 2 and settings.get("solver") == "liblinear"
    model = (OneVsRestClassifier(single) if rest else single).fit(features, truth)
    return spread(model.predict_proba(test_features), model.classes_, labels)


def word_counting(
    train_texts: list[str], train: np.ndarray, test_texts: list[str], labels: int, seed: int
) -> np.ndarray:
    """TF-IDF under logistic regression: probabilities (test texts, labels)."""
    train_texts, train = drawn(train_texts, train, seed)
    features, test_features = count_words(train_texts, test_texts)
    return logistic(features, train, test_features, labels, C=10, solver="liblinear", random_state=seed)


def word_regression(train_texts: list[str], train: np.ndarray, test_texts: list[str], seed: int) -> np.ndarray:
    """TF-IDF under ridge regression: numbers (test texts,)."""
    from sklearn.linear_model import Ridge

    train_texts, train = drawn(train_texts, train, seed)
    features, test_features = count_words(train_texts, test_texts)
    predicted: np.ndarray = Ridge(alpha=1.0, random_state=seed).fit(features, train).predict(test_features)
    return predicted


def label_counting(train_texts: list[str], train: np.ndarray, test_texts: list[str], seed: int) -> np.ndarray:
    """TF-IDF under a logistic regression for each label of `train` (texts, labels): logits (test texts, labels), moved so that
    labels apply from 0 on by thresholds chosen on a fifth of the texts that was not learned from."""
    train_texts, train = drawn(train_texts, train, seed)
    features, test_features = count_words(train_texts, test_texts)
    held = np.arange(len(train_texts)) % 5 == 4
    own = label_logits(features[~held], train[~held], features[held], seed)
    thresholds = choose_thresholds(train[held], own)
    return np.asarray(label_logits(features, train, test_features, seed) - logit(thresholds))


def label_logits(features: Matrix, truth: np.ndarray, test_features: Matrix, seed: int) -> np.ndarray:
    """A logistic regression for each label: (texts asked, labels). A label that all or no texts have is always answered alike."""
    settings: dict[str, float | str] = {"C": 10, "solver": "liblinear", "random_state": seed}
    columns = [
        logistic(features, truth[:, label].astype(int), test_features, 2, **settings)[:, 1]
        for label in range(truth.shape[1])
    ]
    probabilities = np.clip(np.stack(columns, axis=1), LEAST_PROBABILITY, 1 - 1e-9)
    return np.asarray(np.log(probabilities / (1 - probabilities)))


def drawn(texts: list[str], truth: np.ndarray, seed: int) -> tuple[list[str], np.ndarray]:
    """At most MOST_BASELINE_ROWS of these rows."""
    if len(truth) <= MOST_BASELINE_ROWS:
        return texts, truth
    chosen = np.random.default_rng(seed).permutation(len(truth))[:MOST_BASELINE_ROWS]
    return [texts[row] for row in chosen], truth[chosen]


def count_words(train_texts: list[str], test_texts: list[str]) -> tuple[Matrix, Matrix]:
    """TF-IDF of words and word pairs, of characters for languages without spaces: (texts, terms) each."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    spaced = sum(" " in text.strip() for text in train_texts[:1000]) > 0.5 * min(len(train_texts), 1000)
    words = {"ngram_range": (1, 2)} if spaced else {"analyzer": "char", "ngram_range": (1, 2)}
    vectorizer = TfidfVectorizer(sublinear_tf=True, max_features=50_000, **words)
    try:
        features = vectorizer.fit_transform(train_texts)
    except ValueError:  # no word at all, only signs
        vectorizer = TfidfVectorizer(analyzer="char")
        features = vectorizer.fit_transform(train_texts)
    return features, vectorizer.transform(test_texts)


def pooled(rounds: list[tuple[np.ndarray, dict[str, Baseline]]], rows: int) -> dict[str, Baseline]:
    """(test rows, their baselines) of every round of a cross-validation as those of all rows, each row by its own round."""
    baselines = {}
    for name, first in rounds[0][1].items():
        every = [(test, by_name[name]) for test, by_name in rounds if name in by_name]
        if sum(len(test) for test, _one in every) < rows:
            continue  # some round had nothing to go by
        by_row = {
            row: output for test, baseline in every for row, output in zip(test.tolist(), baseline.outputs, strict=True)
        }
        outputs = gathered(by_row[row] for row in range(rows))
        same = all(baseline.label == first.label for _test, baseline in every)
        seconds = float(np.mean([baseline.seconds for _test, baseline in every]))
        baselines[name] = Baseline(outputs, first.label if same else None, round(seconds, 2))
    return baselines


def cached(folder: Path, compute: Callable[[], dict[str, Baseline]]) -> dict[str, Baseline]:
    """Computed once a folder: a resumed run reads them again."""
    index = folder / "index.json"
    if not index.exists():
        computed = compute()
        folder.mkdir(parents=True, exist_ok=True)
        for name, baseline in computed.items():
            np.savez(folder / f"{name}.npz", allow_pickle=False, **packed(baseline.outputs))
        part = folder / "index.part"
        part.write_text(
            json.dumps({name: [baseline.label, baseline.seconds] for name, baseline in computed.items()}), "utf-8"
        )
        part.replace(index)
    listed = json.loads(index.read_text("utf-8"))
    return {name: Baseline(read_outputs(folder / f"{name}.npz"), *facts) for name, facts in listed.items()}


def read_outputs(path: Path) -> Outputs:
    """What `cached` kept, also before answers could be of different lengths."""
    if not path.exists():
        array: np.ndarray = np.load(path.with_suffix(".npy"))
        return array
    with np.load(path) as arrays:
        return unpacked(arrays)
