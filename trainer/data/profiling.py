"""What a column holds, and what is wrong with the rows: sentences with counts, row numbers and a remedy."""

from collections import Counter, defaultdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import canonical_label, is_missing, kind_of
from trainer.data.splitting import normalised

SAMPLE = 2_000
EXAMPLES = 3
ROWS_SHOWN = 20
RARE = 10
SKEWED = 0.9
LONG_TEXT = 4_000
FEW_ROWS = 50
EXAMPLE_CHARACTERS = 120


def profile_column(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    """{name, kind, missing, distinct, examples, length}: lengths in characters, over the values that are there."""
    trimmed = pc.utf8_trim_whitespace(column)
    missing = pc.or_kleene(pc.is_null(trimmed), pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(missing_words()))))
    there = trimmed.filter(pc.invert(missing))
    counted = pc.value_counts(there)
    sample = there.slice(0, SAMPLE).to_pylist()
    found: dict[str, Any] = {
        "name": name,
        "kind": kind_of(sample, len(counted), len(there)),
        "missing": len(column) - len(there),
        "there": len(there),
        "distinct": len(counted),
        "examples": [shortened(value) for value in dict.fromkeys(sample)][:EXAMPLES],
    }
    if len(there):
        lengths = pc.utf8_length(there)
        found["length"] = {
            "mean": round(pc.mean(lengths).as_py(), 1),
            "p95": int(pc.quantile(lengths, 0.95)[0].as_py()),
            "max": pc.max(lengths).as_py(),
        }
    return found


def missing_words() -> frozenset[str]:
    from trainer.columns import MISSING

    return MISSING


def shortened(text: str) -> str:
    return text if len(text) <= EXAMPLE_CHARACTERS else text[: EXAMPLE_CHARACTERS - 1] + "…"


def label_counts(labels: list[str | None]) -> list[dict[str, Any]]:
    counted = Counter(canonical_label(label) for label in labels if label is not None and not is_missing(label))
    return [{"label": label, "count": count} for label, count in counted.most_common()]


def problem(
    code: str, severity: str, message: str, rows: list[int], examples: list[str], fix: tuple[str, str] | None = None
) -> dict[str, Any]:
    """One finding; `rows` are 0-based here and 1-based in the result."""
    return {
        "code": code,
        "severity": severity,
        "message": message,
        "count": len(rows),
        "rows": [row + 1 for row in rows[:ROWS_SHOWN]],
        "examples": [shortened(example) for example in examples[:EXAMPLES]],
        "fix": {"action": fix[0], "label": fix[1]} if fix else None,
    }


def find_problems(
    texts: list[str | None], labels: list[str | None], split: list[str | None], given_split: bool
) -> list[dict[str, Any]]:
    """Every fault of a text and a label column, the worst first."""
    usable = [row for row in range(len(texts)) if (texts[row] or "").strip() and not is_missing(labels[row])]
    found = missing_problems(texts, labels)
    found += label_problems([(row, canonical_label(str(labels[row]))) for row in usable], len(texts))
    found += copy_problems(
        {row: (normalised(str(texts[row])), canonical_label(str(labels[row]))) for row in usable},
        split,
        texts,
        given_split,
    )
    long = [row for row in usable if len(str(texts[row])) > LONG_TEXT]
    if long:
        message = f"{many(len(long), 'text is', 'texts are')} longer than {LONG_TEXT:,} characters; the model reads only their beginning."
        found.append(problem("very_long_texts", "info", message, long, [str(texts[row]) for row in long]))
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda one: order[one["severity"]])


def many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"


def missing_problems(texts: list[str | None], labels: list[str | None]) -> list[dict[str, Any]]:
    found = []
    no_text = [row for row, text in enumerate(texts) if not (text or "").strip()]
    no_label = [row for row, label in enumerate(labels) if is_missing(label) and (texts[row] or "").strip()]
    drop = ("drop_missing", "Remove them")
    if no_text:
        message = f"{many(len(no_text), 'row has', 'rows have')} no text and will not be used."
        found.append(problem("missing_text", "warning", message, no_text, [], drop))
    if no_label:
        message = f"{many(len(no_label), 'row has', 'rows have')} no label and will not be used."
        examples = [str(texts[row]) for row in no_label[:EXAMPLES]]
        found.append(problem("missing_labels", "warning", message, no_label, examples, drop))
    return found


