"""Several columns that say labels of one row: what each annotator says, of which the majority counts, or label_1, label_2 …, which are
its labels together."""

import json
import re
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from trainer.columns import is_missing
from trainer.data.cells import iterate_slices
from trainer.data.dataset import Dataset
from trainer.data.readings import Choice, Choices, Reading
from trainer.messages import Message, _, ngettext

SAMPLE, KEEP = 2_000, "keep"
MAX_LABELS = 500
VOTER = re.compile(r"^(annotator|annotation|rater|rating|coder|judge|vote|label|annot)[ _.-]*(\d{1,2}|[a-e])$", re.IGNORECASE)  # fmt: skip
NUMBERED_LABEL = re.compile(r"(labels?|tags?|topics?|categor(?:y|ies)|genres?|class(?:es)?|intents?|emotions?|keywords?)[ _.-]*\d{1,2}", re.IGNORECASE)  # fmt: skip
PEOPLE = (
    re.compile(r"(label|annotation|vote|annotator|rater|coder)[ _.-]+[^\W\d_]+", re.IGNORECASE),
    re.compile(r"[^\W\d_]+[ _.'’s-]+(label|annotation|vote)", re.IGNORECASE),
)
MIN_PEOPLE = 3


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
    """Columns label_1, label_2 … as a list of labels: the first is always filled, later ones are not, and no row says the same
    twice, as votes of people would."""
    columns = numbered_columns(dataset.names)
    if len(columns) < 2:
        return []
    asked = choices.pick("label_columns", ("labels", KEEP))
    cells = [dataset.column(name).to_pylist() for name in columns]
    rows = [[cell.strip() for cell in row if cell and not is_missing(cell)] for row in zip(*cells, strict=True)]
    filled = sum(len(row) for row in rows)
    is_list = filled < 0.9 * len(rows) * len(columns) and all(len(set(row)) == len(row) for row in rows)
    if asked != "labels" and not is_list:
        return []
    names = ", ".join(columns[:4]) + (" …" if len(columns) > 4 else "")
    if asked == KEEP:
        kept: Message = _("Columns of labels are kept: %(names)s", names=names)
        return [Reading("label_columns", KEEP, kept, [Choice("labels", _("Read as labels"))], is_asked=True)]
    written = [json.dumps(list(dict.fromkeys(row)), ensure_ascii=False) for row in rows]
    others = [name for name in dataset.names if name not in columns]
    dataset.table = dataset.table.select(others).append_column(
        free_name(others, "labels"), pa.chunked_array([pa.array(written, pa.string())])
    )
    sentence: Message = _("Several labels of a row are in columns of their own: %(names)s", names=names)
    keep = [Choice(KEEP, _("Keep the columns"))]
    return [Reading("label_columns", "labels", sentence, keep, 1.0 if asked else 0.85, is_asked=bool(asked))]


def read_votes(dataset: Dataset, choices: Choices) -> list[Reading]:
    """The majority of the annotators' columns as a label, and the share that chose it; the columns stay."""
    columns = voters_of(dataset.names)
    if len(columns) < 2 or free_name(dataset.names, "label") != "label":
        return []
    values = [{cell for cell in dataset.column(name).slice(0, SAMPLE).to_pylist() if not is_missing(cell)} for name in columns]  # fmt: skip
    union = set().union(*values)
    if not 2 <= len(union) <= MAX_LABELS or any(len(seen & values[0]) < 0.5 * min(len(seen), len(values[0])) for seen in values):  # fmt: skip
        return []
    asked = choices.pick("votes", ("majority", KEEP))
    named = ", ".join(columns[:5])
    if asked == KEEP:
        kept: Message = _("Columns of votes are kept: %(names)s", names=named)
        return [Reading("votes", KEEP, kept, [Choice("majority", _("The majority's label"))], is_asked=True)]
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
    return [Reading("votes", "majority", sentence, [Choice(KEEP, _("Keep the columns"))], is_asked=asked is not None)]


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
