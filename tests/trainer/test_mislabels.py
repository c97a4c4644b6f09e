"""Labels that look wrong are found in sets of thousands of rows too, where a model that is stopped early learns nothing."""

import numpy as np
import pytest

from trainer.data.mislabels import cross_validate_labels

TOPICS, COMMON = 4, [f"common{number}" for number in range(300)]


def written(rows: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts of twelve words, three of them of their topic; one topic in two."""
    generator = np.random.default_rng(seed)
    topics = generator.choice(TOPICS, rows, p=[0.5, 0.2, 0.2, 0.1])
    texts = []
    for topic in topics:
        own = [f"topic{topic}word{number}" for number in generator.integers(0, 40, 3)]
        texts.append(" ".join([*own, *generator.choice(COMMON, 9)]))
    return texts, topics


@pytest.mark.parametrize("rows", [1_500, 4_000])
def test_planted_labels_are_found(rows: int) -> None:
    texts, topics = written(rows, seed=1)
    planted = np.random.default_rng(2).permutation(rows)[: rows // 20]
    labels = topics.copy()
    labels[planted] = (labels[planted] + 1) % TOPICS
    validated = cross_validate_labels(texts, labels, [f"topic {number}" for number in range(TOPICS)])
    assert validated is not None
    assert validated.right > 0.8
    doubted = set(validated.rows[validated.doubted()].tolist())
    hits = doubted & set(planted.tolist())
    assert len(hits) >= 0.9 * len(doubted)
    assert len(hits) >= 0.5 * len(planted)
