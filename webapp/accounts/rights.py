"""Who may do what, in one table.

A role is what somebody is in a workspace; a right is what a page or a call asks for. Pages ask with `@needs(Right.X)` of
`webapp.accounts.access` (or `@member`, which is the usual pair: view to read, edit to change), the API with `auth=Token(Right.X)`, and code in between with
`membership.can(Right.X)`. docs/people.md shows the table; a test compares the two.
"""

from typing import Protocol

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.core.problems import Forbidden

READING = ("GET", "HEAD")


class Right(models.TextChoices):
    VIEW = "view", gettext_lazy("View and download everything in the workspace")
    LABEL = "label", gettext_lazy("Correct labels, rate predictions")
    EDIT = "edit", gettext_lazy("Upload, train, deploy, share, delete")
    ADMINISTER = (
        "administer",
        gettext_lazy("Members, budget, prices, retention, judge model, other people’s tokens, security log"),
    )
    OWN = "own", gettext_lazy("Owners, transfer or delete the workspace, require a second factor")


class Role(models.TextChoices):
    """From the most to the least that it may do."""

    OWNER = "owner", gettext_lazy("Owner")
    ADMIN = "admin", gettext_lazy("Admin")
    EDITOR = "editor", gettext_lazy("Editor")
    LABELLER = "labeller", gettext_lazy("Labeller")
    VIEWER = "viewer", gettext_lazy("Viewer")


_VIEWER = frozenset({Right.VIEW})
_LABELLER = _VIEWER | {Right.LABEL}
_EDITOR = _LABELLER | {Right.EDIT}
_ADMIN = _EDITOR | {Right.ADMINISTER}
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.OWNER: _ADMIN | {Right.OWN},
    Role.ADMIN: _ADMIN,
    Role.EDITOR: _EDITOR,
    Role.LABELLER: _LABELLER,
    Role.VIEWER: _VIEWER,
}
ALL_RIGHTS = frozenset(Right)


class Scope(models.TextChoices):
    """What an API token may at most; what it may is that and its owner's role, whichever is less."""

    READ = "read", gettext_lazy("Read")
    WRITE = "write", gettext_lazy("Read and write")
    ADMIN = "admin", gettext_lazy("Admin")


RIGHTS_OF_SCOPE: dict[Scope, frozenset[Right]] = {Scope.READ: _VIEWER, Scope.WRITE: _EDITOR, Scope.ADMIN: _ADMIN}
"""Nobody deletes or gives away a workspace with a token, so no scope has that right."""


class HasRights(Protocol):
    scope: frozenset[Right]

    def can(self, right: Right) -> bool: ...


def check(membership: HasRights, right: Right) -> None:
    """`Forbidden`, saying which role to ask for, where this member may not."""
    if right not in membership.scope:
        raise refusal_of_scope(membership.scope, right)
    if not membership.can(right):
        raise refusal(right)


def refusal_of_scope(rights: frozenset[Right], right: Right) -> Forbidden:
    """Names the least scope that would do; the workspace's own affairs are for nobody's token."""
    scope = next((scope for scope, its in RIGHTS_OF_SCOPE.items() if its == rights), None)
    needed = next((scope for scope, its in RIGHTS_OF_SCOPE.items() if right in its), None)
    if needed is None:
        return Forbidden(_("No token may do this."), code="scope_too_small", hint=_("Sign in and do it on its page."))
    return Forbidden(
        _("This token has the scope “%(scope)s”, and this needs “%(needed)s”.") % {"scope": scope, "needed": needed},
        code="scope_too_small",
        hint=_("Create a token with the scope “%(needed)s” under Settings › API tokens.") % {"needed": needed},
        scope=str(scope),
        needed=str(needed),
    )


def refusal(right: Right) -> Forbidden:
    if right == Right.OWN:
        return Forbidden(_("Only an owner can do this."), hint=_("Ask an owner of this workspace."))
    if right == Right.ADMINISTER:
        return Forbidden(
            _("Only an admin or an owner can do this."), hint=_("Ask an owner of this workspace for the admin role.")
        )
    if right == Right.LABEL:
        return Forbidden(
            _("You can view this workspace but not label."),
            hint=_("Ask an admin of this workspace for the labeller role."),
        )
    return Forbidden(
        _("You can view this workspace but not change it."),
        hint=_("Ask an admin of this workspace for the editor role."),
    )


def right_for(method: str | None, changing: Right, reading: Right | None) -> Right:
    """What a request of this method needs. `reading`: what a GET needs, where that is less than `changing`."""
    return reading if reading is not None and method in READING else changing
