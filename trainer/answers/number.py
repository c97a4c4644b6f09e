"""A number. Light."""

from trainer.answers.base import Answer

ANSWER = Answer("number", objective="trainer.answers.number_scoring.Regression")
