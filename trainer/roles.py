"""What each column is for. Light: the site offers the same roles that the trainer obeys.

    input    a model reads it
    answer   what is to be predicted
    ignore   left out
    id       names or numbers the rows; left out
    group    rows with equal cells stay in one part of the split; left out
    time     the newest rows are tested on; left out

A task that names its own columns (a text and its label) reads those; a table reads every input.
"""

from collections.abc import Iterable

from trainer.columns import ColumnProfile, is_split_column, names_rows
from trainer.errors import DataError
from trainer.messages import _, gettext_noop
from trainer.tasks.base import Shape

INPUT, ANSWER, IGNORE, GROUP, TIME, ID = ROLES = ("input", "answer", "ignore", "group", "time", "id")
SPLITTING = (GROUP, TIME)
TITLES = {
    INPUT: gettext_noop("Input"),
    ANSWER: gettext_noop("Answer (target)"),
    IGNORE: gettext_noop("Ignore"),
    ID: gettext_noop("ID"),
    GROUP: gettext_noop("Group"),
    TIME: gettext_noop("Time"),
}
ROLE_OF_KIND = {"id": ID, "empty": IGNORE}


def roles_of(
    columns: Iterable[ColumnProfile],
    shape: Shape | None,
    mapped: dict[str, str],
    chosen: dict[str, str],
    split: dict[str, str | None],
) -> dict[str, str]:
    """{column: role} of a profile's columns: what was chosen, else what follows from the task's own columns (`mapped`:
    {role of the task: column}), from what the split goes by ({group, time: column or None}), and from their kinds."""
    roles = {}
    used = set(mapped.values())
    answer = mapped.get(shape.answer) if shape else None
    for column in columns:
        name = column["name"]
        if name == answer:
            roles[name] = ANSWER
        elif name in used:
            roles[name] = INPUT
        elif name in chosen:
            roles[name] = chosen[name]
        else:
            roles[name] = next((role for role in SPLITTING if split.get(role) == name), default_role(column, shape))
    return roles


def default_role(column: ColumnProfile, shape: Shape | None) -> str:
    if names_rows(column):
        return ID
    if shape is None or shape.reads:
        return ROLE_OF_KIND.get(column["kind"], IGNORE)
    return IGNORE if is_split_column(column) else ROLE_OF_KIND.get(column["kind"], INPUT)


def check_roles(chosen: dict[str, str], names: list[str]) -> None:
    """`DataError` for a role that there is none of, for a column that is not there, and for two where one is possible."""
    for name, role in chosen.items():
        if name not in names:
            raise DataError(
                _("There is no column “%(name)s”.", name=name),
                code="no_column",
                hint=_("There are: %(names)s.", names=", ".join(names[:20])),
            )
        if role not in ROLES:
            raise DataError(
                _("“%(role)s” is not a role of a column.", role=role),
                code="bad_role",
                hint=_("Choose one of: %(names)s.", names=", ".join(ROLES)),
            )
    for role in (ANSWER, *SPLITTING):
        taken = [name for name, given_role in chosen.items() if given_role == role]
        if len(taken) > 1:
            raise DataError(
                _(
                    "%(count)s columns are “%(role)s”, and only one can be: %(names)s.",
                    count=len(taken),
                    role=role,
                    names=", ".join(taken[:5]),
                ),
                code="bad_role",
                hint=_("Give the others another role."),
            )
