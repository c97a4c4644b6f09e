"""A passage of a text that answers a question, or none. Light."""

from trainer.answers.base import Answer, Metric
from trainer.messages import gettext_noop

ANSWER = Answer(
    "passage",
    widget="passage",
    output={
        "answer": "the passage that answers; null where the context has none",
        "start": "where it begins, in characters of the context; null without one",
        "end": "where it ends",
        "score": "how sure this is, 0 to 1",
    },
    pick="answer",
    objective="trainer.answers.passage_scoring.Answering",
    scoring="trainer.answers.passage_scoring.PassageScoring",
    metrics=(
        Metric("passage_f1", gettext_noop("F1 of the words of the answer"), "F1", bounded=True),
        Metric(
            "exact_match",
            gettext_noop("Exact match of the answer"),
            noun=gettext_noop("exact match"),
            counts_rows=True,
        ),
    ),
    beware="It answers with words of the text that it is given, also where these are wrong, and knows nothing else. Check what matters by hand.",
    cells="passages",
    columns=frozenset(("list", "json", "text", "category", "number")),
    expression="(logits[:, 0].argmax(), logits[:, 1].argmax())",
    scored_as="had an F1 of",
    mistake=("truth_spans", "predicted_spans", "context", "f1"),
    first_step=gettext_noop("Passage with most shared words"),
    constants={"no_answer": gettext_noop("“no answer” to every question")},
)
