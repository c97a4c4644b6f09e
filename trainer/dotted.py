"""Names of things by dotted path, so that listing them imports nothing of what they need. Light."""

import importlib
from functools import cache
from typing import TypeVar

T = TypeVar("T")


@cache
def load(path: str) -> object:
    """What `package.module.name` names; the module is imported when somebody first asks."""
    module, _dot, name = path.rpartition(".")
    value: object = getattr(importlib.import_module(module), name)
    return value


def load_class(path: str, kind: type[T]) -> type[T]:
    """The class that the path names, a `kind` or a subclass of it; `TypeError` where it is something else."""
    loaded = load(path)
    if not (isinstance(loaded, type) and issubclass(loaded, kind)):
        raise TypeError(f"{path} is not a {kind.__name__}")
    return loaded
