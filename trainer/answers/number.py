"""A number. Light."""

from trainer.answers.base import Answer, Metric
from trainer.messages import gettext_noop

BEWARE = """It knows only inputs like those it learned from; on anything else it still gives a number, and outside the range of the
answers it saw it cannot be trusted. Check what matters by hand."""

ANSWER = Answer(
    "number",
    widget="number",
    output={
        "value": "the number",
        "low": "the range in which nine of ten test rows lay about their answer, where it is known",
        "high": "its upper end",
    },
    pick="value",
    objective="trainer.answers.number_scoring.Regression",
    scoring="trainer.answers.number_scoring.NumberScoring",
    probe="trainer.labelling.probes.NumberProbe",
    metrics=(
        Metric("r2", gettext_noop("R² (variance explained)"), "R²", form="score", contrasts=True),
        Metric("rmse", gettext_noop("Root mean squared error (lower is better)"), "RMSE", "", "size", True),
        Metric("mae", gettext_noop("Mean absolute error (lower is better)"), "MAE", "", "size", True),
        Metric(
            "pearson",
            gettext_noop("Pearson correlation"),
            noun=gettext_noop("Pearson correlation"),
            form="score",
            contrasts=True,
        ),
    ),
    beware=BEWARE,
    cells="number",
    columns=frozenset(("number",)),
    one_output=True,
    expression="logits[0]",
    scored_as="had an R² of",
    correction="number",
    predictions=("predicted", "error"),
    mistake=("error",),
    constants={"mean": gettext_noop("the mean")},
)
