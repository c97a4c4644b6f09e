"""Takes away the second factors of somebody who lost them: they sign in with password or link alone, and set up new ones."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from webapp.accounts.factors import remove_factors
from webapp.accounts.models import User
from webapp.accounts.security import record
from webapp.accounts.sessions import end_sessions


class Command(BaseCommand):
    help = "Remove the authenticator app, passkeys and recovery codes of a person, and end their sessions. Make sure it is them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)

    def handle(self, *args: object, email: str, **options: object) -> None:
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError(f"{email} has no account here.")
        count = remove_factors(user)
        if not count:
            raise CommandError(f"{email} has no second factor.")
        end_sessions(user)
        record(
            None,
            "factor_removed",
            user=user,
            subject="user",
            subject_id=str(user.pk),
            text="manage.py reset_second_factor",
        )
        self.stdout.write(f"{count} removed. {email} signs in without a second factor now.")
