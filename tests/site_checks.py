"""What Django can say of the site without a test: run by `make check`, in one process, since starting is most of the time.

python -m tests.site_checks
"""

import os
import secrets
import sys
import tempfile


def main() -> int:
    """0 where the system checks, those of a deployment, the migrations and the messages are all right."""
    with tempfile.TemporaryDirectory(prefix="maquette-check-") as data:
        as_deployed = {
            "MAQUETTE_DATA": data,
            "PUBLIC_URL": "https://maquette.example",
            "SECRET_KEY": secrets.token_urlsafe(64),
        }
        os.environ |= as_deployed | {"DJANGO_SETTINGS_MODULE": "webapp.settings"}
        import django
        from django.core.management import call_command
        from django.core.management.base import SystemCheckError

        django.setup()
        try:
            call_command("check", deploy=True, fail_level="WARNING")
            call_command("makemigrations", check=True, dry_run=True, verbosity=0)
        except SystemCheckError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
