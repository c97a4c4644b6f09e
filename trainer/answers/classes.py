"""One label out of a few. Light."""

from trainer.answers.base import Answer

ANSWER = Answer("class", objective="trainer.answers.classes_scoring.Classification")
