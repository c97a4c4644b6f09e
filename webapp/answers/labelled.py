"""How people give rows an answer of a kind on the page “Label”: what they say of a row, and the cell of the data that it becomes."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from trainer.columns import canonical_label, is_missing
from webapp.core.problems import Problem

LONGEST_LABEL = 200
SHOWN = 40
"""Characters of a label in a sentence."""
Size = tuple[int, int]


def no_size() -> Size | None:
    return None


def no_cells() -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Row:
    """What a label is checked against. `inputs`: {role: cell} of the row; `column`: profile of the column of the answers; `size`:
    of its picture in pixels; `cells`: answers that other rows have."""

    inputs: Mapping[str, str | None] = field(default_factory=dict)
    column: Mapping[str, Any] = field(default_factory=dict)
    size: Callable[[], Size | None] = no_size
    cells: Callable[[], tuple[str, ...]] = no_cells


class Labelling(ABC):
    """One kind of answer, given by people. Its parts of the page are templates beside the others of its kind (`label_card`,
    `label_keys`, `label_key`, `label_help`)."""

    scripts: tuple[str, ...] = ()
    """Of the page, beside the usual one."""
    is_suggested = False
    """Whether a small model suggests such answers, which are one label out of a few."""
    is_scored = False
    """Whether a small model says how good it is already and what to ask next (`trainer.labelling`)."""
    is_in_bulk = False
    """Whether rules and look-alikes give them."""
    can_have_more = False
    """Whether a row can get one label more."""
    likeness = ""
    """What two answers to a row are compared by, beside alpha (`webapp.labelling.agreement.Measure`)."""
    is_compared_slowly = False
    """Whether their distances are too dear to be summed for every sample that is drawn."""
    is_chosen = True
    """Whether answers are made of labels out of a few, by keys."""
    needs_row = False
    """Whether a label is checked against the row that it is of."""

    @abstractmethod
    def typed(self, fields: QueryDict) -> object:
        """What the form of the page says; `Problem` for nothing at all."""

    @abstractmethod
    def cell(self, value: object, row: Row) -> str:
        """The cell of the data that an answer becomes; `Problem` for what cannot be one."""

    def value(self, cell: str) -> object:
        """A cell as the API gives the answer, which it takes in the same form."""
        return cell

    def label_text(self, cell: str) -> str:
        """In a few words."""
        return cell

    def text_in_row(self, cell: str, inputs: Mapping[str, str | None]) -> str:
        """The same beside the inputs of its row, {role: cell}."""
        return self.label_text(cell)

    def in_words(self, value: Any) -> str:
        """The same of an answer as the API has it."""
        return self.label_text(as_cell(value))

    def fields(self, value: Any) -> list[str]:
        """An answer as the API has it, as the page's form sends it (`typed`)."""
        return [as_cell(value)]

    def labels(self, cell: str) -> list[str]:
        """Labels of the cell, each as often as it is there."""
        return []

    def normal(self, cell: str) -> str:
        """The cell as one that answers the same is written too."""
        return cell.strip()

    def added(self, cell: str, label: str) -> str:
        """The cell with a label more, "" for none yet."""
        return cell or label

    def renamed(self, cell: str, names: Mapping[str, str]) -> str:
        """The cell with labels called as {label: its new name} says."""
        return names.get(cell, cell)

    def mistaken(self, mistake: Mapping[str, Any], cell: str) -> str:
        """The cell that a run predicted, by its mistake in report.json and the cell of the row; "" where it cannot be told."""
        predicted = mistake.get("predicted")
        return predicted if isinstance(predicted, str) else ""

    def compared(self, cell: str) -> Hashable:
        """The cell as it is compared with what others say of the row."""
        return cell

    def parts(self, answer: Any) -> Sequence[Hashable]:
        """What of an answer, as it is compared, is compared one by one."""
        return [answer]

    def apart(self, counts: Counter[Any]) -> float:
        """The sum of the distances of all ordered pairs of parts of answers, {part: how often it was given}."""
        return float(counts.total() ** 2 - sum(count * count for count in counts.values()))

    def against(self, first: Any, second: Any) -> Iterable[tuple[str, str]]:
        """Labels of the one that stand against those of the other."""
        return [(str(first), str(second))]

    def alike(self, first: Any, second: Any) -> tuple[float, float]:
        """Of two answers as they are compared: how much of them is alike (or differs, as `likeness` says), out of how much."""
        return float(first == second), 1.0

    def effort(self, first: Any, second: Any) -> int:
        """Of comparing two answers, as `webapp.answers.likeness.MOST_EFFORT` counts it."""
        return 1

    @property
    def likeness_title(self) -> str:
        return ""

    def context(self, row: Row) -> dict[str, Any]:
        """What its templates need."""
        return {}


def bad_label(message: str, hint: str, field: str = "value") -> Problem:
    return Problem(message, code="bad_label", hint=hint, field=field)


def check_label(value: str) -> None:
    """`Problem` for what cannot be the name of a label."""
    if len(value) > LONGEST_LABEL:
        raise bad_label(
            _("A label has at most %(limit)d characters.") % {"limit": LONGEST_LABEL}, _("Use a word or two.")
        )
    if is_missing(value) or not value.isprintable():
        raise bad_label(
            _("“%(label)s” cannot be a label.") % {"label": value.strip()[:SHOWN]},
            _("Use a word or two. To continue without a label, skip the row or leave it out."),
        )


def label_of(value: object) -> str:
    """The name of a label as data has it; `Problem` for what is none."""
    if not isinstance(value, str):
        raise bad_label(_("A label is a text."), _("Use a word or two."))
    label = canonical_label(value)
    check_label(label)
    return label


def listed(value: object, what: str) -> list[Any]:
    """A list, also as JSON from the page; `Problem` with `what` it should be for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, list):
        raise bad_label(what, _("Send it again in this form."))
    return value


def as_cell(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
