"""A model's scores of the units of texts as the passages found."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainer.tagging.path import best_tags, shares
from trainer.tagging.units import passages_of, units_of

Entities = list[dict[str, Any]]
"""{text, label, start, end, score} in order, of one text."""


def entities_of(
    texts: Sequence[str], scores: Sequence[np.ndarray], labels: Sequence[str], follows: np.ndarray | None = None
) -> list[Entities]:
    """Of each text the passages that its units' scores (units or more, tags) say; rows beyond the units are padding.

    `score`: the mean probability of the tags of a passage.
    """
    every = [units_of(text) for text in texts]
    cut = [np.asarray(each[: len(units)], dtype=np.float32) for each, units in zip(scores, every, strict=True)]
    return [
        entities_of_text(text, units, tags, shares(each) if len(each) else each, labels)
        for text, units, tags, each in zip(texts, every, best_tags(cut, follows), cut, strict=True)
    ]


def entities_of_text(
    text: str, units: list[tuple[int, int]], tags: np.ndarray, probabilities: np.ndarray, labels: Sequence[str]
) -> Entities:
    units = units[: len(tags)]
    own = probabilities[np.arange(len(tags)), tags] if len(tags) else tags
    starts = {start: place for place, (start, _end) in enumerate(units)}
    ends = {end: place for place, (_start, end) in enumerate(units)}
    entities = []
    for start, end, label in passages_of(units, tags.tolist(), labels):
        score = float(own[starts[start] : ends[end] + 1].mean())
        entities.append({"text": text[start:end], "label": label, "start": start, "end": end, "score": round(score, 6)})
    return entities


def fields_of(entities: Entities) -> dict[str, str | list[str]]:
    """{label: its text, or a list of them where there are several}, in the order of the text."""
    fields: dict[str, list[str]] = {}
    for entity in entities:
        fields.setdefault(entity["label"], []).append(entity["text"])
    return {label: texts[0] if len(texts) == 1 else texts for label, texts in fields.items()}
