"""What the reader is asked for, as people and programs name it; `Problem` for what it does not know."""

from typing import Any

from django.utils.translation import gettext as _

from trainer.roles import ROLES
from webapp.core.problems import Problem, check_one_of

MAX_HEADER_ROW = 10_000
MAX_READINGS = 100
LAYOUTS = ("table", "text")


def check_role_names(roles: dict[str, str]) -> None:
    for role in roles.values():
        check_one_of(role, ROLES, _("“%(name)s” is not a column role."), code="bad_role")


def header_request(header: int | None) -> dict[str, int]:
    """What a version is asked for when its header row was chosen; `Problem` for a number that no row has."""
    if header is None:
        return {}
    if not 0 <= header <= MAX_HEADER_ROW:
        raise Problem(
            _("The header row is a number from 0 to %(limit)s.") % {"limit": f"{MAX_HEADER_ROW:,}"},
            code="bad_header",
            hint=_("Rows are counted from 1; 0 says that there is no header."),
        )
    return {"header": header}


def read_request(
    header: int | None = None,
    layout: str | None = None,
    roles: dict[str, str] | None = None,
    reading: dict[str, str] | None = None,
) -> dict[str, Any]:
    """What the first version is asked for: the row of the column names (`header_request`), whether plain text is a `table` or
    `text`, what columns are for ({column: role}), and how to read what can be read in several ways ({what: choice}); what is
    left out is found."""
    if layout is not None:
        check_layout(layout)
    check_role_names(roles or {})
    check_reading(reading or {})
    given = {"layout": layout, "roles": roles or None, "reading": reading or None}
    return header_request(header) | {name: value for name, value in given.items() if value is not None}


def check_reading(reading: dict[str, str]) -> None:
    """`Problem` for what no reader can be asked: which questions there are is known only once the files are read."""
    if len(reading) > MAX_READINGS or any(
        not what or len(what) + len(choice) > 1_000 for what, choice in reading.items()
    ):
        raise Problem(
            _("These readings cannot be asked for."),
            code="bad_reading",
            hint=_("Send {what: choice} as `reading` of the dataset lists them, at most %(limit)d.")
            % {"limit": MAX_READINGS},
        )


def check_layout(layout: str) -> None:
    check_one_of(layout, LAYOUTS, _("A file cannot be read as “%(name)s”."), code="bad_layout")
