"""A text written from another one, such as its summary or its translation. Light."""

from trainer.answers.base import Answer, Metric
from trainer.messages import gettext_noop

ANSWER = Answer(
    "rewriting",
    widget="generated_text",
    output={
        "generated_text": "the text",
        "tokens": "how many it has",
        "prompt_tokens": "how many the input has",
        "finish": "why it ended: stop or length",
    },
    pick="generated_text",
    objective="trainer.answers.rewriting_scoring.Rewriting",
    scoring="trainer.answers.rewriting_scoring.RewritingScoring",
    metrics=(
        Metric("rouge_l", gettext_noop("ROUGE-L"), "ROUGE-L", bounded=True, column="counts", most_draws=1_000),
        Metric("bleu", gettext_noop("BLEU"), "BLEU", bounded=True, column="counts", most_draws=1_000),
        Metric("rouge_1", gettext_noop("ROUGE-1"), "ROUGE-1", bounded=True, column="counts", most_draws=1_000),
        Metric("rouge_2", gettext_noop("ROUGE-2"), "ROUGE-2", bounded=True, column="counts", most_draws=1_000),
        Metric("chrf", gettext_noop("chrF"), "chrF", bounded=True, column="counts", most_draws=1_000),
    ),
    beware="It may leave out what matters, and write what the text does not say. Check what matters by hand.",
    cells="conversations",
    columns=frozenset(("text",)),
    named_columns=frozenset(("category",)),
    mistake=("base", "rouge_l"),
    predictions=("predicted", "counts"),
    expression="logits[-1].argmax()",
    scored_as="wrote the very text of",
    constants={
        "copied": gettext_noop("the text itself"),
        "lead_3": gettext_noop("its first three sentences"),
    },
)
