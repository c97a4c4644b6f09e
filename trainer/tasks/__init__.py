"""The registry: every module of this folder that does not start with an underscore declares one task."""

import importlib
import pkgutil
from functools import cache

from trainer.errors import SpecError
from trainer.tasks._base import Task


@cache
def all() -> tuple[type[Task], ...]:
    """Every task, in the order of their titles."""
    modules = [
        importlib.import_module(f"{__name__}.{info.name}")
        for info in pkgutil.iter_modules(__path__)
        if info.name[0] != "_"
    ]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Task) and value.__module__ == module.__name__
    }
    return tuple(sorted(found, key=lambda task: task.title))


def get(slug: str) -> type[Task]:
    """The task of this slug; `SpecError` lists those that exist."""
    for task in all():
        if task.slug == slug:
            return task
    names = ", ".join(task.slug for task in all())
    raise SpecError(f"There is no task “{slug}”.", code="bad_task", hint=f"Choose one of: {names}.")
