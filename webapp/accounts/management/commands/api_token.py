"""Prints an API token alone on the last line; makes the user and the workspace when they are absent."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import OperationalError

from webapp.accounts.actions import create_token, ensure_user, may_be_made
from webapp.accounts.models import User
from webapp.accounts.rights import Scope

MOST_DAYS = 3650


class Command(BaseCommand):
    help = "Create an API token for a user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="command line")
        parser.add_argument("--scope", choices=Scope.values, default=Scope.ADMIN.value, help="what it may at most")
        parser.add_argument("--days", type=int, help="how long it works; without it: until it is ended")

    def handle(
        self,
        *args: object,
        email: str,
        name: str,
        scope: str = Scope.ADMIN,
        days: int | None = None,
        **options: object,
    ) -> None:
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days must be between 1 and {MOST_DAYS}.")
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"“{email}” is not an email address. Give one like ada@example.org.") from error
        try:
            if not may_be_made(email):
                raise CommandError(f"{email} has no account, and SIGN_UP is closed. Set SIGN_UP=invited to make one.")
            new = not User.objects.filter(email__iexact=email).exists()
            user, workspace = ensure_user(email)
        except OperationalError as error:
            raise CommandError(
                f"There is no Maquette in {settings.MAQUETTE_DATA} yet. Start it once with make run, or set MAQUETTE_DATA to "
                "the folder that it was started with."
            ) from error
        if new:
            self.stderr.write(f"{email} is new here and has a workspace of its own.")
        elif user.has_usable_password():
            self.stderr.write(
                f"{email} has had an account since {user.date_joined:%Y-%m-%d}; the token is for its workspace."
            )
        _token, secret = create_token(user, workspace, name, scope=scope, days=days)
        self.stdout.write(secret)
