"""One label out of a few. Light."""

from trainer.answers.base import Answer, Metric
from trainer.columns import MAX_LABELS
from trainer.messages import gettext_noop

BEWARE = """It knows only these labels and inputs like those it learned from; on anything else it still gives one of them. Figures of
labels with few test rows are rough. Check what matters by hand."""

ANSWER = Answer(
    "class",
    widget="classes",
    output={
        "label": "the label answered",
        "score": "its probability",
        "scores": "[{label, score}] of every label, the likeliest first",
    },
    pick="label",
    objective="trainer.answers.classes_scoring.Classification",
    scoring="trainer.answers.classes_scoring.ClassScoring",
    metrics=(
        Metric(
            "accuracy",
            gettext_noop("Accuracy"),
            noun=gettext_noop("accuracy"),
            phrase=gettext_noop("%(share)s accuracy"),
            counts_rows=True,
        ),
        Metric(
            "roc_auc",
            gettext_noop("ROC AUC"),
            "ROC AUC",
            chance=0.5,
            column="probabilities",
            bounded=True,
            contrasts=True,
        ),
        Metric("macro_f1", gettext_noop("Macro F1, each class counts equally"), "Macro F1", bounded=True),
        Metric(
            "pr_auc",
            gettext_noop("PR AUC, precision over all thresholds"),
            "PR AUC",
            column="probabilities",
            bounded=True,
            contrasts=True,
        ),
        Metric(
            "log_loss",
            gettext_noop("Log loss (lower is better)"),
            noun=gettext_noop("log loss"),
            form="size",
            lower_is_better=True,
            column="probabilities",
            leads=False,
        ),
    ),
    beware=BEWARE,
    cells="label",
    columns=frozenset(("text", "category", "id", "number", "boolean", "date")),
    distinct=(2, MAX_LABELS),
    correction="label",
    predictions=("predicted", "score", "probabilities"),
    mistake=("score", "probability"),
    constants={"majority": gettext_noop("the most frequent class")},
)
