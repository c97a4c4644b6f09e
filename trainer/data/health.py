"""Faults that take a closer look: near copies across the split, columns that give the answer away, labels that look wrong,
mixed languages, and what more rows would bring. Each look is bounded in rows and in time.
"""

import contextlib
import ctypes
import gc
import re
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer import leaks, tasks
from trainer.data.keys import normalised
from trainer.data.profiling import DELETE_ROWS, answer_numbers, problem, remedy, samples, shortened
from trainer.messages import Message, _, joined, ngettext

SHINGLE = 5
"""Characters a shingle."""
BANDS, BAND_ROWS = 12, 3
"""36 hashes a text: pairs alike in 7 of 10 shingles meet in a band 99 times of 100."""
ALIKE = 0.8
"""Jaccard similarity of the shingles from which two texts are near copies (Broder, 1997)."""
MOST_CHARACTERS = 8_000_000
MOST_ROWS_CHECKED, MOST_ROWS_DRAWN = 4_000, 12_000
LEAST_ROWS_CHECKED = 60
SURE, DOUBTED = 0.75, 0.08
"""Given probability of another label, and of its own, for a label to look wrong."""
MISLABEL_FIXES = (("accept_mislabels", _("Accept suggestions")), ("drop_mislabels", _("Exclude")))
SUGGESTIONS_SHOWN = 20
SCRIPTS = {
    "Han": "\u4e00-\u9fff", "Kana": "\u3040-\u30ff", "Hangul": "\uac00-\ud7af", "Cyrillic": "\u0400-\u04ff", "Arabic": "\u0600-\u06ff",
    "Greek": "\u0370-\u03ff", "Hebrew": "\u0590-\u05ff", "Thai": "\u0e00-\u0e7f", "Devanagari": "\u0900-\u097f", "Latin": "A-Za-z\u00c0-\u024f",
}  # fmt: skip
SCRIPT = {name: re.compile(f"[{points}]") for name, points in SCRIPTS.items()}
COMMON = {
    "English": "the and to of is you for it in that with this are on my have was", "German": "der die und das ist nicht ich zu den mit ein sie es auf",
    "French": "le la les et des est je pas que une pour dans vous sur", "Spanish": "el los las que y es una por con para no se del me",
    "Italian": "il che di non per una sono con è la del mi gli", "Portuguese": "que não uma para com os do da em um é por mais",
    "Dutch": "de het een en van ik niet dat is op te voor met je",
}  # fmt: skip
WORDS = {language: frozenset(words.split()) for language, words in COMMON.items()}
MIXED = 0.05
LANGUAGE_NAMES = (
    *(
        _("English"),
        _("German"),
        _("French"),
        _("Spanish"),
        _("Italian"),
        _("Portuguese"),
        _("Dutch"),
        _("Chinese"),
        _("Japanese"),
    ),
    *(_("Korean"), _("Cyrillic"), _("Arabic"), _("Greek"), _("Hebrew"), _("Thai"), _("Devanagari")),
)
"""To be translated: what `language_of` answers with."""


