"""Prints an API token alone on the last line; makes the user and the workspace when they are absent."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from webapp.accounts.actions import create_token, ensure_user


class Command(BaseCommand):
    help = "Create an API token for a user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="command line")

    def handle(self, *args: Any, email: str, name: str, **options: Any) -> None:
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"“{email}” is no email address. Give one like ada@example.org.") from error
        user, workspace = ensure_user(email)
        _token, secret = create_token(user, workspace, name)
        self.stdout.write(secret)
