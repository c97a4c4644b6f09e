"""What the data page finds, beside kept libraries: labels that look wrong (cleanlab), and languages (py3langid, lingua).

    python benchmarks/findings.py [labels] [languages] [--json FILE]

Labels: 5 and 10 % of the labels of real sets are changed at random, then looked for in the same out-of-fold probabilities
by our rule and by each of cleanlab's filters. Right means: a row whose label was changed; faults that a set had before count
against all alike. Languages: texts of real sets whose language is known, and short ones, the translations that come with
Django; ours is py3langid's model behind rules of scripts and a bound of its probability. A library that is not installed is
left out; cleanlab and lingua are not among the requirements.
"""

import argparse
import csv
import gettext
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))
from benchmarks._sets import data  # noqa: E402
from trainer.data import languages, mislabels  # noqa: E402
from trainer.data.mislabels import CrossValidated  # noqa: E402

SHARES, SEEDS = (0.05, 0.10), (0, 1, 2)
TEXTS = {
    "banking77": ("text_classification/banking77_train.csv", "text", "label"),
    "ag_news": ("text_classification/ag_news_train.csv", "text", "label"),
    "sms_spam": ("text_classification/sms_spam.csv", "text", "label"),
    "chn_hotel": ("text_classification/chn_hotel_train.csv", "text", "label"),
    "support_intents": ("chat/support_intents_train.csv", "utterance", "intent"),
}
TABLES = {
    "telco_churn": ("tabular/telco_churn.csv", "Churn"),
    "german_credit": ("tabular/german_credit.csv", "class"),
    "titanic": ("tabular/titanic.csv", "Survived"),
}
FILTERS = ("prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "low_normalized_margin")
Find = Callable[[CrossValidated], np.ndarray]


def installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


# Labels


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def flipped(truth: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(labels of which a share is another one, which those are)."""
    generator = np.random.default_rng(seed)
    changed = np.zeros(len(truth), bool)
    changed[generator.permutation(len(truth))[: round(share * len(truth))]] = True
    classes = truth.max() + 1
    shift = generator.integers(1, classes, len(truth))
    return np.where(changed, (truth + shift) % classes, truth), changed


def guess_table(
    rows: list[dict[str, str]], answer: str, labels: np.ndarray, names: list[str], seed: int
) -> CrossValidated:
    """Out-of-fold probabilities of a table, by the boosting that the trainer's search begins with."""
    import lightgbm
    import pandas
    from sklearn.model_selection import cross_val_predict

    frame = pandas.DataFrame(rows).drop(columns=[answer])
    columns = {}
    for name in frame:
        numbers = pandas.to_numeric(frame[name], errors="coerce")
        columns[name] = numbers if numbers.notna().mean() > 0.9 else frame[name].astype("category").cat.codes
    model = lightgbm.LGBMClassifier(n_estimators=100, num_leaves=15, random_state=seed, verbose=-1)
    values = pandas.DataFrame(columns).to_numpy(float)
    probabilities = cross_val_predict(model, values, labels, cv=3, method="predict_proba")
    return CrossValidated(np.arange(len(labels)), [""] * len(labels), names, labels, probabilities, [])


def finders() -> dict[str, Find]:
    """Name → indices of the rows that look wrong."""
    by_name: dict[str, Find] = {"ours": lambda guesses: guesses.doubted()}
    if installed("cleanlab"):
        from cleanlab.filter import find_label_issues

        def by(name: str) -> Find:
            return lambda guesses: np.flatnonzero(
                find_label_issues(guesses.answers, guesses.probabilities, filter_by=name, n_jobs=1)
            )

        by_name |= {f"cleanlab {name}": by(name) for name in FILTERS}
    return by_name


def judge(guesses: CrossValidated, truth: np.ndarray, changed: np.ndarray, find: Find) -> dict[str, float]:
    """`offered`: share of the rows found whose suggested label is the true one, which “Accept suggestions” would put in."""
    began = time.perf_counter()
    rows = find(guesses)
    took = (time.perf_counter() - began) * 1000
    hits, total = changed[guesses.rows][rows], changed[guesses.rows].sum()
    precision, recall = float(hits.mean()) if len(rows) else 0.0, float(hits.sum() / max(total, 1))
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    offered = float((guesses.best[rows] == truth[rows]).mean()) if len(rows) else 0.0
    return {"found": len(rows), "precision": precision, "recall": recall, "f1": f1, "offered": offered, "ms": took}


def sets(folder: Path) -> dict[str, tuple[list[Any], str]]:
    texts = {
        name: ([row[text] for row in read_csv(folder / path)], label) for name, (path, text, label) in TEXTS.items()
    }
    return texts | {name: (read_csv(folder / path), answer) for name, (path, answer) in TABLES.items()}


def answers_of(folder: Path, name: str) -> tuple[np.ndarray, list[str]]:
    path, label = (TEXTS[name][0], TEXTS[name][2]) if name in TEXTS else TABLES[name]
    labels, codes = np.unique([row[label] for row in read_csv(folder / path)], return_inverse=True)
    return codes, list(map(str, labels))


def compare_labels() -> dict[str, Any]:
    folder = data()
    figures: dict[str, Any] = {}
    for name, (rows, answer) in sets(folder).items():
        truth, names = answers_of(folder, name)
        for share in SHARES:
            turns: dict[str, list[dict[str, float]]] = {way: [] for way in finders()}
            for seed in SEEDS:
                labels, changed = flipped(truth, share, seed)
                if name in TEXTS:
                    guesses = mislabels.cross_validate_labels(rows, labels, names, seed)
                else:
                    guesses = guess_table(rows, answer, labels, names, seed)
                if guesses is None:
                    continue
                own = np.searchsorted(np.unique(labels[guesses.rows]), truth[guesses.rows])
                for way, find in finders().items():
                    turns[way].append(judge(guesses, own, changed, find))
            for way, judged in turns.items():
                if judged:
                    figures[f"{name} {share:.0%} {way}"] = mean = {
                        key: round(statistics.fmean(each[key] for each in judged), 3) for key in judged[0]
                    }
                    print(f"{name:<16} {share:>4.0%}  {way:<30}", *(f"{key} {value:g}" for key, value in mean.items()))
    return figures


# Languages


SHORT = ("de", "fr", "es", "it", "pt", "nl", "zh", "ja", "ko", "ru", "ar", "el", "he", "th", "hi")
FOLDERS = {"zh": "zh_Hans"}
OTHER_LATIN = ("pl", "sv", "tr", "cs", "fi", "da", "hu", "ro", "id", "vi")
PROBABILITIES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Bounds that are compared; ours is `languages.MIN_PROBABILITY`."""


def long_texts() -> list[tuple[str, str]]:
    """(language, text): up to 500 a set."""
    folder = data()
    texts = [("en", row["text"]) for row in read_csv(folder / "text_classification/ag_news_test.csv")[:500]]
    texts += [("en", row["text"]) for row in read_csv(folder / "text_classification/banking77_test.csv")[:500]]
    texts += [("en", row["text"]) for row in read_csv(folder / "text_classification/sms_spam.csv")[:500]]
    texts += [("zh", row["text"]) for row in read_csv(folder / "text_classification/chn_hotel_test.csv")[:500]]
    texts += [("de", row["target"]) for row in read_csv(folder / "text2text/multi30k_en_de_test.csv")[:500]]
    texts += [("en", row["source"]) for row in read_csv(folder / "text2text/multi30k_en_de_test.csv")[:500]]
    return [(code, text) for code, text in texts if text.strip()]


def short_texts(codes: tuple[str, ...]) -> list[tuple[str, str]]:
    """Translations that come with Django: sentences and phrases of at least three words (or eight characters)."""
    import django

    texts = []
    for code in codes:
        for path in sorted(
            Path(django.__file__).parent.glob(f"**/locale/{FOLDERS.get(code, code)}/LC_MESSAGES/django.mo")
        ):
            with path.open("rb") as file:
                catalogue: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
            pairs = [(key if isinstance(key, str) else key[0], text) for key, text in catalogue.items() if key]
            enough = [text for key, text in pairs if text != key and "%" not in text and len(key.split()) >= 3]
            texts += [(code, text) for text in enough]
    return texts


def detectors() -> dict[str, Callable[[str], str | None]]:
    """Name → the code of a text's language, None where it does not say."""
    by_name: dict[str, Callable[[str], str | None]] = {"ours": languages.detect_code}
    by_name |= {f"ours from {least}": partial(languages.detect_code, least=least) for least in PROBABILITIES}
    if installed("py3langid"):
        import py3langid

        by_name["py3langid"] = lambda text: py3langid.classify(text[:600])[0]
    if installed("lingua"):
        from lingua import LanguageDetectorBuilder

        slow = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()
        low = LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().build()

        def code_of(detector: Any) -> Callable[[str], str | None]:
            def detect(text: str) -> str | None:
                answer = detector.detect_language_of(text[:600])
                return answer.iso_code_639_1.name.lower() if answer else None

            return detect

        by_name |= {"lingua": code_of(slow), "lingua, low accuracy": code_of(low)}
    return by_name


def compare_languages() -> dict[str, Any]:
    groups = {"texts": long_texts(), "short": short_texts(SHORT), "short, others": short_texts(OTHER_LATIN)}
    outcome: dict[str, Any] = {}
    for group, texts in groups.items():
        for name, detect in detectors().items():
            detect(texts[0][1])
            began = time.perf_counter()
            guessed = [detect(text) for _code, text in texts]
            took = time.perf_counter() - began
            right = statistics.fmean(guess == code for guess, (code, _text) in zip(guessed, texts, strict=True))
            wrong = statistics.fmean(
                guess is not None and guess != code for guess, (code, _text) in zip(guessed, texts, strict=True)
            )
            per_thousand = 1e6 * took / len(texts)
            outcome[f"{group} {name}"] = figures = {
                "texts": len(texts),
                "right": round(right, 3),
                "wrong": round(wrong, 3),
                "ms_per_1000": round(per_thousand, 1),
            }
            print(f"{group:<14} {name:<22}", *(f"{key} {value:g}" for key, value in figures.items()))
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["labels", "languages", []], default=[])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    parts = {"labels": compare_labels, "languages": compare_languages}
    figures = {name: compare() for name, compare in parts.items() if not asked.parts or name in asked.parts}
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
