"""What a kind of answer is: every light fact of it in one place, which trainer, serving and site look up by its key."""

from dataclasses import dataclass, field
from typing import Literal

from trainer.messages import gettext_noop

Form = Literal["share", "score", "size"]
Cells = Literal["label", "labels", "number", "tags", "passages", "boxes", "words", "pairs", "conversations", "any"]
"""How the cells of an answer are read: as one of a few labels, as several, as a number, as the tags of tokens, as passages of a
text, as boxes in an image, as words, as how alike two texts are, as conversations, or as they are."""
Correction = Literal["label", "number", "text"]
"""How a person says what the answer should have been: one of the labels, a number, or a few words."""


@dataclass(frozen=True)
class Metric:
    """`form`: a share is shown in percent and differs by points, a score by three places, a size by three figures."""

    name: str
    title: str = ""
    """As a heading, marked for translation; empty: the name in words."""
    short: str = ""
    """An abbreviation, the same in every language …"""
    noun: str = ""
    """… or the word within a sentence, marked for translation."""
    form: Form = "share"
    lower_is_better: bool = False
    column: str = "predicted"
    """That of predictions.parquet which holds what the metric looks at."""
    counts_rows: bool = False
    """Whether it is the share of the rows that are right, whose intervals are known in closed form."""
    bounded: bool = False
    """Between 0 and 1; of a perfect or a hopeless model the same in every draw of rows."""
    contrasts: bool = False
    """Whether it sets rows of different answers against each other, so that rows of one answer alone have no score."""
    most_draws: int = 2_000
    """Of the bootstrap; fewer for what takes long to count."""
    leads: bool = True
    """Whether it may tell how a run at work is doing."""
    phrase: str = ""
    """A share of it as people say it, “%(share)s accuracy”, marked for translation; empty: the name, then the value."""
    chance: float | None = None
    """What guessing gets, where that is the same whatever the rows are."""

    @property
    def within_sentence(self) -> str:
        return self.noun or self.short or self.name.replace("_", " ")

    @property
    def is_share(self) -> bool:
        return self.form == "share"


@dataclass(frozen=True)
class Answer:
    """One kind of answer. What learns and scores such answers is named by dotted path and imported when it is needed."""

    key: str
    widget: str
    """What it is called in the contract (`widget_out` of a task)."""
    output: dict[str, str]
    """{field: what it holds} of one answer as serving gives it (JSON)."""
    pick: str
    """The field that alone is the answer; no other kind has it."""
    objective: str
    """The `trainer.learning.objective.Objective` that learns such answers."""
    scoring: str
    """The `trainer.answers.base_scoring.Scoring` that serves, scores and compares them, without torch."""
    metrics: tuple[Metric, ...]
    """Its own, in the order in which they tell how a run at work is doing. A metric is of one kind alone."""
    beware: str
    """What the model card warns of."""
    probe: str = ""
    """The `trainer.labelling.probes.Probe` by which is said, while rows are labelled, how good a model is already; "" for none, or
    where labels are suggested too (`trainer.labelling.classifier`)."""
    cells: Cells = "any"
    columns: frozenset[str] = frozenset()
    """Kinds of the columns (`trainer.columns`) that such answers are read from; none: whatever suits the role."""
    named_columns: frozenset[str] = frozenset()
    """Further kinds, of columns whose name is that of such an answer."""
    distinct: tuple[int, int] | None = None
    """How many different answers a column has, at least and at most."""
    one_output: bool = False
    """Whether the model gives one number, whatever the labels; otherwise one for each."""
    expression: str = "{labels}[logits.argmax()]"
    """Python for the model card that reads the answer off `logits`, the outputs for one input."""
    scored_as: str = "was right on"
    """How packaging says how good a model is, before a share."""
    correction: Correction = "text"
    predictions: tuple[str, ...] = ("predicted",)
    """Columns of predictions.parquet that are the model's; the others are the row's."""
    other_picks: frozenset[str] = frozenset()
    """Fields of an answer that has not `pick`, to an input of another form; other kinds may have them beside their own."""
    mistake: tuple[str, ...] = ()
    """Fields of a mistake in report.json beside `row`, `truth`, `predicted` and the row's input."""
    has_fields: bool = False
    """Whether an answer can be given as an object of fields too (`trainer.answers.base_scoring.Scoring.fields`)."""
    first_step: str = gettext_noop("One answer for all rows")
    """What the method “Best” begins with, as a title, marked for translation."""
    constants: dict[str, str] = field(default_factory=dict)
    """{key: title within a sentence} of the baselines that give one answer whatever the row; marked for translation."""

    @property
    def labelled(self) -> bool:
        """Whether each row is answered with one of a few labels."""
        return self.cells == "label"

    def outputs(self, labels: int) -> int:
        """How many numbers a model of so many labels gives for an input."""
        return 1 if self.one_output else labels
