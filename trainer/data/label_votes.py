"""Several columns that say labels of one row: what each annotator says, of which the majority counts, or label_1, label_2 …, which are
its labels together."""

import json
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from trainer import columns as kinds
from trainer.columns import is_missing
from trainer.data.cells import iterate_slices
from trainer.data.dataset import Dataset
from trainer.data.readings import Choice, Choices, Reading
from trainer.messages import Message, _, ngettext

SAMPLE, KEEP = 2_000, "keep"
YES = kinds.YES | {"1", "1.0", "x"}
NO = kinds.NO | {"0", "0.0", "", "-1", "-1.0"}
MIN_ALIKE = 0.34
"""Share of the labels of a column that others must have too for all to be of one kind."""
VOTES, MAX_LABELS = "votes", 500
VOTER = re.compile(r"^(annotator|annotation|rater|rating|coder|judge|vote|label|annot)[ _.-]*(\d{1,2}|[a-e])$", re.IGNORECASE)  # fmt: skip
NUMBERED_LABEL = re.compile(r"(labels?|tags?|topics?|categor(?:y|ies)|genres?|class(?:es)?|intents?|emotions?|keywords?)[ _.-]*\d{1,2}", re.IGNORECASE)  # fmt: skip
PEOPLE = (
    re.compile(r"(label|annotation|vote|annotator|rater|coder)[ _.-]+[^\W\d_]+", re.IGNORECASE),
    re.compile(r"[^\W\d_]+[ _.'’s-]+(label|annotation|vote)", re.IGNORECASE),
)
MIN_PEOPLE = 3
PERSON = re.compile(r"(annotator|rater|coder|judge|vote|annot)", re.IGNORECASE)
DOUBT, MIN_KAPPA = 0.6, 0.3
"""Confidence in what columns of 0 and 1 are that may be labels or people; and from which agreement on they are people."""


def free_name(names: Sequence[str], name: str) -> str:
    return name if name not in names else next(f"{name} ({n})" for n in range(2, 100) if f"{name} ({n})" not in names)


def numbered_columns(names: Sequence[str]) -> list[str]:
    """label_1, label_2 …: the longest run of columns that are called alike but for a number."""
    groups: dict[str, list[str]] = {}
    for name in names:
        if match := NUMBERED_LABEL.fullmatch(name.strip()):
            groups.setdefault(match[1].lower(), []).append(name)
    return max(groups.values(), key=len, default=[])


def read_numbered(dataset: Dataset, choices: Choices) -> list[Reading]:
    """Columns label_1, label_2 … as a list of labels: a later one is filled only where those before it are, no row says the same
    twice, as votes of people would, and the same labels come in several of them. It is a doubt: somebody may have been asked
    only where the first was unsure, and the numbers may be levels."""
    columns = numbered_columns(dataset.names)
    if len(columns) < 2:
        return []
    cells = [[(cell or "").strip() for cell in dataset.column(name).to_pylist()] for name in columns]
    if set().union(*map(set, cells)) <= YES | NO or all(len(set(each)) > MAX_LABELS for each in cells):
        return []  # a column for each label, which `read_indicators` reads
    voters = set(columns) <= set(voters_of(dataset.names))
    asked = choices.pick("label_columns", ("labels", VOTES, KEEP) if voters else ("labels", KEEP))
    rows = [["" if is_missing(cell) else cell for cell in row] for row in zip(*cells, strict=True)]
    if asked is None and not is_list(rows):
        return []
    are_levels = not are_alike(cells)
    chosen = asked or (KEEP if are_levels else "labels")
    names = ", ".join(columns[:4]) + (" …" if len(columns) > 4 else "")
    confidence = 1.0 if asked else 0.55 if voters or are_levels or len(columns) == 2 else 0.75
    reading = numbered_reading(chosen, names, confidence, voters, is_asked=asked is not None)
    if chosen == VOTES:
        return [reading, *read_votes(dataset, choices)]
    if chosen == "labels":
        written = [json.dumps(list(dict.fromkeys(filter(None, row))), ensure_ascii=False) for row in rows]
        others = [name for name in dataset.names if name not in columns]
        dataset.table = dataset.table.select(others).append_column(
            free_name(others, "labels"), pa.chunked_array([pa.array(written, pa.string())])
        )
    return [reading]


def is_list(rows: Sequence[Sequence[str]]) -> bool:
    """Whether no cell is filled behind a blank one, some are blank, and none comes twice in a row."""
    filled = [[cell for cell in row if cell] for row in rows]
    is_prefix = all(all(row[: len(some)]) for row, some in zip(rows, filled, strict=True))
    is_distinct = all(len(set(some)) == len(some) for some in filled)
    return is_prefix and is_distinct and sum(map(len, filled)) < 0.9 * sum(map(len, rows))


def are_alike(cells: Sequence[Sequence[str]]) -> bool:
    """Whether a column has labels that others have too: levels of categories, a kind and a kind of it, have not."""
    values = [{cell for cell in column if cell and not is_missing(cell)} for column in cells]
    others = [set[str]().union(*values[:place], *values[place + 1 :]) for place in range(len(values))]
    return any(len(own & rest) >= MIN_ALIKE * max(len(own), 1) for own, rest in zip(values, others, strict=True))


