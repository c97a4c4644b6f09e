"""How near texts are to the right ones: ROUGE (Lin 2004), BLEU (Papineni et al. 2002) and chrF (Popović 2015), all from 0 to 1.

BLEU and chrF are counted by sacrebleu with its usual settings (13a or, for Chinese and other scripts without spaces, `zh` and
`char`; exponential smoothing; chrF2). ROUGE is F1 as the package rouge-score counts it, without stemming, but words of every
script count, where that one knows Latin letters alone.
"""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

ROUGES, BLEU_COUNTS, CHRF_COUNTS = 3, 10, 18
"""Figures of a row: ROUGE-1, -2 and -L; lengths, then correct and all n-grams of four orders; three counts of six orders."""
COUNTS = ROUGES + BLEU_COUNTS + CHRF_COUNTS
NAMES = ("rouge_1", "rouge_2", "rouge_l", "bleu", "chrf")
UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
"""Characters of scripts without spaces: each is a word."""
CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
KANA = re.compile("[\u3040-\u30ff]")
MOST_WORDS = 2_000
"""Of a text, that ROUGE-L compares."""
CHRF_WEIGHT = 2.0


def count(truth: Sequence[str], predicted: Sequence[str]) -> np.ndarray:
    """(rows, COUNTS): what `scores` needs to know of each row."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    if not truth:
        return np.zeros((0, COUNTS))
    texts, right = list(predicted), [list(truth)]
    rows = zip(
        map(rouges, truth, predicted),
        BLEU(tokenize=tokenizer_of(truth), force=True)._extract_corpus_statistics(texts, right),
        CHRF()._extract_corpus_statistics(texts, right),
        strict=True,
    )
    return np.array([[*own, *bleu, *chrf] for own, bleu, chrf in rows], dtype=np.float64).reshape(-1, COUNTS)


def scores(counts: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """{name: score} of rows, each counting so often."""
    weights = np.ones(len(counts)) if weights is None else weights
    sums = weights @ counts
    means = sums[:ROUGES] / max(float(weights.sum()), 1e-9)
    values = [*means.tolist(), bleu(sums[ROUGES : ROUGES + BLEU_COUNTS]), chrf(sums[-CHRF_COUNTS:])]
    return dict(zip(NAMES, values, strict=True))


# BLEU and chrF


def tokenizer_of(truth: Sequence[str]) -> str:
    """sacrebleu's name of how texts are cut into words, by the right ones."""
    sample = "".join(truth[:200])
    unspaced = len(UNSPACED.findall(sample))
    if unspaced < 0.3 * len(sample):
        return "13a"
    return "zh" if len(CHINESE.findall(sample)) > 0.5 * unspaced and not KANA.search(sample) else "char"


def bleu(counts: np.ndarray) -> float:
    """Of summed BLEU_COUNTS, which need not be whole; an order without a match counts half of the one before (NIST)."""
    own, right = counts[:2].tolist()
    correct, every = counts[2:6], counts[6:]
    orders = int((every > 0).sum())
    if not correct.any() or orders < len(every):
        return 0.0
    halved = 0.5 ** np.cumsum(correct == 0)
    precisions = np.where(correct > 0, correct, halved) / every
    brevity = min(1.0, float(np.exp(1 - right / own)))
    return brevity * float(np.exp(np.log(precisions).mean()))


def chrf(counts: np.ndarray) -> float:
    """Of summed CHRF_COUNTS: the mean over the orders that both have, recall counting CHRF_WEIGHT times as much."""
    orders = counts.reshape(-1, 3)
    own, right, same = orders[(orders[:, 0] > 0) & (orders[:, 1] > 0)].T
    if not len(same) or not same.any():
        return 0.0
    precision, recall = (same / own).mean(), (same / right).mean()
    return f_score(float(precision), float(recall), CHRF_WEIGHT**2)


def f_score(precision: float, recall: float, factor: float = 1.0) -> float:
    return (1 + factor) * precision * recall / (factor * precision + recall) if precision + recall else 0.0


# ROUGE


def words_of(text: str) -> list[str]:
    """Lower case, letters and digits of any script; each character alone in scripts without spaces."""
    spaced = UNSPACED.sub(r" \1 ", text.lower())
    return re.findall(r"[^\W_]+", spaced)


def rouges(truth: str, predicted: str) -> tuple[float, float, float]:
    """F1 of words, of pairs of words, and of the longest common subsequence."""
    right, own = words_of(truth)[:MOST_WORDS], words_of(predicted)[:MOST_WORDS]
    pairs = Counter(itertools.pairwise(right)), Counter(itertools.pairwise(own))
    return shared(Counter(right), Counter(own)), shared(*pairs), f1(longest_common(right, own), len(right), len(own))


def shared(right: Counter[Any], own: Counter[Any]) -> float:
    return f1((right & own).total(), right.total(), own.total())


def f1(same: int, right: int, own: int) -> float:
    return 2 * same / (right + own) if same else 0.0


def longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, bit by bit (Allison and Dix 1986)."""
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | (1 << place)
    row = 0
    for word in second:
        either = row | places.get(word, 0)
        row = either & ~(either - ((row << 1) | 1))
    return row.bit_count()
