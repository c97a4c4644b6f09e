"""Several labels out of a few, or none of them. Light."""

from trainer.answers.base import Answer, Metric
from trainer.messages import gettext_noop

BEWARE = """It knows only these labels, and inputs like those it learned from. Each label applies from a threshold of its own, chosen on
validation rows; figures of labels with few test rows are rough. Check what matters by hand."""
EXPRESSION = """[
    label
    for label, logit, threshold in zip({labels}, logits, json.load(open("manifest.json"))["thresholds"])
    if 1 / (1 + numpy.exp(-logit)) >= threshold
]"""

ANSWER = Answer(
    "labels",
    widget="labels",
    output={
        "labels": "[{label, score}] of the labels that apply, the likeliest first; empty where none does",
        "scores": "[{label, score}] of every label, the likeliest first",
    },
    pick="labels",
    objective="trainer.answers.labels_scoring.Labelling",
    scoring="trainer.answers.labels_scoring.LabelsScoring",
    probe="trainer.labelling.probes.LabelsProbe",
    metrics=(
        Metric("micro_f1", gettext_noop("Micro F1, each label of each row counts equally"), "Micro F1", bounded=True),
        Metric("label_macro_f1", gettext_noop("Macro F1, each label counts equally"), "Macro F1", most_draws=200),
        Metric(
            "mean_average_precision",
            gettext_noop("Mean average precision over the labels"),
            "mAP",
            column="probabilities",
            most_draws=200,
        ),
        Metric(
            "exact_match_ratio",
            gettext_noop("Exact match, all labels of a row right"),
            noun=gettext_noop("exact match"),
            counts_rows=True,
        ),
    ),
    beware=BEWARE,
    cells="labels",
    columns=frozenset(("list", "text", "category")),
    expression=EXPRESSION,
    scored_as="had a micro F1 of",
    predictions=("predicted", "probabilities"),
    mistake=("missed", "extra"),
    constants={"usual_labels": gettext_noop("the base rates")},
)
