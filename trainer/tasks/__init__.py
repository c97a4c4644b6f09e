"""The registry: every class of this folder's modules that has a `slug` of its own is a task."""

import importlib
import pkgutil
from functools import cache

from trainer.errors import SpecError
from trainer.tasks.base import Task


@cache
def all() -> tuple[type[Task], ...]:
    """Every task, in the order of their titles."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Task)
        and "slug" in vars(value)
        and value.__module__ == module.__name__
    }
    return tuple(sorted(found, key=lambda task: task.title))


def get(slug: str) -> type[Task]:
    """The task of this slug; `SpecError` lists those that exist."""
    for task in all():
        if task.slug == slug:
            return task
    names = ", ".join(task.slug for task in all())
    raise SpecError(f"There is no task “{slug}”.", code="bad_task", hint=f"Choose one of: {names}.")
