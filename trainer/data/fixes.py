"""One-click remedies: which rows a fault's mending keeps, and what their labels become."""

from collections import Counter, defaultdict

from trainer.columns import canonical_label, is_missing
from trainer.data.splitting import normalised
from trainer.errors import DataError

KEEP_AT_LEAST = 3


def apply(action: str, texts: list[str | None], labels: list[str | None]) -> tuple[list[int], list[str | None]]:
    """(rows to keep, labels of all rows). `DataError` for an action that does not exist."""
    actions = {
        "drop_missing": drop_missing,
        "drop_duplicates": drop_duplicates,
        "drop_conflicting": drop_conflicting,
        "drop_rare_classes": drop_rare_classes,
    }
    if action == "merge_label_variants":
        return list(range(len(texts))), merge_label_variants(labels)
    if action not in actions:
        names = ", ".join([*actions, "merge_label_variants"])
        raise DataError(f"There is no fix “{action}”.", code="bad_fix", hint=f"Choose one of: {names}.")
    return actions[action](texts, labels), labels


def usable(texts: list[str | None], labels: list[str | None]) -> list[int]:
    return [row for row in range(len(texts)) if (texts[row] or "").strip() and not is_missing(labels[row])]


drop_missing = usable


def groups(texts: list[str | None], rows: list[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        found[normalised(str(texts[row]))].append(row)
    return found


def drop_duplicates(texts: list[str | None], labels: list[str | None]) -> list[int]:
    """The first of each text; rows without text or label stay as they are."""
    rows = usable(texts, labels)
    extra = {row for group in groups(texts, rows).values() for row in group[1:]}
    return [row for row in range(len(texts)) if row not in extra]


def drop_conflicting(texts: list[str | None], labels: list[str | None]) -> list[int]:
    rows = usable(texts, labels)
    clashing = {
        row
        for group in groups(texts, rows).values()
        if len({canonical_label(str(labels[row])) for row in group}) > 1
        for row in group
    }
    return [row for row in range(len(texts)) if row not in clashing]


def drop_rare_classes(texts: list[str | None], labels: list[str | None]) -> list[int]:
    counts = Counter(canonical_label(str(labels[row])) for row in usable(texts, labels))
    return [
        row
        for row in range(len(texts))
        if is_missing(labels[row]) or counts[canonical_label(str(labels[row]))] >= KEEP_AT_LEAST
    ]


def merge_label_variants(labels: list[str | None]) -> list[str | None]:
    """Every spelling of a label becomes its commonest one."""
    counts = Counter(canonical_label(label) for label in labels if label is not None and not is_missing(label))
    commonest: dict[str, str] = {}
    for label, _count in counts.most_common():
        commonest.setdefault(normalised(label), label)
    return [
        label if label is None or is_missing(label) else commonest[normalised(canonical_label(label))]
        for label in labels
    ]
