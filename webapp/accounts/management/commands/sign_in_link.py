"""Prints a one-time sign-in link: of the first owner, or of whoever has an account and no other way in."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from webapp.accounts.actions import first_owner, sign_in_address
from webapp.accounts.models import User


class Command(BaseCommand):
    help = "Print a link that signs in once, within a day: the first owner, or with --email anybody who has an account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", help="whose link; without it the first owner’s")

    def handle(self, *args: object, email: str | None = None, **options: object) -> None:
        user = User.objects.filter(email__iexact=email, is_active=True).first() if email else first_owner()[0]
        if user is None:
            raise CommandError(f"{email} has no account here. manage.py invite makes one.")
        self.stdout.write(sign_in_address(user))
