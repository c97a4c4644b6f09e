"""Makes an account, or with --role an invitation to a workspace, and prints its one-time link alone on the last line."""

from argparse import ArgumentParser

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from webapp.accounts import people
from webapp.accounts.actions import first_owner, invite, may_be_made
from webapp.accounts.models import Membership
from webapp.accounts.rights import Role
from webapp.core.problems import Conflict, Problem


class Command(BaseCommand):
    help = (
        "Make an account with a workspace of its own, and print a link that signs in once, within a day. With --role, invite to a "
        "workspace instead: the link makes an account where there is none, and works for seven days."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument(
            "--reset",
            action="store_true",
            help="for an account in use: end its password, sessions and API tokens first",
        )

        parser.add_argument("--role", choices=Role.values, help="invite to a workspace with this role")
        parser.add_argument("--workspace", help="its id; the first owner's when left out")

    def handle(
        self,
        *args: object,
        email: str,
        reset: bool = False,
        role: str | None = None,
        workspace: str | None = None,
        **options: object,
    ) -> None:
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"“{email}” is not an email address. Give one like ada@example.org.") from error
        if not may_be_made(email):
            raise CommandError("SIGN_UP is closed, so no account is made. Set SIGN_UP=invited first.")
        if role:
            self.stdout.write(link_to_workspace(email, role, workspace))
            return
        if workspace:
            raise CommandError("--workspace goes with --role: the role that they get there.")
        try:
            self.stdout.write(invite(email, reset=reset))
        except Conflict as error:
            raise CommandError(
                f"{error} If it is theirs and they cannot sign in, add --reset: it ends the account’s password, sessions and API "
                "tokens, and keeps its workspace. If somebody else made it, its data is theirs too."
            ) from error


def link_to_workspace(email: str, role: str, workspace_id: str | None) -> str:
    owners = Membership.objects.filter(role=Role.OWNER, user__is_active=True).select_related("user", "workspace")
    if workspace_id is None:
        workspace_id = first_owner()[1].pk
    owner = owners.filter(workspace=workspace_id).first()
    if owner is None:
        raise CommandError(
            f"There is no workspace {workspace_id} with an owner. GET /api/v1/workspace answers with its id."
        )
    try:
        return people.invite(owner, email, role, by_hand=True)[1]
    except Problem as problem:
        raise CommandError(f"{problem.message} {problem.hint}".strip()) from problem