def numbered_reading(chosen: str, names: str, confidence: float, voters: bool, *, is_asked: bool) -> Reading:
    sentences: dict[str, Message] = {
        "labels": _("Several labels of a row are in columns of their own: %(names)s", names=names),
        VOTES: _("Each of %(names)s is what one person says", names=names),
        KEEP: _("Columns of labels are kept: %(names)s", names=names),
    }
    labels = {"labels": _("Read as labels"), VOTES: _("The majority's label"), KEEP: _("Keep the columns")}
    others = [Choice(other, labels[other]) for other in labels if other != chosen and (voters or other != VOTES)]
    return Reading("label_columns", chosen, sentences[chosen], others, confidence, is_asked=is_asked)


def read_votes(dataset: Dataset, choices: Choices) -> list[Reading]:
    """The majority of the annotators' columns as a label, and the share that chose it; the columns stay."""
    columns = voters_of(dataset.names)
    if len(columns) < 2 or free_name(dataset.names, "label") != "label":
        return []
    values = [{cell for cell in dataset.column(name).slice(0, SAMPLE).to_pylist() if not is_missing(cell)} for name in columns]  # fmt: skip
    union = set().union(*values)
    if not 2 <= len(union) <= MAX_LABELS or any(len(seen & values[0]) < 0.5 * min(len(seen), len(values[0])) for seen in values):  # fmt: skip
        return []
    is_doubt = union <= YES | NO and not any(PERSON.match(name.strip()) for name in columns)
    if is_doubt:
        asked = choices.pick("label_columns", ("labels", VOTES, KEEP))
        if (asked or (VOTES if agree(dataset, columns) else "labels")) != VOTES:
            return []  # a column for each label, which `read_indicators` reads
    else:
        asked = choices.pick("votes", ("majority", KEEP))
    named = ", ".join(columns[:5])
    if asked == KEEP:
        kept_sentence: Message = _("Columns of votes are kept: %(names)s", names=named)
        return [Reading("votes", KEEP, kept_sentence, [Choice("majority", _("The majority's label"))], is_asked=True)]
    labels: list[str | None] = []
    shares: list[str | None] = []
    disagreed = 0
    for slices in zip(*(iterate_slices(dataset.column(name)) for name in columns), strict=True):
        for row in zip(*slices, strict=True):
            votes = [cell for cell in row if cell is not None and not is_missing(cell)]
            best, count = Counter(votes).most_common(1)[0] if votes else (None, 0)
            labels.append(best)
            shares.append(f"{count / len(votes):.3g}" if votes else None)
            disagreed += count < len(votes)
    for name, cells in (("label", labels), ("label agreement", shares)):
        dataset.table = dataset.table.append_column(name, pa.chunked_array([pa.array(cells, pa.string())]))
    dataset.suggested = dataset.suggested or {"label": "label"}
    sentence = ngettext(
        "“label” is what most of %(names)s say; in %(count)s row they differ",
        "“label” is what most of %(names)s say; in %(count)s rows they differ",
        disagreed,
        names=named,
    )
    if is_doubt:
        others = [Choice("labels", _("Read as labels")), Choice(KEEP, _("Keep the columns"))]
        confidence = 1.0 if asked else DOUBT
        return [Reading("label_columns", VOTES, sentence, others, confidence, is_asked=asked is not None)]
    return [Reading("votes", "majority", sentence, [Choice(KEEP, _("Keep the columns"))], is_asked=asked is not None)]


def agree(dataset: Dataset, columns: Sequence[str]) -> bool:
    """Whether columns of yes and no say the same of a row far more often than by chance (Fleiss' kappa, 1971), as people do who were
    asked the same."""
    flags = np.array(
        [[(cell or "").strip().lower() in YES for cell in dataset.column(name).to_pylist()] for name in columns]
    )
    yes, people = flags.sum(axis=0), len(columns)
    observed = float(np.mean(yes * (yes - 1) + (people - yes) * (people - yes - 1))) / (people * (people - 1))
    share = float(flags.mean())
    chance = share**2 + (1 - share) ** 2
    return chance < 1 and (observed - chance) / (1 - chance) > MIN_KAPPA


def may_be_votes(names: Sequence[str]) -> bool:
    """Whether columns may be people or labels: label_1, label_toxic; annotator_1 is somebody."""
    columns = voters_of(names)
    return len(columns) > 1 and not any(PERSON.match(name.strip()) for name in columns)


def voters_of(names: Sequence[str]) -> list[str]:
    """Columns of one word with a number or letter behind it (annotator_1), or three or more of one with a name (label_Ann), or with one
    behind it (Ann label)."""
    columns = [name for name in names if VOTER.match(name.strip())]
    if len({match[1].lower() for name in columns if (match := VOTER.match(name.strip()))}) == 1:
        return columns
    named = [
        [name for name in names if form.fullmatch(name.strip()) and word in name.lower()]
        for form in PEOPLE
        for word in ("label", "annotation", "vote", "annotator", "rater", "coder")
    ]
    best = max(named, key=len)
    return best if len(best) >= MIN_PEOPLE else []
