"""Makes an account and prints its one-time sign-in link alone on the last line."""

from argparse import ArgumentParser

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from webapp.accounts.actions import invite, may_be_made
from webapp.core.problems import Conflict


class Command(BaseCommand):
    help = "Make an account with a workspace of its own, and print a link that signs in once, within a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument(
            "--reset",
            action="store_true",
            help="for an account in use: end its password, sessions and API tokens first",
        )

    def handle(self, *args: object, email: str, reset: bool = False, **options: object) -> None:
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"“{email}” is no email address. Give one like ada@example.org.") from error
        if not may_be_made(email):
            raise CommandError("SIGN_UP is closed, so no account is made. Set SIGN_UP=invited first.")
        try:
            self.stdout.write(invite(email, reset=reset))
        except Conflict as error:
            raise CommandError(
                f"{error} If it is theirs and they cannot sign in, add --reset: it ends the account’s password, sessions and API "
                "tokens, and keeps its workspace. If somebody else made it, its data is theirs too."
            ) from error
