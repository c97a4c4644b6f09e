"""Shows the limits of workspaces, and sets what differs for one of them."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webapp.accounts import limits
from webapp.accounts.models import Workspace
from webapp.core.limits import BY_NAME, DECLARED, parse
from webapp.costs import gate

DEFAULT = "default"


class Command(BaseCommand):
    help = (
        "Show the limits of all workspaces; with --workspace those of one with what it uses, and set them: "
        "NAME=NUMBER, NAME=unlimited, NAME=default."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", help="id of a workspace, or the address of its only member")
        parser.add_argument("changes", nargs="*", metavar="NAME=VALUE", help="for example runs_waiting=20")

    def handle(self, *args: object, workspace: str | None, changes: list[str], **options: object) -> None:
        if workspace is None:
            if changes:
                raise CommandError("Add --workspace; the defaults of all are settings (docs/settings.md).")
            for limit in DECLARED:
                self.stdout.write(f"{limit.name:24} {limits.as_text(settings.LIMITS[limit.name])}")
            return
        chosen = find(workspace)
        for name, value in [parsed(change) for change in changes]:
            if value == DEFAULT:
                limits.use_default(chosen, name)
            else:
                limits.set_limit(chosen, name, parse(value, name))
        if any(change.startswith("budget=") for change in changes):
            gate.announce(chosen.pk)  # demos wake, or pause
        self.stdout.write(f"{chosen.pk}  {chosen.name}")
        for use in limits.all_of(chosen):
            own = "  (own)" if use.is_own else ""
            self.stdout.write(f"{use.limit.name:24} {use.used:g} of {limits.as_text(use.most)}{own}")


def parsed(change: str) -> tuple[str, str]:
    """(name, value) of one change; everything is checked before anything is stored."""
    name, equals, value = change.partition("=")
    if not equals or name not in BY_NAME or name == "requests_minute":
        names = ", ".join(limit for limit in BY_NAME if limit != "requests_minute")
        raise CommandError(f"“{change}” is no limit of a workspace. Write NAME=VALUE with one of: {names}.")
    try:
        if value != DEFAULT:
            parse(value, name)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return name, value


def find(text: str) -> Workspace:
    workspaces = list(Workspace.objects.filter(pk=text, deleted_at=None)[:2]) or list(
        Workspace.objects.filter(members__email__iexact=text, deleted_at=None).distinct()[:2]
    )
    if len(workspaces) != 1:
        problem = "is a member of several workspaces" if workspaces else "is neither a workspace nor a member of one"
        raise CommandError(f"“{text}” {problem}. Give the id of a workspace; it is on its page of limits.")
    return workspaces[0]
