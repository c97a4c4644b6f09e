"""Another e-mail address for an account: with the password, and confirmed by a link where mail can be sent.

Until then nothing is stored: allauth would already sign in and reset passwords by an address that waits.
"""

from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django.conf import settings
from django.core import signing
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.accounts import security
from webapp.accounts.actions import somebody_is_here
from webapp.accounts.models import User
from webapp.accounts.requests import AuthedRequest
from webapp.core.problems import Forbidden, Problem

LIFETIME_SECONDS = 24 * 3600
SALT = "address"


def check_attempts(request: AuthedRequest) -> None:
    """Nobody tries one address after the other to learn who has an account."""
    if not ratelimit.consume(request, action="manage_email", user=request.user):
        raise too_many_attempts()


def too_many_attempts() -> Problem:
    return Problem(_("Too many attempts."), hint=_("Wait a minute, then try again."), status=429)


def check_password(request: AuthedRequest, password: str) -> None:
    """Whoever never set a password signs in by link and is not asked for one."""
    if not request.user.has_usable_password():
        return
    if not ratelimit.consume(request, action="reauthenticate", user=request.user):
        raise too_many_attempts()
    if not request.user.check_password(password):
        security.record(request, "reauthentication_failed")
        raise Forbidden(
            _("Changing your email requires your password, and this one is wrong."),
            code="bad_password",
            field="password",
            hint=_("Enter your password with the new email. Nothing was changed."),
        )


def is_taken(user: User, email: str) -> bool:
    return User.objects.filter(email__iexact=email).exclude(pk=user.pk).exists()


def check_free(user: User, email: str) -> None:
    if is_taken(user, email):
        raise Problem(_("Another account has this email."), hint=_("Use a different address."), field="email")


def check_alone(user: User) -> None:
    """Where others have accounts, an address that is changed at once, or not, would tell who has it: the operator does that."""
    if settings.ONLY_HERE and not somebody_is_here(besides=user):
        return
    raise Problem(
        _("Your email cannot be changed here: this site sends no email that could confirm it."),
        code="no_mail",
        hint=_("Ask the operator of this site to change it: `manage.py change_email` does."),
        field="email",
    )


def ask(user: User, email: str) -> bool:
    """Change the address, or send a link to the new one that does; whether it is changed already.

    Where mail can be sent, an address that somebody has is answered like any other: its owner alone is told.
    """
    if not settings.MAIL_CONFIGURED:
        check_alone(user)
        check_free(user, email)
        change(user, email)
        return True
    security.record(None, "email_change_requested", user=user)
    if is_taken(user, email):
        message = _(
            "Somebody wanted to use this address for another Maquette account. It belongs to yours, and nothing was changed."
        )
        send_mail(_("This address has an account already"), message, None, [email])
        return False
    secret = signing.dumps([user.pk, user.email, email, password_mark(user)], salt=SALT)
    link = settings.PUBLIC_URL + reverse("confirm_address", args=[secret])
    message = _(
        "Open this link within a day to use this address for Maquette:\n\n%(link)s\n\nIf you did not ask, do nothing."
    )
    send_mail(_("Confirm your address"), message % {"link": link}, None, [email])
    return False


def password_mark(user: User) -> str:
    """Another one after every change of the password, so that what was asked for before ends with it, as sessions do."""
    return user.get_session_auth_hash()[:16]


def asked_for(secret: str) -> tuple[User, str]:
    """Whose address is to become which. A link works as long as the address is still the one that it replaces, and the
    password that of then."""
    try:
        pk, old, email, mark = signing.loads(secret, salt=SALT, max_age=LIFETIME_SECONDS)
    except (signing.BadSignature, ValueError) as error:
        raise gone() from error
    user = User.objects.filter(pk=pk, email=old, is_active=True).first()
    if user is None or mark != password_mark(user):
        raise gone()
    return user, email


def gone() -> Problem:
    return Problem(
        _("This link has already been used or has expired."),
        code="link_used",
        hint=_("Ask for a new one on the settings page."),
        status=410,
    )


def confirm(secret: str) -> User:
    user, email = asked_for(secret)
    check_free(user, email)
    old = user.email
    change(user, email, verified=True)
    message = _("Your account now has the address %(email)s. If this wasn’t you, tell the operator of this site.")
    send_mail(_("Your address was changed"), message % {"email": email}, None, [old])
    return user


def change(user: User, email: str, *, verified: bool = False) -> None:
    """The old mailbox must not reset the password any more, so allauth keeps the new address alone."""
    with transaction.atomic():
        EmailAddress.objects.filter(user=user).delete()
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=verified)
        security.record(None, "email_changed", user=user, text=f"{user.email} → {email}")
        user.email = email
        user.save(update_fields=["email"])
