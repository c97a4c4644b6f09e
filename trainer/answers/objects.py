"""Boxes of objects in a picture. Light."""

from trainer.answers.base import Answer

ANSWER = Answer("objects", objective="trainer.answers.objects_scoring.Detection")
