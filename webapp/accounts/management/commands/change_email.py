"""Gives an account another email address, where the site sends no email that could confirm it."""

from argparse import ArgumentParser

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from webapp.accounts import addresses
from webapp.accounts.models import User


class Command(BaseCommand):
    help = "Change the email address of an account. Make sure that the new one is theirs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True, help="the address of now")
        parser.add_argument("--to", required=True, help="the new one")

    def handle(self, *args: object, email: str, to: str, **options: object) -> None:
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError(f"{email} has no account here.")
        if addresses.is_taken(user, to):
            raise CommandError(f"Another account has {to}.")
        try:
            validate_email(to)
        except ValidationError as error:
            raise CommandError(f"{to} is not an email address.") from error
        addresses.change(user, to.lower())
        self.stdout.write(f"{to.lower()} is the address of the account now.")
