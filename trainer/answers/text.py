"""A text. Light."""

from trainer.answers.base import Answer

ANSWER = Answer("text", objective="trainer.answers.text_scoring.Transcription")
