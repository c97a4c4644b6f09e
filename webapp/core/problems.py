"""Errors that the person at the other end can mend, the same for pages and API.

An action raises a `Problem`; `ProblemMiddleware` turns it into a page, the API into RFC 9457 problem+json.
"""

import errno
import logging
import shutil
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, DataError, IntegrityError
from django.utils.translation import gettext as _

from webapp.core.connections import database_is_away

log = logging.getLogger(__name__)
RETRY_SECONDS = 5
DATABASE_AWAY, DISK_FULL, TOO_MANY = "database_away", "disk_full", "too_many_requests"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
FULL_BYTES = 2**20
"""With less than this SQLite cannot even be read: it says that it could not be opened."""


class Problem(Exception):  # noqa: N818  the standard's own word
    """A sentence, a stable code and a next step, with the HTTP status that fits."""

    status = 422
    code = "invalid"

    def __init__(
        self, message: str, *, code: str = "", hint: str = "", status: int = 0, field: str = "", **extra: object
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        """The field of a form that is wrong; the page shows the message beside it (`webapp.core.forms`)."""
        self.code = code or self.code
        self.hint = hint
        self.status = status or self.status
        self.extra = extra

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "hint": self.hint}


def check_one_of(value: object, names: Iterable[str], message: str, *, code: str) -> None:
    """`Problem` for a value that is none of `names`, which are told; `message` calls it %(name)s."""
    choices = list(names)
    if value not in choices:
        hint = _("Choose one of %(names)s.") % {"names": ", ".join(choices)}
        raise Problem(message % {"name": str(value)[:60]}, code=code, hint=hint)


class Forbidden(Problem):
    status, code = 403, "forbidden"


class Conflict(Problem):
    status, code = 409, "conflict"


class BudgetSpent(Problem):
    status, code = 402, "budget_spent"


class Unavailable(Problem):
    status, code = 503, "unavailable"


def problem_of(error: BaseException) -> BaseException:
    """What a database says of a value that fits no column is the sender's to mend: too long, too large, a zero byte. One
    that does not answer is nobody's fault, and worth another try. A row that was there when the request came, and no longer, was
    deleted by another request at the same moment."""
    is_away = database_is_away(error)
    if is_no_space(error) or (is_away and disk_is_full()):
        return Problem(
            _("The disk of this machine is full."),
            code=DISK_FULL,
            hint=_("The operator of this site can fix that. Then try again."),
            status=507,
        )
    if is_away:
        return Unavailable(
            _("The database is not responding."),
            code=DATABASE_AWAY,
            hint=_("Nothing was lost. Try again in a few seconds."),
            retry_after=RETRY_SECONDS,
        )
    if is_gone(error):
        log.warning("something was deleted while a request was at work with it", exc_info=error)
        return Conflict(
            _("It was deleted by somebody else at the same moment."),
            code="deleted",
            hint=_("Reload the page to see what is there."),
        )
    unfit = (DataError, UnicodeEncodeError)  # half of a surrogate pair has no UTF-8
    if isinstance(error, unfit) or (isinstance(error, ValueError) and "NUL" in str(error)):
        return Problem(
            _("A value is too long, too large, or contains characters that are not text."),
            code="bad_value",
            hint=_("Shorten or simplify it, then try again."),
        )
    return error


def is_gone(error: BaseException) -> bool:
    """Whether a row was looked for, or named as the one that another belongs to, and is not there."""
    if isinstance(error, IntegrityError):
        return "foreign key constraint" in str(error).lower()
    return isinstance(error, ObjectDoesNotExist) or (
        isinstance(error, DatabaseError) and "did not affect any rows" in str(error)
    )


def is_no_space(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in NO_SPACE


def disk_is_full() -> bool:
    return shutil.disk_usage(settings.MAQUETTE_DATA).free < FULL_BYTES
