"""A text. Light."""

from trainer.answers.base import Answer, Metric
from trainer.messages import gettext_noop

BEWARE = """It hears what it knows: other voices, microphones, noises and words cost mistakes, and it writes something even where nobody
speaks. Check what matters by hand."""

ANSWER = Answer(
    "text",
    widget="text",
    output={"text": "the text"},
    pick="text",
    objective="trainer.answers.text_scoring.Transcription",
    scoring="trainer.answers.text_scoring.TextScoring",
    metrics=(
        Metric(
            "wer",
            gettext_noop("Word error rate (lower is better)"),
            "WER",
            phrase=gettext_noop("%(share)s word error rate"),
            lower_is_better=True,
            bounded=True,
        ),
        Metric(
            "cer", gettext_noop("Character error rate (lower is better)"), "CER", lower_is_better=True, bounded=True
        ),
    ),
    beware=BEWARE,
    cells="words",
    columns=frozenset(("text",)),
    named_columns=frozenset(("category",)),
    predictions=("predicted", "wer"),
    mistake=("wer", "cer"),
    constants={"silence": gettext_noop("an empty transcript")},
)
