"""Passages of a text, each with a label: names, dates, slots. Light."""

from trainer.answers.base import Answer, Metric
from trainer.messages import gettext_noop

ENTITY_DRAWS = 1_000

ANSWER = Answer(
    "spans",
    widget="entities",
    output={"entities": "[{text, label, start, end, score}], in order; start and end in characters of the input"},
    pick="entities",
    objective="trainer.answers.spans_scoring.Tagging",
    scoring="trainer.answers.spans_scoring.SpansScoring",
    metrics=(
        Metric("entity_f1", gettext_noop("Entity F1"), "entity F1", bounded=True, most_draws=ENTITY_DRAWS),
        Metric(
            "entity_precision",
            gettext_noop("Entity precision"),
            noun=gettext_noop("entity precision"),
            bounded=True,
            most_draws=ENTITY_DRAWS,
        ),
        Metric(
            "entity_recall",
            gettext_noop("Entity recall"),
            noun=gettext_noop("entity recall"),
            bounded=True,
            most_draws=ENTITY_DRAWS,
        ),
    ),
    beware="It knows only these types, and texts like those it learned from. Check what matters by hand.",
    cells="tags",
    columns=frozenset(("list",)),
    expression="[{labels}[(tag - 1) // 2] if tag else None for tag in logits.argmax(-1)]",
    scored_as="had an entity F1 of",
    has_fields=True,
    mistake=("truth_spans", "predicted_spans", "kinds"),
)
