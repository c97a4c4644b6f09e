"""LightGBM, wherever its OpenMP library comes from."""

from types import ModuleType

from trainer import openmp
from trainer.errors import ModelError
from trainer.messages import _


def lightgbm() -> ModuleType:
    """The package, on the OpenMP runtime that the process has; on bare systems that is a copy that a wheel brings."""
    openmp.share()
    try:
        import lightgbm
    except OSError as error:
        raise ModelError(
            _("Trees cannot be used here: the system library libgomp is missing."),
            code="no_openmp",
            hint=_("Install it, on Debian and Ubuntu with `sudo apt install libgomp1`."),
        ) from error
    package: ModuleType = lightgbm
    return package
