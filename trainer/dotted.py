"""Names of things by dotted path, so that listing them imports nothing of what they need. Light."""

import importlib
from functools import cache
from typing import Any


@cache
def load(path: str) -> Any:
    """What `package.module.name` names; the module is imported when somebody first asks."""
    module, _dot, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)
