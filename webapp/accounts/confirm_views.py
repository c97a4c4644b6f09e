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

from webapp.accounts import addresses, confirming, factors
from webapp.accounts.access import form_on, person
from webapp.accounts.actions import sign_in_address
from webapp.accounts.factor_forms import ReauthenticateForm, code_field
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
    """A GET asks (`render_confirm`). A POST checks the password, and does what was kept."""
    if request.method == "POST":
        check_password(request, cleaned(PasswordForm(request.POST))["password"])
        record(request, "reauthenticated")
        return confirming.resume(request)
    if confirming.is_confirmed(request) and not confirming.has_form(request):
        return confirming.resume(request)
    return render_confirm(request)


def render_confirm(request: AuthedRequest) -> HttpResponse:
    """Context: password_form, code_form, passkey_form (None for what they have not), passkey_options, by_link, email."""
    user = request.user
    ways = factors.ways_to_confirm(user)
    passkeys = "passkey" in ways and factors.passkeys_work(request)
    context = {
        "password_form": shown_form(request, reverse("confirm"), PasswordForm) if "password" in ways else None,
        "code_form": code_form(request) if "code" in ways else None,
        "passkey_form": passkey_form(request) if passkeys else None,
        "passkey_options": passkey_options(user) if passkeys else None,
        "by_link": not ways,
        "email": user.email,
    }
    return render(request, "accounts/confirm.html", context)


def code_form(request: AuthedRequest) -> forms.Form:
    return shown_form(request, reverse("confirm_by_code"), CodeForm, auto_id="code_%s")


class CodeForm(forms.Form):
    """What the page draws: with allauth's form a wrong code would be tried a second time."""

    code = code_field(gettext_lazy("From your authenticator app, or one of your recovery codes."))


class CredentialForm(forms.Form):
    credential = forms.CharField(widget=forms.HiddenInput)


def passkey_form(request: AuthedRequest) -> forms.Form:
    return shown_form(request, reverse("confirm_by_passkey"), CredentialForm, auto_id="passkey_%s")


def passkey_options(user: User) -> object:
    """What the browser is to ask the passkey; the libraries of passkeys are loaded for those who have one."""
    from allauth.mfa.webauthn.internal.auth import begin_authentication

    options: object = begin_authentication(user)
    return options


@form_on("confirm", guard=person)
def confirm_by_code(request: AuthedRequest) -> HttpResponse:
    form = ReauthenticateForm(user=request.user, data=request.POST)
    cleaned(form)
    form.save()
    record(request, "reauthenticated")
    return confirming.resume(request)


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


@form_on("confirm", guard=person)
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
        "Open this link in the browser in which you are signed in to Maquette, to continue what you were doing:\n\n%(link)s"
        "\n\nIt works once, within a day. If you did not ask, do nothing, and look at your sessions under Settings › Security."
    )
    send_mail(_("Confirm it’s you"), message % {"link": sign_in_address(user)}, None, [user.email])


@person
@confirming.confirmed
def set_password(request: AuthedRequest) -> HttpResponse:
    """allauth's page, for whoever has none yet."""
    answer: HttpResponse = password_set(request)
    return answer
