"""The registry: every class of this folder's modules that has a `slug` of its own is a task."""

import importlib
import pkgutil
from functools import cache

from trainer.errors import SpecError
from trainer.messages import _
from trainer.tasks.base import Shape, Task


@cache
def declared() -> tuple[type[Task], ...]:
    """Every task whose data are read, those included that cannot be trained yet, in the order of their titles."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    tasks = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Task)
        and "slug" in vars(value)
        and value.__module__ == module.__name__
    }
    return tuple(sorted(tasks, key=lambda task: task.title))


@cache
def all() -> tuple[type[Task], ...]:
    """Every task that can be trained, in the order of their titles."""
    return tuple(task for task in declared() if task.family is not None)


@cache
def shapes() -> dict[str, Shape]:
    """{slug: what it reads and answers with} of every task, those that read most first."""
    by_slug = {task.slug: task.shape() for task in declared()}
    return dict(sorted(by_slug.items(), key=lambda entry: -len(entry[1].roles)))


def find(slug: str | None) -> type[Task] | None:
    """The task of this slug, whether it can be trained or not; None where there is none."""
    return next((task for task in declared() if task.slug == slug), None)


def get(slug: str) -> type[Task]:
    """The task of this slug that can be trained; `SpecError` lists those that exist."""
    task = find(slug)
    if task is not None and task.family is not None:
        return task
    hint = f"Choose one of: {', '.join(task.slug for task in all())}."
    if task is not None:
        raise SpecError(_("“%(slug)s” cannot be trained yet.", slug=slug), code="task_not_trainable", hint=hint)
    raise SpecError(_("There is no task “%(slug)s”.", slug=slug), code="bad_task", hint=hint)
