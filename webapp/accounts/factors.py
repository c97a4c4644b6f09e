"""Second factors: a code of an authenticator app, a passkey, recovery codes. allauth.mfa keeps and checks them; this is how they
are stored, named, counted and taken away."""

import base64
import ipaddress
import logging
import secrets
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from webapp.accounts.devices import describe_device
from webapp.accounts.models import User, Workspace
from webapp.core.clients import client_agent
from webapp.core.problems import Conflict, Forbidden
from webapp.core.sealed import seal_text, unseal_text

log = logging.getLogger(__name__)
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""What counts as a second factor; recovery codes stand in for one."""
SEALED_FOR = "second factors"


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    def get_totp_issuer(self) -> str:
        return "Maquette" if settings.ONLY_HERE else f"Maquette ({self._get_site_name()})"

    def build_totp_svg(self, url: str) -> str:
        import segno  # as little as a megabyte, and only who sets up a second factor needs it

        drawn = BytesIO()
        segno.make(url, error="m").save(drawn, kind="svg", scale=4, border=4, light="#fff")
        return drawn.getvalue().decode()

    def encrypt(self, text: str) -> str:
        return seal_text(SEALED_FOR, text)

    def decrypt(self, encrypted_text: str) -> str:
        """What another SECRET_KEY encrypted is a secret that nobody has, so that no code of it is right."""
        secret = unseal_text(SEALED_FOR, encrypted_text)
        if secret is None:
            log.warning(
                "manage.py reset_second_factor removes a second factor that was stored under another SECRET_KEY"
            )
            return base64.b32encode(secrets.token_bytes(20)).decode()
        return secret

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        return _("Passkey %(number)d") % {"number": Authenticator.objects.filter(user=user, type=type).count() + 1}


def has_factor(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, type__in=FACTORS).exists())


class FactorNeeded(Forbidden):
    """The workspace demands a second factor, and this member has none. Pages lead to where one is set up."""

    code = "second_factor_needed"


def lacks_factor(user: User, workspace: Workspace) -> bool:
    return workspace.second_factor_required and not has_factor(user)


def check_factor(user: User, workspace: Workspace) -> None:
    if lacks_factor(user, workspace):
        raise FactorNeeded(
            _("“%(name)s” requires a second factor, and you have none.") % {"name": workspace.name},
            hint=_("Set one up under Settings › Security."),
        )


def require_factor(workspace: Workspace, owner: User, required: bool) -> None:
    """`Conflict` for an owner who has none: they would lock themselves out."""
    if required and not has_factor(owner):
        raise Conflict(
            _("Set up your own second factor first."),
            code="second_factor_needed",
            field="required",
            hint=_("Under Settings › Security."),
        )
    Workspace.objects.filter(pk=workspace.pk).update(second_factor_required=required)


def members_without_factor(workspace: Workspace) -> int:
    protected = Authenticator.objects.filter(type__in=FACTORS).values("user")
    return workspace.memberships.filter(user__is_active=True).exclude(user__in=protected).count()


def ways_to_confirm(user: User) -> set[str]:
    """Of password, code (also a recovery code), passkey: what this person has."""
    types = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    ways = {"passkey"} if Authenticator.Type.WEBAUTHN in types else set()
    if types & {Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES}:
        ways.add("code")
    if user.has_usable_password():
        ways.add("password")
    return ways


def describe_factors(user: User) -> dict[str, Any]:
    """{app (its row or None), passkeys [{id, name, created_at, last_used_at}], codes_left (None without any)}."""
    rows = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    codes = next((row for row in rows if row.type == Authenticator.Type.RECOVERY_CODES), None)
    return {
        "app": next((row for row in rows if row.type == Authenticator.Type.TOTP), None),
        "passkeys": [
            {"id": row.pk, "name": row.wrap().name, "created_at": row.created_at, "last_used_at": row.last_used_at}
            for row in rows
            if row.type == Authenticator.Type.WEBAUTHN
        ],
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else None,
    }


def remove_factors(user: User) -> int:
    """All of them, recovery codes too; how many factors they were."""
    count: int = Authenticator.objects.filter(user=user, type__in=FACTORS).count()
    Authenticator.objects.filter(user=user).delete()
    return count


def passkeys_work(request: HttpRequest) -> bool:
    """Browsers make passkeys for names over HTTPS, and for localhost; never for a bare address such as 127.0.0.1."""
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return request.is_secure() or host == "localhost" or host.endswith(".localhost")
    return False


def suggest_passkey_name(request: HttpRequest) -> str:
    return describe_device(client_agent(request))
