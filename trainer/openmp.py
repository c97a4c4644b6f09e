"""One OpenMP runtime in a process, whatever is installed.

torch and scikit-learn each bring a libgomp in their wheels, and LightGBM takes the system's. Each keeps threads and
teams of its own, and since symbols are bound one by one as they are first called, a library can begin a parallel
region in one of them and end it in another, which aborts the process. A runtime that stands in the global scope before
any of these libraries is looked at first by all that come later, so all of them bind to it alone.
"""

import ctypes
import importlib.util
import sys
from pathlib import Path

NAME = "libgomp.so.1"
BUNDLED = (("torch", "lib"), ("torch", "../torch.libs"), ("sklearn", "../scikit_learn.libs"))
"""Packages that bring a copy, and where: torch's first, since it alone is tested with its own."""


def share() -> Path | None:
    """Put one libgomp into the global scope; its file, or None where this system has none or needs none.

    To be called before torch, scikit-learn or LightGBM is imported; later it does what it still can: it makes the
    runtime that is there already everybody's.
    """
    if not sys.platform.startswith("linux"):
        return None
    ours = find_bundled()
    loaded = sorted(find_mapped(), key=lambda path: ours.index(path) if path in ours else len(ours))
    for candidate in (*loaded, *ours, Path(NAME)):
        try:
            ctypes.CDLL(str(candidate), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return candidate
    return None


def find_mapped() -> list[Path]:
    """The files of all libgomp that this process has loaded, in the order of their addresses; none where it may not look, as
    one that a confined process started."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as file:
            paths = [line.split(maxsplit=5)[5].rstrip("\n") for line in file if "/libgomp" in line]
    except PermissionError:
        return []
    return list(dict.fromkeys(Path(path) for path in paths if ".so" in path))


def find_bundled() -> list[Path]:
    """Copies of libgomp in the installed wheels, without importing them."""
    copies: list[Path] = []
    for package, folder in BUNDLED:
        spec = importlib.util.find_spec(package)
        for root in (spec.submodule_search_locations or []) if spec else []:
            copies += sorted(Path(root, folder).resolve().glob("libgomp*.so*"))
    return copies
