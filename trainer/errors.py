"""What can go wrong, in the reader's words.

A `UserError` is something the user can mend: it carries a stable `code`, one sentence and the next step, and ends
the command line with exit status 2. Anything else is a bug and ends it with 1 and a traceback on standard error.
"""

from typing import Any

from trainer.messages import sources

EXIT_DONE, EXIT_BUG, EXIT_USER, EXIT_STOPPED = 0, 1, 2, 3
DOWNLOADING = "downloading"
"""The code of a problem that is none for long: somebody else is downloading the same model."""


class UserError(Exception):
    """A problem that the user can mend."""

    code = "invalid"

    def __init__(self, message: str, *, code: str | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.hint = hint

    def as_dict(self) -> dict[str, Any]:
        sentences = {"message": self.message, "hint": self.hint}
        return {"code": self.code, **sentences, **sources(sentences)}


class SpecError(UserError):
    """The specification does not hold together."""

    code = "bad_spec"


class DataError(UserError):
    """The data cannot be read, or cannot be learned from."""

    code = "bad_data"


class ModelError(UserError):
    """The base model cannot be found or used."""

    code = "bad_model"


class Stopped(Exception):  # noqa: N818  it is a request, not an error
    """SIGTERM came: the state is saved and the command ends with 3."""