def label_problems(rows: list[tuple[int, str]], total: int) -> list[dict[str, Any]]:
    """Faults that the labels alone show. `error` is for what makes training impossible."""
    counts = Counter(label for _row, label in rows)
    if not rows:
        message = "No row has both a text and a label." if total else "The file has a header but no rows."
        return [problem("no_rows", "error", message, [], [])]
    if len(counts) == 1:
        message = f"Every row has the label “{next(iter(counts))}”: at least two labels are needed."
        return [problem("one_class", "error", message, [], [])]
    found = []
    if len(rows) < 10 or max(counts.values()) < 2:
        everything = (
            "Every label occurs only once: is this the right column?"
            if len(rows) >= 10
            else f"{len(rows)} rows are too few to learn from."
        )
        code = "all_unique_label" if len(rows) >= 10 else "too_few_rows"
        return [problem(code, "error", everything, [row for row, _label in rows], sorted(counts)[:EXAMPLES])]
    if len(rows) < FEW_ROWS:
        found.append(
            problem(
                "few_rows", "warning", f"{len(rows)} rows are a thin base: the score will be a rough guess.", [], []
            )
        )
    found += variant_problems(rows, counts)
    rare = {label for label, count in counts.items() if count < RARE}
    if rare:
        at = [row for row, label in rows if label in rare]
        message = f"{many(len(rare), 'label has', 'labels have')} fewer than {RARE} examples; their own scores will be rough guesses."
        few = {label for label in rare if counts[label] < 3}
        fix = (
            ("drop_rare_classes", "Remove labels with fewer than 3 rows")
            if few and len(counts) - len(few) >= 2
            else None
        )
        found.append(problem("rare_classes", "warning", message, at, sorted(rare), fix))
    top, most = counts.most_common(1)[0]
    if most > SKEWED * len(rows):
        message = f"“{top}” is {most / len(rows):.0%} of all rows: always guessing it would look good. Rare labels get more weight."
        found.append(problem("skewed_classes", "info", message, [], [top]))
    return found


def variant_problems(rows: list[tuple[int, str]], counts: Counter[str]) -> list[dict[str, Any]]:
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        spellings[normalised(label)].append(label)
    variants = {label for group in spellings.values() if len(group) > 1 for label in group}
    if not variants:
        return []
    at = [row for row, label in rows if label in variants]
    message = f"{len(variants)} labels differ only in capitals, spaces or signs: {', '.join(sorted(variants)[:6])}."
    return [
        problem("label_variants", "warning", message, at, sorted(variants), ("merge_label_variants", "Make them one"))
    ]


def copy_problems(
    rows: dict[int, tuple[str, str]], split: list[str | None], texts: list[str | None], given_split: bool
) -> list[dict[str, Any]]:
    """Repeated texts, repeated texts with different labels, and copies on both sides of a given split."""
    groups: dict[str, list[int]] = defaultdict(list)
    for row, (text, _label) in rows.items():
        groups[text].append(row)
    repeated = [group for group in groups.values() if len(group) > 1]
    extra = [row for group in repeated for row in group[1:]]
    found = []
    if extra:
        message = f"{many(len(extra), 'row repeats', 'rows repeat')} an earlier text. Copies are kept on one side of the split."
        found.append(
            problem(
                "duplicates", "warning", message, extra, samples(extra, texts), ("drop_duplicates", "Keep one of each")
            )
        )
    conflicts = [row for group in repeated if len({rows[row][1] for row in group}) > 1 for row in group]
    if conflicts:
        message = f"{len(conflicts):,} rows have the same text as another but a different label. Nobody can be right on these."
        fix = ("drop_conflicting", "Remove them")
        found.append(problem("conflicting_labels", "warning", message, conflicts, samples(conflicts, texts), fix))
    across = [
        row for group in repeated if len({split[row] for row in group}) > 1 for row in group if split[row] == "test"
    ]
    if across and given_split:
        message = f"{many(len(across), 'test row is', 'test rows are')} also among the rows to learn from: the score will flatter."
        fix = ("drop_duplicates", "Keep one of each")
        found.append(problem("duplicates_across_split", "warning", message, across, samples(across, texts), fix))
    return found


def samples(rows: list[int], texts: list[str | None]) -> list[str]:
    return [str(texts[row]) for row in rows[:EXAMPLES]]