def near_copies(texts: list[str], rows: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Rows (of `rows`, those of `test` True) that are nearly a row of the other side, exact copies left out; test rows only."""
    if not test.any() or test.all():
        return np.array([], dtype=int)
    words = [normalised(text)[:2_000] for text in texts]
    lengths = np.array([len(word) for word in words])
    signatures, long = minhash(words, lengths)
    pairs: set[tuple[int, int]] = set()
    for band in range(BANDS):
        values = signatures[:, band * BAND_ROWS : (band + 1) * BAND_ROWS]
        keys = (values * np.array([1, 1_000_003, 998_244_353], dtype=np.uint64)).sum(axis=1)
        order = np.argsort(keys[long], kind="stable")
        members = np.flatnonzero(long)[order]
        ordered = keys[members]
        for start, end in groups(ordered):
            inside = members[start:end]
            learned, tested = inside[~test[inside]][:20], inside[test[inside]][:200]
            pairs.update((int(one), int(other)) for one in tested for other in learned)
        if len(pairs) > 2_000_000:
            break
    found = set()
    shingled: dict[int, frozenset[str]] = {}
    for one, other in pairs:
        if one in found or words[one] == words[other]:
            continue
        a, b = (shingled.setdefault(at, shingles(words[at])) for at in (one, other))
        if len(a & b) >= ALIKE * len(a | b):
            found.add(one)
    return rows[np.array(sorted(found), dtype=int)]


def shingles(word: str) -> frozenset[str]:
    return frozenset(word[at : at + SHINGLE] for at in range(len(word) - SHINGLE + 1))


def groups(ordered: np.ndarray) -> list[tuple[int, int]]:
    """(start, end) of every run of at least two equal values."""
    edges = np.flatnonzero(np.diff(ordered)) + 1
    starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(ordered)]])
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True) if b - a > 1]


def minhash(words: list[str], lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(signatures (texts, 36) uint64, True for texts long enough to have one), all texts in one array of code points."""
    points = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    with np.errstate(over="ignore"):
        hashed = np.zeros(max(len(points) - SHINGLE + 1, 0), dtype=np.uint64)
        for step in range(SHINGLE):
            hashed = hashed * np.uint64(1_000_003) + points[step : step + len(hashed)]
        hashed ^= hashed >> np.uint64(29)
        long = lengths >= SHINGLE + 3
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        # Shingles that reach into the next text are pushed to the end of the order.
        ends = starts + lengths - SHINGLE + 1
        inside = np.zeros(len(hashed) + 1, dtype=np.int32)
        np.add.at(inside, np.clip(starts[long], 0, len(hashed)), 1)
        np.add.at(inside, np.clip(ends[long], 0, len(hashed)), -1)
        outside = np.cumsum(inside[:-1]) == 0
        signatures = np.full((len(words), BANDS * BAND_ROWS), np.uint64(0))
        random = np.random.default_rng(7)
        for column in range(BANDS * BAND_ROWS):
            factor = np.uint64(int(random.integers(1, 2**62)) * 2 + 1)
            mixed = hashed * factor
            mixed ^= mixed >> np.uint64(32)
            mixed[outside] = np.iinfo(np.uint64).max
            if long.any():
                signatures[long, column] = np.minimum.reduceat(mixed, starts[long])
    return signatures, long


def reads_text(content: Any) -> bool:
    """Whether the first column that the content's task reads holds texts."""
    task = tasks.find(content.task)
    kinds = {role.name: role.kind for role in task.roles} if task else {}
    return kinds.get(content.shape.reads[0]) == "text"


def look_closer(content: Any) -> list[dict[str, Any]]:
    """Everything here that suits the content's task; `content`: see `trainer.data.content.Content`."""
    if not content.shape.reads:
        return leakage_problems(content)
    first = content.inputs[0]
    if first in content.kinds or not reads_text(content):
        return []
    keys = content.keys
    found = near_copy_problems(content)
    drawn, cells = drawn_rows(content)
    found += language_problems(cells[:2_000])
    if content.labelled:
        found += closer_look(cells, keys.codes[drawn], keys.labels, drawn)
    return found


def cells_of(column: pa.ChunkedArray, rows: np.ndarray) -> list[str]:
    """Cells of some rows in ascending order; a filter goes chunk by chunk, where `take` would copy the whole column."""
    mask = np.zeros(len(column), dtype=bool)
    mask[rows] = True
    return [cell or "" for cell in column.filter(pa.array(mask)).to_pylist()]


def near_copy_rows(content: Any) -> np.ndarray:
    """Test rows that nearly repeat a row to learn from; none are looked for beyond MOST_CHARACTERS of text."""
    texts, keys = content.table.column(content.inputs[0]), content.keys
    if (pc.sum(pc.utf8_length(texts)).as_py() or 0) > MOST_CHARACTERS:
        return np.array([], dtype=int)
    rows = np.flatnonzero(keys.usable)
    return near_copies(cells_of(texts, rows), rows, content.split[rows] == "test")


def near_copy_problems(content: Any) -> list[dict[str, Any]]:
    found = near_copy_rows(content)
    if not len(found):
        return []
    message = ngettext(
        "%(count)s test row is nearly the same as a training row: the score may be slightly optimistic.",
        "%(count)s test rows are nearly the same as training rows: the score may be slightly optimistic.",
        len(found),
    )
    fix = ("drop_near_duplicates", DELETE_ROWS)
    texts = content.table.column(content.inputs[0])
    return [problem("near_duplicates_across_split", "warning", message, found, samples(found, texts), fix)]


def script_of(text: str) -> str | None:
    counts = {name: len(pattern.findall(text)) for name, pattern in SCRIPT.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def language_of(text: str) -> str | None:
    """By the commonest words of seven languages; other scripts name themselves."""
    script = script_of(text[:400])
    if script != "Latin":
        return {"Han": "Chinese", "Kana": "Japanese", "Hangul": "Korean"}.get(script or "", script)
    words = re.findall(r"[a-zà-ÿ]+", text[:600].lower())
    hits = {language: sum(word in known for word in words) for language, known in WORDS.items()}
    best = max(hits, key=lambda language: hits[language])
    return best if hits[best] >= 2 and hits[best] > 1.2 * sorted(hits.values())[-2] else None


def languages(texts: list[str]) -> dict[str, int]:
    """{language: texts}, the commonest first; short or doubtful texts are not counted."""
    return dict(Counter(found for text in texts if (found := language_of(text))).most_common())


def language_problems(texts: list[str]) -> list[dict[str, Any]]:
    found = languages(texts)
    told = sum(found.values())
    others = {name: count for name, count in list(found.items())[1:] if count >= max(MIXED * told, 3)}
    if told < 20 or not others:
        return []
    names = list(found)
    shares = {names[0]: found[names[0]], **others}
    parts = [
        _("%(share)s %(language)s", share=f"{count / told:.0%}", language=_(name)) for name, count in shares.items()
    ]
    message = _(
        "The texts are in more than one language (%(languages)s). Choose a model that reads them all.",
        languages=joined(parts, ", "),
    )
    return [problem("mixed_languages", "info", message, count=sum(others.values()))]


class Guesses(NamedTuple):
    """What a simple model says of rows that it never saw: `kept` are their places among those asked about."""

    kept: np.ndarray
    texts: list[str]
    names: list[str]
    answers: np.ndarray
    probabilities: np.ndarray
    half_right: list[float]
    """Share right of a model that learned from half as many rows, a fold."""

    @property
    def best(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1)

    @property
    def right(self) -> float:
        return float(np.mean(self.best == self.answers))

    def doubted(self) -> np.ndarray:
        """Rows of which the model is sure that their label is another, the surest first; none where it is no good."""
        own = self.probabilities[np.arange(len(self.kept)), self.answers]
        wrong = np.flatnonzero((self.best != self.answers) & (self.probabilities.max(axis=1) > SURE) & (own < DOUBTED))
        return wrong[np.argsort(own[wrong])] if self.right > 0.5 else wrong[:0]


def guesses(texts: list[str], truth: np.ndarray, labels: list[str], seed: int = 0) -> Guesses | None:
    """By counting words and cross-validated logistic regression; None for too few rows."""
    give_back()
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    counts = np.bincount(truth, minlength=len(labels))
    kept = np.flatnonzero(counts[truth] >= 6)
    if len(kept) > MOST_ROWS_CHECKED:
        kept = np.sort(np.random.default_rng(seed).permutation(kept)[:MOST_ROWS_CHECKED])
        kept = kept[np.bincount(truth[kept], minlength=len(labels))[truth[kept]] >= 6]
    if len(kept) < LEAST_ROWS_CHECKED or len(np.unique(truth[kept])) < 2:
        return None
    chosen = [texts[at] for at in kept]
    wordy = np.mean([" " in text for text in chosen]) > 0.7
    vectors = TfidfVectorizer(
        analyzer="word" if wordy else "char",
        ngram_range=(1, 2) if wordy else (1, 3),
        sublinear_tf=True,
        max_features=40_000,
    ).fit_transform(chosen)
    codes, answers = np.unique(truth[kept], return_inverse=True)
    probabilities = np.zeros((len(kept), len(codes)))
    half_right = []
    for learn, held in StratifiedKFold(3, shuffle=True, random_state=seed).split(vectors, answers):
        model = LogisticRegression(C=10, max_iter=100, tol=1e-2).fit(vectors[learn], answers[learn])
        probabilities[np.ix_(held, model.classes_)] = model.predict_proba(vectors[held])
        half = learn[::2]
        if len(np.unique(answers[half])) > 1:
            smaller = LogisticRegression(C=10, max_iter=100, tol=1e-2).fit(vectors[half], answers[half])
            half_right.append(float(np.mean(smaller.predict(vectors[held]) == answers[held])))
    return Guesses(kept, chosen, [labels[code] for code in codes], answers, probabilities, half_right)


def closer_look(
    texts: list[str], truth: np.ndarray, labels: list[str], rows: np.ndarray, seed: int = 0
) -> list[dict[str, Any]]:
    """Labels that look wrong and what more rows would bring."""
    guessed = guesses(texts, truth, labels, seed)
    if guessed is None:
        return []
    found, wrong = [], guessed.doubted()
    if len(wrong):
        examples = [
            f"{shortened(guessed.texts[at])[:70]} — “{guessed.names[guessed.answers[at]]}”, perhaps “{guessed.names[guessed.best[at]]}”"
            for at in wrong[:3]
        ]
        message = ngettext(
            "%(count)s label looks wrong: a simple model that never saw the row is sure of another. Check it before training.",
            "%(count)s labels look wrong: a simple model that never saw the rows is sure of others. Check them before training.",
            len(wrong),
        )
        one = problem("probable_mislabels", "info", message, rows[guessed.kept[wrong]], examples, MISLABEL_FIXES[0])
        suggestions = [
            {
                "row": int(rows[guessed.kept[at]]) + 1,
                "text": shortened(guessed.texts[at]),
                "label": guessed.names[guessed.answers[at]],
                "suggested": guessed.names[guessed.best[at]],
            }
            for at in wrong[:SUGGESTIONS_SHOWN]
        ]
        found.append(one | {"fixes": [remedy(*fix) for fix in MISLABEL_FIXES], "suggestions": suggestions})
    if len(guessed.half_right) == 3 and len(guessed.kept) < 2_000:
        half, right = float(np.mean(guessed.half_right)), guessed.right
        gain = right - half
        if gain > 0.01:
            message = _(
                "More data would help: a bag-of-words baseline reaches %(half)s with half of these rows and %(all)s with all; "
                "expect about %(double)s with twice as many.",
                half=f"{half:.0%}",
                all=f"{right:.0%}",
                double=f"{min(right + 0.7 * gain, 0.99):.0%}",
            )
            found.append(problem("learning_curve", "info", message, count=len(guessed.kept)))
    return found


def mislabelled_rows(content: Any) -> dict[int, str]:
    """The rows of the finding `probable_mislabels`, from 0, each with the label that a simple model is sure of."""
    drawn, cells = drawn_rows(content)
    guessed = guesses(cells, content.keys.codes[drawn], content.keys.labels)
    if guessed is None:
        return {}
    return {int(drawn[guessed.kept[at]]): guessed.names[guessed.best[at]] for at in guessed.doubted()}


def drawn_rows(content: Any) -> tuple[np.ndarray, list[str]]:
    """Usable rows that are looked at closely, and their texts."""
    usable = np.flatnonzero(content.keys.usable)
    drawn = np.sort(np.random.default_rng(0).permutation(usable)[:MOST_ROWS_DRAWN])
    return drawn, cells_of(content.table.column(content.inputs[0]), drawn)


def give_back() -> None:
    """Return freed memory to the system before more is asked for."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc's


def leaks_of(content: Any) -> list[dict[str, Any]]:
    """Columns of a table from which alone the answer follows almost always (see `trainer.leaks`)."""
    kinds, truth, labels = inputs_and_answers(content)
    return leaks.find(content.table, kinds, truth, labels)


def inputs_and_answers(content: Any) -> tuple[dict[str, str], np.ndarray, list[str] | None]:
    """(kinds, truth, labels) as `trainer.leaks` takes them."""
    inputs = set(content.inputs)
    kinds = {one["name"]: one["kind"] for one in content.profile if one["name"] in inputs and one["distinct"] > 1}
    if content.labelled:
        truth, labels = np.where(content.keys.usable, content.keys.codes, -1), content.keys.labels
    else:
        truth, labels = np.where(content.keys.usable, answer_numbers(content), np.nan), None
    return kinds, truth, labels


def leaking_columns(content: Any) -> list[str]:
    return [one["column"] for one in leaks_of(content)]


def leakage_problems(content: Any) -> list[dict[str, Any]]:
    kinds, truth, labels = inputs_and_answers(content)
    found = leaks.find(content.table, kinds, truth, labels)
    passed = leaks.not_looked_at(kinds, truth, labels)
    told = [problem("leakage_not_looked_for", "info", joined(passed), count=len(passed))] if passed else []
    if not found:
        return told
    named = [one["column"] for one in found]
    names = ", ".join(f"“{shortened(name)}”" for name in named[:4])
    rules = "; ".join(one["rule"] for one in found[:2] if one["rule"])
    message: Message = ngettext(
        "%(names)s alone gives the answer away almost every time. Was it known before the answer? If not, exclude it.",
        "%(names)s alone give the answer away almost every time. Were they known before the answer? If not, exclude them.",
        len(named),
        names=names,
    )
    if rules:
        message = joined([message, f"({rules})"])
    fix = ("drop_leaking_columns", ngettext("Exclude the column", "Exclude the columns", len(named)))
    return [problem("leakage", "warning", message, examples=named, fix=fix, count=len(named)), *told]
