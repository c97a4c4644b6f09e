"""What a kind of answer is. Light."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """`objective`: the `trainer.learning.objective.Objective` that learns and scores such answers, by dotted path."""

    key: str
    objective: str
