"""Translation: write a text in another language."""

from typing import Any

from trainer.messages import gettext_noop
from trainer.tasks.base import Role
from trainer.tasks.text_to_text import TextToText


class Translation(TextToText):
    slug = "translation"
    title = gettext_noop("Translation")
    summary = gettext_noop("Reads a text and writes it in another language.")
    roles = (
        Role("source", gettext_noop("Source text"), "text"),
        Role("target", gettext_noop("Translation"), "text"),
    )
    answer_role = "target"
    sentence = gettext_noop("Translate %(source)s into %(target)s.")
    metrics = ("bleu", "chrf", "rouge_l", "rouge_1", "rouge_2")
    headline = "bleu"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        things = {"kettle": "der Kessel", "lamp": "die Lampe", "chair": "der Stuhl", "printer": "der Drucker"}
        colours = {"red": "rot", "blue": "blau", "green": "grün", "old": "alt", "new": "neu", "small": "klein"}
        pairs = (("The {0} is {1}.", "{0} ist {1}."), ("Is the {0} {1}?", "Ist {0} {1}?"))
        return [
            {"source": text.format(thing, colour), "target": target.format(other, shade).capitalize()}
            for text, target in pairs
            for thing, other in things.items()
            for colour, shade in colours.items()
        ]
