"""What `manage.py check` says of settings that are not followed."""

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from webapp.accounts.signup import needs_mail


@register(Tags.security)
def check_sign_up(**_options: Any) -> list[CheckMessage]:
    if not needs_mail():
        return []
    return [
        Warning(
            "SIGN_UP=open is not followed: without email, signing up would tell strangers which addresses have an account.",
            hint="Set EMAIL_URL, or SIGN_UP=invited and make accounts with `manage.py invite`.",
            id="accounts.W001",
        )
    ]
