"""A text that goes on from a prompt: the next message of a conversation, or of a text what follows. Light."""

from trainer.answers.base import Answer, Metric
from trainer.messages import gettext_noop

ANSWER = Answer(
    "completion",
    widget="completion",
    output={
        "completion": "the text",
        "tokens": "how many it has",
        "prompt_tokens": "how many the prompt has",
        "finish": "why it ended: stop or length",
    },
    pick="completion",
    objective="trainer.answers.completion_scoring.Writing",
    scoring="trainer.answers.completion_scoring.CompletionScoring",
    metrics=(
        Metric(
            "nats_per_character",
            gettext_noop("Nats per character (lower is better)"),
            noun=gettext_noop("nats per character"),
            form="score",
            lower_is_better=True,
            column="figures",
            most_draws=1_000,
        ),
        Metric(
            "perplexity",
            gettext_noop("Perplexity per token (lower is better)"),
            noun=gettext_noop("perplexity"),
            form="size",
            lower_is_better=True,
            column="figures",
            most_draws=1_000,
        ),
    ),
    beware="It writes what is likely, not what is true, and may invent facts, names and figures. Check what matters by hand.",
    cells="conversations",
    columns=frozenset(("text",)),
    named_columns=frozenset(("category",)),
    mistake=("base",),
    predictions=("predicted", "figures", "asked"),
    expression="logits[-1].argmax()",
    scored_as="wrote the very answer of",
    constants={"token_frequencies": gettext_noop("the frequency of each token")},
)
