"""Makes an account and prints its one-time sign-in link alone on the last line."""

from argparse import ArgumentParser

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from webapp.accounts.actions import ensure_user, may_be_made, sign_in_address


class Command(BaseCommand):
    help = "Make an account with a workspace of its own, and print a link that signs in once, within a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)

    def handle(self, *args: object, email: str, **options: object) -> None:
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"“{email}” is no email address. Give one like ada@example.org.") from error
        if not may_be_made(email):
            raise CommandError("SIGN_UP is closed, so no account is made. Set SIGN_UP=invited first.")
        user, _workspace = ensure_user(email)
        self.stdout.write(sign_in_address(user))
