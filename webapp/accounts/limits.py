"""The operator's limits of one workspace (`webapp.core.limits`): checked where something is made, shown with what is used.

A check belongs into the transaction that makes the thing, after every other lock of it: it holds the workspace's row, so that of
many at once none passes the limit.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from webapp.accounts.models import Workspace, WorkspaceLimit
from webapp.core.formats import count as in_digits
from webapp.core.limits import BY_NAME, DECLARED, UNLIMITED, Limit
from webapp.core.problems import Problem

Counter = Callable[[Workspace], float]
COUNTERS: dict[str, Counter] = {}


@dataclass(frozen=True)
class Use:
    """One limit of a workspace: the most that it may have (None: unlimited), and what it has."""

    limit: Limit
    most: int | None
    used: float
    is_own: bool
    """Whether the workspace has a limit of its own."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return min(1.0, self.used / self.most) if self.most else float(self.most == 0)


def most_of(workspace: Workspace, name: str) -> int | None:
    """None: unlimited."""
    return own_or_default(workspace, [name])[name]


def own_or_default(workspace: Workspace, names: list[str]) -> dict[str, int | None]:
    own = WorkspaceLimit.objects.filter(workspace=workspace, name__in=names).values_list("name", "most")
    return {name: settings.LIMITS[name] for name in names} | dict(own)


def counts(name: str) -> Callable[[Counter], Counter]:
    """Registers a function as what counts how much a workspace uses of a limit. Every app says so in a module `usage`, which it
    imports when it is ready."""

    def register(counter: Counter) -> Counter:
        COUNTERS[BY_NAME[name].name] = counter
        return counter

    return register


def used(workspace: Workspace, limit: Limit) -> float:
    return COUNTERS[limit.name](workspace)


def lock(workspace: Workspace) -> None:
    """Until the transaction ends nobody else is counted in this workspace. What only names it in a row of its own goes on."""
    Workspace.objects.select_for_update(no_key=True).filter(pk=workspace.pk).first()


def check(workspace: Workspace, *names: str) -> None:
    """`Problem` where the workspace may have no more of one of them. Within the transaction that makes it."""
    lock(workspace)
    check_unlocked(workspace, *names)


def check_unlocked(workspace: Workspace, *names: str) -> None:
    """The same without holding anything: before files are stored, say, and to be checked again."""
    for name, most in own_or_default(workspace, list(names)).items():
        if most is not None and used(workspace, BY_NAME[name]) >= most:
            raise reached(BY_NAME[name], most)


def refusal(workspace: Workspace, *names: str) -> Problem | None:
    """What `look` raises, to be told."""
    try:
        check_unlocked(workspace, *names)
    except Problem as problem:
        return problem
    return None


def reached(limit: Limit, most: int, retry_after: int = 0, field: str = "") -> Problem:
    """429 with when to come again where time makes room, else 409."""
    wait = {"retry_after": retry_after or min(limit.seconds, 60)} if limit.seconds else {}
    return Problem(
        str(limit.message) % {"most": in_digits(most)},
        code="workspace_limit",
        hint=str(limit.hint),
        status=429 if limit.seconds else 409,
        limit=limit.name,
        most=most,
        field=field,
        **wait,
    )


def all_of(workspace: Workspace) -> list[Use]:
    """Every limit that something is counted for, in the order of its declaration."""
    own = dict(WorkspaceLimit.objects.filter(workspace=workspace).values_list("name", "most"))
    return [
        Use(limit, own.get(limit.name, settings.LIMITS[limit.name]), used(workspace, limit), limit.name in own)
        for limit in DECLARED
        if limit.name in COUNTERS
    ]


def as_text(most: int | None) -> str:
    return UNLIMITED if most is None else str(most)


def set_limit(workspace: Workspace, name: str, most: int | None) -> None:
    WorkspaceLimit.objects.update_or_create(workspace=workspace, name=name, defaults={"most": most})


def use_default(workspace: Workspace, name: str) -> None:
    WorkspaceLimit.objects.filter(workspace=workspace, name=name).delete()
