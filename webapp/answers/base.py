"""What pages ask of a kind of answer."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from trainer import answers
from trainer.answers.base import Answer
from webapp.answers.labelled import Labelling
from webapp.answers.labelled import Size as Size
from webapp.core.scores import score_words

SLOTS = (
    "answer",
    "figures",
    "report",
    "mistakes_head",
    "mistake_input",
    "mistake",
    "mistakes_legend",
    "classes_head",
    "classes_row",
    "label_card",
    "label_keys",
    "label_key",
    "label_help",
    "guest_keys",
)
"""Parts of pages: an answer itself; of a finished run the panel beside its score and all below; in there the columns of the
table of mistakes (head, the input of a row, what follows it), its legend, and further columns of the table of classes; on the page
“Label” a row that is asked about, what it is answered with, the button of a label in there, and the lines of its keys; what
guests answer with."""
Output = dict[str, Any]
"""One answer as serving gave it, with the fields of `trainer.answers.base.Answer.output`."""
Report = dict[str, Any]
"""report.json of an artifact."""


@dataclass(frozen=True)
class Correction:
    """How a visitor says what the answer should have been: one of `choices`, or in words; `inputmode` of their field."""

    choices: tuple[str, ...] = ()
    inputmode: str = ""


@dataclass(frozen=True)
class Scored:
    """How good a run is: its headline {name, value, low, high}, on how many rows, those in words (“72 held-out texts”), and the
    column answered, where it is one of a table."""

    headline: dict[str, Any]
    rows: int
    where: str
    column: str = ""

    @property
    def value(self) -> float:
        return float(self.headline["value"])


class Presentation(ABC):
    """One kind of answer to people. Each part of a page is a template: `templates/answers/KEY/SLOT.html`, or what is usual for
    it, `templates/answers/_SLOT.html`."""

    key: str
    draws_input = False
    """Whether the answer's drawing shows the input too."""
    says_itself = False
    """Whether the answer's drawing says the answer, so that it need not stand above it."""
    writes_texts = False
    """Whether an answer is a text that is too long for a heading."""
    is_explained = True
    """Whether what an answer depends on can be asked (`?explain=1` of serving)."""
    quotes_data = False
    """Whether answers hold texts of the data that was learned from."""

    labelling: Labelling | None = None
    """How people give such answers to rows; None where they do so in their files."""
    longest_correction = 80
    """Characters of a correction in words."""

    @property
    def answer(self) -> Answer:
        return answers.get(self.key)

    @property
    def templates(self) -> dict[str, list[str]]:
        """{slot: its template, else the usual one}, for `{% include %}`."""
        return {slot: [f"answers/{self.key}/{slot}.html", f"answers/_{slot}.html"] for slot in SLOTS}

    @property
    def hint(self) -> str:
        """What the box to try a model shows before an answer."""
        return ""

    @property
    def answer_title(self) -> str:
        """What stands before an answer on a demo's page."""
        return _("Prediction")

    @property
    def mistakes_title(self) -> str:
        return _("Largest errors")

    @abstractmethod
    def answer_text(self, output: Output) -> str:
        """The answer in a few words."""

    def shortened(self, output: Output) -> Output:
        """The part of an answer that is kept with a judgement."""
        return output

    def without_data(self, output: Output) -> Output:
        """The answer without texts of the data, for visitors who may not read those."""
        return output

    def correction(self, output: Output) -> Correction:
        return Correction()

    def sentence(self, scored: Scored, report: Report) -> str:
        """How good a run is, in plain words."""
        return _("%(score)s on %(where)s") % {"score": score_words(scored.headline), "where": scored.where}

    def below_verdict(self, scored: Scored, report: Report) -> str:
        """The same where the title tells the score already."""
        return self.sentence(scored, report)

    def context(self, report: Report) -> dict[str, Any]:
        """What its templates of the run page need beside the report."""
        return {}

    def mistake(self, mistake: dict[str, Any], picture_size: Callable[[], Size | None]) -> dict[str, Any]:
        """Fields for its templates of a mistake; `picture_size` looks up the size of the picture that it is about."""
        return {}
