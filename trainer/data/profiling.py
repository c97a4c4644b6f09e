"""What a column holds, and what is wrong with the rows: sentences with counts, row numbers and a remedy."""

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer import answers
from trainer.columns import decimal_of, kind_of
from trainer.data.fixes import KEEP_AT_LEAST, SAFE, conflicting
from trainer.data.keys import NO_TEXT, Keys, missing_mask, normalised, repeated
from trainer.data.numbers import numbers_in
from trainer.messages import Message, _, joined, ngettext, sources

SAMPLE = 2_000
EXAMPLES = 3
ROWS_SHOWN = 20
RARE = 10
SKEWED = 0.9
LONG_TEXT = 4_000
FEW_TEST_ROWS = 30
"""Below it a score's interval is wider than a third."""
FEWEST_ROWS = 10
"""Fewer cannot be learned from at all."""
FEW_ROWS = 50
EXAMPLE_CHARACTERS = 120
LABELS_SHOWN, LABEL_CHARACTERS = 1_000, 1_000_000
"""At most so many labels, and characters of them, go into a profile, which pages and programs read as a whole."""
SLICE_ROWS = 50_000
ORDER = {"error": 0, "warning": 1, "info": 2}


def profile_column(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    """{name, kind, missing, there, distinct, examples, length}: lengths in characters, over the values that are there;
    `decimal` where a column of numbers writes its decimals after a comma."""
    sample: list[str] = []
    hashes: list[np.ndarray] = []
    lengths: list[np.ndarray] = []
    for start in range(0, len(column), SLICE_ROWS):
        cells = column.slice(start, SLICE_ROWS)
        there = cells.filter(pc.invert(missing_mask(cells)))
        values = there.to_pylist()
        sample += values[: SAMPLE - len(sample)]
        hashes.append(np.fromiter(map(hash, values), np.int64, len(values)))
        lengths.append(pc.utf8_length(there).to_numpy())
    size = np.concatenate(lengths) if lengths else np.array([])
    seen = np.sort(np.concatenate(hashes)) if hashes else np.array([])
    distinct = int((seen[1:] != seen[:-1]).sum()) + 1 if len(seen) else 0
    found: dict[str, Any] = {
        "name": name,
        "kind": kind_of(sample, distinct, len(size), name),
        "missing": len(column) - len(size),
        "there": len(size),
        "distinct": distinct,
        "examples": [shortened(value) for value in dict.fromkeys(sample)][:EXAMPLES],
    }
    if found["kind"] == "number" and decimal_of(sample) == ",":
        found["decimal"] = ","
    if len(size):
        least, median, p95, most = map(int, np.percentile(size, [0, 50, 95, 100]))
        found["length"] = {
            "mean": round(float(size.mean()), 1),
            "min": least,
            "median": median,
            "p95": p95,
            "max": most,
        }
    return found


def shortened(text: str) -> str:
    text = text.strip()
    return text if len(text) <= EXAMPLE_CHARACTERS else text[: EXAMPLE_CHARACTERS - 1] + "…"


def label_counts(keys: Keys | None) -> dict[str, Any]:
    """{labels: [{label, count}] of the commonest, label_total: how many there are, label_rows: rows that have one}."""
    counts = keys.counts(usable_only=False) if keys is not None else np.array([], dtype=int)
    names = keys.labels if keys is not None else []
    shown: list[dict[str, Any]] = []
    characters = 0
    for code in np.argsort(-counts, kind="stable")[:LABELS_SHOWN].tolist():
        characters += len(names[code])
        if not counts[code] or (shown and characters > LABEL_CHARACTERS):
            break
        shown.append({"label": names[code], "count": int(counts[code])})
    return {
        "labels": shown,
        "label_total": int((counts > 0).sum()),
        "label_rows": int(counts.sum()),
    }


def problem(
    code: str,
    severity: str,
    message: str,
    rows: Any = (),
    examples: Any = (),
    fix: tuple[str, str] | None = None,
    count: int | None = None,
) -> dict[str, Any]:
    """One finding; `rows` are 0-based here and 1-based in the result."""
    return {
        "code": code,
        "severity": severity,
        "message": message,
        "count": len(rows) if count is None else count,
        "rows": [int(row) + 1 for row in rows[:ROWS_SHOWN]],
        "examples": [shortened(str(example)) for example in examples[:EXAMPLES]],
        "fix": remedy(*fix) if fix else None,
        **sources({"message": message}),
    }


def remedy(action: str, label: str) -> dict[str, Any]:
    """One click of the data page; `safe` ones can be taken all together without looking at the rows."""
    return {"action": action, "label": label, "safe": action in SAFE, **sources({"label": label})}


def samples(rows: np.ndarray, texts: pa.ChunkedArray) -> list[str]:
    return [texts[int(row)].as_py() or "" for row in rows[:EXAMPLES]]


NOUNS = {"image": _("image"), "audio": _("recording"), "text": _("text"), "row": _("row")}
DELETE_ROWS, REMOVE_DUPLICATES = _("Delete rows"), _("Remove duplicates")


def find_problems(content: Any) -> list[dict[str, Any]]:
    """Every fault of the rows for their task, the worst first; `content`: see `trainer.data.content.Content`."""
    table, keys, split, given_split = content.table, content.keys, content.split, content.given_split
    first = content.inputs[0] if content.inputs else content.names[0]
    texts = table.column(first)
    kind = content.kinds.get(first) or ("text" if content.shape.reads else "row")
    noun = NOUNS.get(kind, NOUNS["text"])
    found = missing_problems(table, texts, keys, noun, content.labelled)
    found += class_problems(keys) if content.labelled else number_problems(content)
    if not any(one["severity"] == "error" for one in found):
        found += (label_problems(keys) if content.labelled else thin_problems(int(keys.usable.sum()))) + part_problems(
            keys, split, given_split, content.labelled, folds=content.folds is not None
        )
    found += copy_problems(texts, keys, split, given_split, noun, content.labelled, kept_split=content.kept_split)
    if kind == "text":
        long = np.flatnonzero(keys.usable & (pc.fill_null(pc.utf8_length(texts), 0).to_numpy() > LONG_TEXT))
        if len(long) and content.labelled:
            message = ngettext(
                "%(count)s text is longer than %(limit)s characters; the model reads only its beginning.",
                "%(count)s texts are longer than %(limit)s characters; the model reads only their beginning.",
                len(long),
                limit=f"{LONG_TEXT:,}",
            )
            found.append(problem("very_long_texts", "info", message, long, samples(long, texts)))
    found += spelling_problems(content) + column_problems(content)
    return sorted(found, key=lambda one: ORDER[one["severity"]])


def column_problems(content: Any) -> list[dict[str, Any]]:
    """Columns that say nothing, or that would give the answer away by naming the row."""
    if content.shape.reads:
        return []
    found = []
    if not content.inputs:
        message = _("No column is left to learn from: the others are identifiers, empty or ignored.")
        found.append(problem("no_columns", "error", message))
    for code in COLUMN_FAULTS:
        names = columns_with(content, code)
        if names:
            message = column_message(code, names)
            fix = (f"drop_{code}", ngettext("Delete the column", "Delete the columns", len(names)))
            found.append(problem(code, "info", message, examples=names, fix=fix, count=len(names)))
    return found


COLUMN_FAULTS = ("empty_columns", "constant_columns", "identifier_columns")


def column_message(code: str, names: list[str]) -> Message:
    """What is said of columns with one of COLUMN_FAULTS."""
    number, listed = len(names), listing(names)
    if code == "empty_columns":
        return ngettext("%(names)s is empty and ignored.", "%(names)s are empty and ignored.", number, names=listed)
    if code == "constant_columns":
        return ngettext(
            "%(names)s has the same value in every row and is ignored.",
            "%(names)s have the same value in every row and are ignored.",
            number,
            names=listed,
        )
    return ngettext(
        "%(names)s is an identifier, unique in every row, and is ignored.",
        "%(names)s are identifiers, unique in every row, and are ignored.",
        number,
        names=listed,
    )


def columns_with(content: Any, code: str) -> list[str]:
    """The columns beside the answer that have one of COLUMN_FAULTS."""
    answer = content.roles.get(content.shape.answer)
    tests = {
        "empty_columns": lambda one: one["kind"] == "empty",
        "constant_columns": lambda one: one["kind"] != "empty" and one["distinct"] == 1,
        "identifier_columns": lambda one: one["kind"] == "id",
    }
    kept = {answer, content.wanted.group, content.wanted.time, *content.chosen}
    return [one["name"] for one in content.profile if one["name"] not in kept and tests[code](one)]


def spelled_missing(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """True for cells that say in letters that there is no value: NaN, null, N/A."""
    blank = pc.equal(pc.utf8_trim_whitespace(column), "")
    return pc.fill_null(pc.and_not(missing_mask(column), blank), False)


def spelling_problems(content: Any) -> list[dict[str, Any]]:
    counts: dict[str, int] = {}
    rows = np.zeros(content.rows, dtype=bool)
    examples: set[str] = set()
    for one in content.profile:
        if one["name"] in content.kinds or not one["missing"]:
            continue
        column = content.table.column(one["name"])
        spelled = spelled_missing(column)
        count = pc.sum(spelled).as_py() or 0
        if count:
            counts[one["name"]] = count
            rows |= spelled.to_numpy()
            examples |= set(pc.unique(column.filter(spelled)).to_pylist())
    if not counts:
        return []
    total = sum(counts.values())
    message = ngettext(
        "%(count)s cell contains “n/a” or similar, in %(names)s: it counts as empty.",
        "%(count)s cells contain “n/a” or similar, in %(names)s: they count as empty.",
        total,
        names=listing(list(counts)),
    )
    fix = ("empty_missing", _("Empty the cells"))
    return [problem("missing_spellings", "info", message, np.flatnonzero(rows), sorted(examples), fix, count=total)]


def number_problems(content: Any) -> list[dict[str, Any]]:
    """What makes training on other answers than classes impossible."""
    found = count_problems(content.keys)
    answer = answers.find(content.shape.kind)
    if found or answer is None or answer.cells != "number":
        return found
    numbers = answer_numbers(content)[content.keys.usable]
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        message = _("No row has a number as its answer: is this the right column?")
        return [problem("one_value", "error", message, count=int(content.keys.usable.sum()))]
    if numbers.min() == numbers.max():
        message = _(
            "Every row has the answer %(value)s: at least two different answers are needed.", value=f"{numbers[0]:g}"
        )
        return [problem("one_value", "error", message, examples=[f"{numbers[0]:g}"], count=len(numbers))]
    return too_few(len(numbers))


def answer_numbers(content: Any) -> np.ndarray:
    """The answers of all rows as numbers, nan for what is none."""
    answer = content.roles[content.shape.answer]
    decimal = next((one.get("decimal", ".") for one in content.profile if one["name"] == answer), ".")
    return numbers_in(content.table.column(answer), decimal).to_numpy().astype(float)


def count_problems(keys: Keys) -> list[dict[str, Any]]:
    rows = int(keys.usable.sum())
    if not rows:
        return [problem("no_rows", "error", _("No row has everything that the task needs."))]
    return too_few(rows)


def too_few(rows: int) -> list[dict[str, Any]]:
    if rows >= FEWEST_ROWS:
        return []
    message = ngettext(
        "%(count)s row is too few to learn from: at least %(least)s are needed, a few hundred are good.",
        "%(count)s rows are too few to learn from: at least %(least)s are needed, a few hundred are good.",
        rows,
        least=FEWEST_ROWS,
    )
    return [problem("too_few_rows", "error", message, count=rows)]


def thin_problems(rows: int) -> list[dict[str, Any]]:
    if rows >= FEW_ROWS:
        return []
    message = _("Only %(rows)s rows: the score will be a rough estimate.", rows=rows)
    return [problem("few_rows", "warning", message, count=rows)]


def missing_problems(
    table: pa.Table, texts: pa.ChunkedArray, keys: Keys, noun: Message, labelled: bool
) -> list[dict[str, Any]]:
    found = []
    without_text = keys.texts == NO_TEXT
    empty = empty_rows(table, np.flatnonzero(without_text & (keys.codes < 0)))
    no_text = np.setdiff1d(np.flatnonzero(without_text), empty)
    no_label = np.flatnonzero(~without_text & (keys.codes < 0))
    drop = ("drop_missing", DELETE_ROWS)
    if len(empty):
        message = ngettext(
            "%(count)s row is empty and will not be used.", "%(count)s rows are empty and will not be used.", len(empty)
        )
        found.append(problem("empty_rows", "info", message, empty, fix=drop))
    if len(no_text):
        message = ngettext(
            "%(count)s row has no %(noun)s and will not be used.",
            "%(count)s rows have no %(noun)s and will not be used.",
            len(no_text),
            noun=noun,
        )
        found.append(problem("missing_text", "warning", message, no_text, fix=drop))
    if len(no_label):
        message = ngettext(
            "%(count)s row has no %(noun)s and will not be used.",
            "%(count)s rows have no %(noun)s and will not be used.",
            len(no_label),
            noun=_("label") if labelled else _("answer"),
        )
        found.append(problem("missing_labels", "warning", message, no_label, samples(no_label, texts), drop))
    return found


def empty_rows(table: pa.Table, candidates: np.ndarray) -> np.ndarray:
    """Of some rows, in order, those without a value in any column. A filter goes chunk by chunk; `take` would join them."""
    mask = np.zeros(table.num_rows, dtype=bool)
    mask[candidates] = True
    empty = np.ones(len(candidates), dtype=bool)
    for column in table.filter(pa.array(mask)).itercolumns():
        empty &= missing_mask(column).to_numpy()
    return candidates[empty]


def class_problems(keys: Keys) -> list[dict[str, Any]]:
    """What makes training impossible."""
    counts = keys.counts()
    rows, classes = int(counts.sum()), int((counts > 0).sum())
    if not rows:
        message = _("No row has both a text and a label.") if len(keys) else _("The file has a header but no rows.")
        return [problem("no_rows", "error", message)]
    if classes == 1:
        only = keys.labels[int(counts.argmax())]
        message = _("Every row has the label “%(label)s”: at least two labels are needed.", label=shortened(only))
        return [problem("one_class", "error", message, examples=[only], count=rows)]
    if rows < FEWEST_ROWS:
        return too_few(rows)
    if counts.max() < 2:
        message = _("Every label occurs only once: is this the right column?")
        return [problem("all_unique_label", "error", message, examples=keys.labels, count=rows)]
    return []


def part_problems(
    keys: Keys, split: np.ndarray, given_split: bool, labelled: bool = True, *, folds: bool = False
) -> list[dict[str, Any]]:
    """Whether the parts can be learned from and tested on."""
    train, test = keys.codes[split == "train"], keys.codes[split == "test"]
    if not len(test) and not folds:
        message = _("No row is left to test on: there are too few texts, or they are too similar.")
        return [problem("no_test_rows", "error", message)]
    return small_test(len(test), given_split or folds) + (answer_problems(keys, train, test) if labelled else [])


def small_test(tested: int, settled: bool) -> list[dict[str, Any]]:
    if settled or tested >= FEW_TEST_ROWS:
        return []
    message = ngettext(
        "Only %(count)s row is left to test on, and a score from so few says little. "
        "With 5-fold cross-validation every row is tested once.",
        "Only %(count)s rows are left to test on, and a score from so few says little. "
        "With 5-fold cross-validation every row is tested once.",
        tested,
    )
    return [problem("small_test", "warning", message, count=tested, fix=("folds", _("Use 5-fold cross-validation")))]


def answer_problems(keys: Keys, train: np.ndarray, test: np.ndarray) -> list[dict[str, Any]]:
    if len(np.unique(train)) < 2:
        return [problem("one_class", "error", _("The training rows have only one label."), count=len(train))]
    unseen = [keys.labels[code] for code in np.setdiff1d(test, train).tolist()]
    if unseen:
        message = ngettext(
            "%(count)s label of the test rows never occurs in the training rows: %(names)s. Those rows count as mistakes.",
            "%(count)s labels of the test rows never occur in the training rows: %(names)s. Those rows count as mistakes.",
            len(unseen),
            names=listing(unseen),
        )
        return [problem("unseen_labels", "warning", message, examples=unseen, count=len(unseen))]
    return []


def listing(names: list[str], most: int = 6) -> str:
    return ", ".join(shortened(name) for name in names[:most]) + (" …" if len(names) > most else "")


def label_problems(keys: Keys) -> list[dict[str, Any]]:
    """Faults that the labels alone show."""
    counts = keys.counts()
    rows = int(counts.sum())
    found = []
    found += thin_problems(rows)
    found += variant_problems(keys, counts) + rare_problems(keys, counts)
    if counts.max() > SKEWED * rows:
        top = keys.labels[int(counts.argmax())]
        message = _(
            "“%(label)s” is %(share)s of all rows: always predicting it would look good. Rare labels get more weight.",
            label=shortened(top),
            share=f"{counts.max() / rows:.0%}",
        )
        found.append(problem("skewed_classes", "info", message, examples=[top], count=int(counts.max())))
    return found


def rows_of(keys: Keys, codes: list[int]) -> np.ndarray:
    return np.flatnonzero(keys.usable & np.isin(keys.codes, codes))


def variant_problems(keys: Keys, counts: np.ndarray) -> list[dict[str, Any]]:
    spellings: dict[str, list[int]] = defaultdict(list)
    for code in np.flatnonzero(counts).tolist():
        spellings[normalised(keys.labels[code])].append(code)
    variants = [code for group in spellings.values() if len(group) > 1 for code in group]
    if not variants:
        return []
    names = [keys.labels[code] for code in variants]
    message = _(
        "%(count)s labels differ only in capitals, spaces or punctuation: %(names)s.",
        count=len(variants),
        names=listing(names),
    )
    fix = ("merge_label_variants", _("Merge labels"))
    return [problem("label_variants", "warning", message, rows_of(keys, variants), names, fix)]


def rare_problems(keys: Keys, counts: np.ndarray) -> list[dict[str, Any]]:
    rare = np.flatnonzero((counts > 0) & (counts < RARE)).tolist()
    if not rare:
        return []
    few = sum(counts[code] < KEEP_AT_LEAST for code in rare)
    removable = few and (counts >= KEEP_AT_LEAST).sum() >= 2
    label = _("Remove labels with fewer than %(rows)s rows", rows=KEEP_AT_LEAST)
    fix = ("drop_rare_classes", label) if removable else None
    message = ngettext(
        "%(count)s label has fewer than %(least)s examples; its own score will be unreliable.",
        "%(count)s labels have fewer than %(least)s examples; their own scores will be unreliable.",
        len(rare),
        least=RARE,
    )
    names = [keys.labels[code] for code in rare]
    return [problem("rare_classes", "warning", message, rows_of(keys, rare), names, fix, count=len(rare))]


def copy_problems(
    texts: pa.ChunkedArray,
    keys: Keys,
    split: np.ndarray,
    given_split: bool,
    noun: Message,
    labelled: bool,
    *,
    kept_split: bool = False,
) -> list[dict[str, Any]]:
    """Repeated texts, repeated texts with different labels, and copies on both sides of a split that was given, or kept from
    when other columns were read."""
    rows = repeated(keys)
    if not len(rows):
        return []
    _unique, first, groups = np.unique(keys.texts[rows], return_index=True, return_inverse=True)
    extra = rows[first[groups] != np.arange(len(rows))]
    found: list[dict[str, Any]] = []
    across = across_problems(texts, rows, groups, split) if given_split or kept_split else []
    if len(extra):
        message = ngettext(
            "%(count)s row repeats an earlier %(noun)s.",
            "%(count)s rows repeat an earlier %(noun)s.",
            len(extra),
            noun=noun,
        )
        if not given_split and not across:
            message = joined([message, _("Copies are kept on one side of the split.")])
        fix = ("drop_duplicates", REMOVE_DUPLICATES)
        found.append(problem("duplicates", "warning", message, extra, samples(extra, texts), fix))
    conflicts = np.flatnonzero(conflicting(keys))
    if len(conflicts) and labelled:
        message = ngettext(
            "%(count)s row has the same %(noun)s as another but a different label. No model can get these right.",
            "%(count)s rows have the same %(noun)s as another but a different label. No model can get these right.",
            len(conflicts),
            noun=noun,
        )
        fix = ("drop_conflicting", DELETE_ROWS)
        found.append(problem("conflicting_labels", "warning", message, conflicts, samples(conflicts, texts), fix))
    return found + across


def across_problems(
    texts: pa.ChunkedArray, rows: np.ndarray, groups: np.ndarray, split: np.ndarray
) -> list[dict[str, Any]]:
    """Test rows whose text is also among the rows learned from or tuned with."""
    test = split[rows] == "test"
    elsewhere = np.zeros(int(groups.max()) + 1, dtype=bool)
    elsewhere[groups[~test]] = True
    across = rows[test & elsewhere[groups]]
    if not len(across):
        return []
    message = ngettext(
        "%(count)s test row is also in the training rows: the score will be too optimistic.",
        "%(count)s test rows are also in the training rows: the score will be too optimistic.",
        len(across),
    )
    fix = ("drop_duplicates", REMOVE_DUPLICATES)
    return [problem("duplicates_across_split", "warning", message, across, samples(across, texts), fix)]
