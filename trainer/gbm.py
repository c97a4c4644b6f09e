"""LightGBM, wherever its OpenMP library comes from."""

import ctypes
import importlib.util
from pathlib import Path
from typing import Any

from trainer.errors import ModelError


def lightgbm() -> Any:
    """The package. It needs libgomp.so.1, which bare systems lack; then the copy that torch brings is taken."""
    try:
        import lightgbm
    except OSError:
        borrow_openmp()
        import lightgbm
    return lightgbm


def borrow_openmp() -> None:
    """Load torch's libgomp without torch itself: a library of the same name is not looked for again."""
    torch = importlib.util.find_spec("torch")
    root = Path(next(iter(torch.submodule_search_locations or [])), "lib") if torch else Path()
    try:
        ctypes.CDLL(str(root / "libgomp.so.1"), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise ModelError(
            "Trees cannot be used here: the system library libgomp is missing.",
            code="no_openmp",
            hint="Install it, on Debian and Ubuntu with `sudo apt install libgomp1`.",
        ) from error
