"""How each kind of answer is put to people, the site's registry: every module of this folder with a `PRESENTATION` is one.

What a kind *is* says `trainer.answers`; here is what pages make of it, beside its templates in `templates/answers/KEY/`.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from trainer import answers, tasks
from webapp.answers.base import Presentation

USUAL = "class"
"""Of a task that is not known here."""


@cache
def presentations() -> dict[str, Presentation]:
    """{key of a kind: how it is presented}."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    members = [
        candidate for module in modules if isinstance(candidate := getattr(module, "PRESENTATION", None), Presentation)
    ]
    return {presentation.key: presentation for presentation in members}


def of_task(slug: str | None) -> Presentation:
    task = tasks.find(slug)
    by_key = presentations()
    return by_key[task.answer] if task is not None and task.answer in by_key else by_key[USUAL]


def of_output(output: Mapping[str, object]) -> Presentation | None:
    """Of one answer as serving gave it; None for one of no known kind."""
    answer = answers.of_output(output)
    return presentations().get(answer.key) if answer is not None else None
