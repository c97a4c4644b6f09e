"""The names of labels as texts, for `zero-shot`."""

import re
from collections.abc import Mapping, Sequence

MEANINGLESS = frozenset(
    ("label", "class", "category", "cat", "cluster", "group", "type", "topic", "tag", "id", "n", "a")
)
"""Words of names such as “class 3” that say nothing about an input."""
JOINTS = re.compile(r"[_\-/.|:,;&+\s]+")
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def words_of(label: str) -> str:
    """“card_arrival” and “cardArrival” as people write them: “card arrival”."""
    return JOINTS.sub(" ", CAMEL.sub(" ", label)).strip()


def is_telling(label: str) -> bool:
    """Whether a name holds a word that means something: of three letters at least, or a Chinese or Japanese character."""
    words = re.findall(r"[^\W\d_]+", words_of(label).lower())
    return any(word not in MEANINGLESS and (len(word) >= 3 or any(char >= "\u3040" for char in word)) for word in words)


def texts_of(labels: Sequence[str], descriptions: Mapping[str, str]) -> list[str] | None:
    """What stands for each label: its description where there is one, else its name; None where a label has neither."""
    named = [descriptions.get(label, "").strip() or (words_of(label) if is_telling(label) else "") for label in labels]
    return named if all(named) else None
