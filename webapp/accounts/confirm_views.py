"""The page that asks “Confirm it’s you”, in every way that somebody has."""

from allauth.account.views import password_set
from allauth.core import ratelimit
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.mail import send_mail
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from webapp.accounts import addresses, confirming
from webapp.accounts.access import person
from webapp.accounts.actions import sign_in_address
from webapp.accounts.models import User
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.security import record
from webapp.core.forms import cleaned, refused_on, shown_form
from webapp.core.problems import Forbidden


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


@person
@refused_on("confirm")
def confirm(request: AuthedRequest) -> HttpResponse:
    """A GET asks; context: password_form (None without a password), by_link (whether a link is the only way), address. A POST
    checks, and does what was kept."""
    if request.method == "POST":
        check_password(request, cleaned(PasswordForm(request.POST))["password"])
        record(request, "reauthenticated")
        return confirming.resume(request)
    if confirming.is_confirmed(request) and not confirming.has_form(request):
        return confirming.resume(request)
    return render_confirm(request)


def render_confirm(request: AuthedRequest) -> HttpResponse:
    user = request.user
    has_password = user.has_usable_password()
    context = {
        "password_form": shown_form(request, reverse("confirm"), PasswordForm) if has_password else None,
        "by_link": not has_password,
        "email": user.email,
    }
    return render(request, "accounts/confirm.html", context)


def check_password(request: AuthedRequest, password: str) -> None:
    if not ratelimit.consume(request, action="reauthenticate", user=request.user):
        raise addresses.too_many_attempts()
    if not request.user.check_password(password):
        record(request, "reauthentication_failed")
        raise Forbidden(
            _("This is not your password."),
            code="bad_password",
            field="password",
            hint=_("Nothing was done yet. Try again."),
        )


@person
@require_POST
@refused_on("confirm")
def send_link(request: AuthedRequest) -> HttpResponse:
    """For whoever signs in by link: a fresh one, which leads back here when it is opened in this browser."""
    if not ratelimit.consume(request, action="request_login_code", key=request.user.email):
        raise addresses.too_many_attempts()
    if settings.MAIL_CONFIGURED:
        mail_link(request.user)
        messages.info(request, _("A sign-in link is on its way to %(email)s.") % {"email": request.user.email})
    return redirect("confirm")


def mail_link(user: User) -> None:
    message = _(
        "Open this link in the browser in which you are signed in to Maquette, to go on with what you were doing:\n\n%(link)s"
        "\n\nIt works once, within a day. If you did not ask, do nothing, and look at your sessions under Settings › Security."
    )
    send_mail(_("Confirm it’s you"), message % {"link": sign_in_address(user)}, None, [user.email])


@person
@confirming.confirmed
def set_password(request: AuthedRequest) -> HttpResponse:
    """allauth's page, for whoever has none yet."""
    answer: HttpResponse = password_set(request)
    return answer
