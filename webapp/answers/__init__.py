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
    found = [one for module in modules if isinstance(one := getattr(module, "PRESENTATION", None), Presentation)]
    return {presentation.key: presentation for presentation in found}


def of_task(slug: str | None) -> Presentation:
    task = tasks.find(slug)
    known = presentations()
    return known[task.answer] if task is not None and task.answer in known else known[USUAL]


def of_output(output: Mapping[str, object]) -> Presentation | None:
    """Of one answer as serving gave it; None for one of no known kind."""
    answer = answers.of_output(output)
    return presentations().get(answer.key) if answer is not None else None
