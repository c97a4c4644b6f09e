"""Prints a one-time sign-in link of the first owner: for whoever runs the site and has no password yet, or forgot it."""

from django.core.management.base import BaseCommand

from webapp.accounts.actions import first_owner, sign_in_address


class Command(BaseCommand):
    help = "Print a link that signs the first owner in once, within a day. For others: manage.py invite."

    def handle(self, *args: object, **options: object) -> None:
        user, _workspace = first_owner()
        self.stdout.write(sign_in_address(user))
