"""Names of things by dotted path, so that listing them imports nothing of what they need. Light."""

import importlib
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def load(path: str) -> Any:
    """What `package.module.name` names; the module is imported when somebody first asks."""
    module, _dot, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def load_class(path: str, kind: type[T]) -> type[T]:
    """The class that the path names, a `kind` or a subclass of it; `TypeError` where it is something else."""
    loaded = load(path)
    if not (isinstance(loaded, type) and issubclass(loaded, kind)):
        raise TypeError(f"{path} is not a {kind.__name__}")
    return loaded
