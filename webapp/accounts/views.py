"""Signing in by link, and the settings page."""

from typing import cast

from allauth.account.app_settings import EmailVerificationMethod
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from webapp.accounts import actions, addresses, security
from webapp.accounts.access import form_on, load, member, needs, person
from webapp.accounts.confirming import PENDING, check_confirmed, confirmed, note_confirmation, resume
from webapp.accounts.factors import has_factor, members_without_factor
from webapp.accounts.forms import FactorForm, ProfileForm, RetentionForm, TokenForm, WorkspaceForm
from webapp.accounts.models import ApiToken, AuditEvent, SignInLink, User
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right, check
from webapp.accounts.security_signals import LINK
from webapp.accounts.tokens import listed_tokens
from webapp.core.forms import cleaned, shown_form
from webapp.core.problems import Problem

FEW = 5
"""Members on the settings page; all are on their own."""


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, secret: str) -> HttpResponse:
    """A GET only shows a button, so that a mail scanner that follows the link, or asks for its head, does not use it up."""
    if request.method != "POST" and SignInLink.usable(secret):
        return render(request, "account/sign_in_link.html", {})
    user = SignInLink.redeem(secret) if request.method == "POST" else None
    if user is None:
        if request.method != "HEAD":
            security.record(request, "sign_in_link_refused")
        raise Problem(
            _("This sign-in link has already been used or has expired."),
            code="link_used",
            hint=_("Sign in with your password, or ask the operator of this site for a new link."),
            status=410,
        )
    return go_in(request, user)


def go_in(request: HttpRequest, user: User) -> HttpResponse:
    """A link proves as much as a password: whoever has a second factor is asked for it. In a browser where they are signed in
    already it confirms that it is them, unless a factor does that."""
    if request.user.is_authenticated and request.user != user:
        logout(request)
    if not request.user.is_authenticated:
        record_authentication(request, user, LINK)
        login = Login(user=user, email_verification=EmailVerificationMethod.NONE, signal_kwargs={})
        return cast(HttpResponse, perform_login(request, login))
    if not has_factor(user):
        security.record(request, "signed_in_by_link", user=user)
        return resume(request) if request.session.get(PENDING) else note_and_go_home(request)
    return redirect("confirm" if request.session.get(PENDING) else "home")


def note_and_go_home(request: HttpRequest) -> HttpResponse:
    note_confirmation(request)
    return redirect("home")


@member
def settings_page(request: AuthedRequest) -> HttpResponse:
    """Context: profile_form, workspace_form, token_form, retention_form (of ratings), factor_form, without_factor (how many members), tokens, members (the first), member_count, events, new_token (shown once)."""
    initial = {"email": request.user.email}
    context = {
        "profile_form": shown_form(request, reverse("update_profile"), ProfileForm, request.user, initial=initial),
        "workspace_form": shown_form(
            request,
            reverse("rename_workspace"),
            WorkspaceForm,
            initial={"name": request.workspace.name},
            auto_id="workspace_%s",
        ),
        "token_form": shown_form(request, reverse("create_token"), TokenForm, auto_id="token_%s"),
        "retention_form": shown_form(
            request,
            reverse("set_feedback_days"),
            RetentionForm,
            initial={"days": request.workspace.feedback_days},
            auto_id="feedback_%s",
        ),
        "factor_form": shown_form(
            request,
            reverse("require_factor"),
            FactorForm,
            initial={"required": request.workspace.second_factor_required},
            auto_id="factor_%s",
        ),
        "without_factor": members_without_factor(request.workspace),
        "tokens": listed_tokens(request.workspace),
        "members": request.workspace.memberships.select_related("user")[:FEW],
        "member_count": request.workspace.memberships.count(),
        "events": AuditEvent.objects.for_workspace(request.workspace).select_related("user")[:30],
        "new_token": request.session.pop("new_token", None),
    }
    return render(request, "accounts/settings.html", context)


@form_on("settings", guard=person)
def update_profile(request: AuthedRequest) -> HttpResponse:
    fields = cleaned(ProfileForm(request.user, request.POST))
    email, changed = fields["email"].lower(), True
    if email != request.user.email.lower():
        if not request.user.has_usable_password():
            check_confirmed(request)
        addresses.check_attempts(request)
        addresses.check_password(request, fields.get("password", ""))
        changed = addresses.ask(request.user, email)
    if changed:
        messages.success(request, _("Saved."))
    else:
        message = _("A link was sent to %(email)s. Until you open it, your old address keeps working.")
        messages.info(request, message % {"email": email})
    return redirect("settings")


@form_on("settings", guard=needs(Right.ADMINISTER))
def rename_workspace(request: AuthedRequest) -> HttpResponse:
    name = cleaned(WorkspaceForm(request.POST))["name"]
    actions.rename_workspace(request.workspace, name, request.user)
    messages.success(request, _("Saved."))
    return redirect("settings")


@form_on("settings", guard=needs(Right.ADMINISTER))
def set_feedback_days(request: AuthedRequest) -> HttpResponse:
    days = cleaned(RetentionForm(request.POST))["days"]
    actions.keep_feedback(request.workspace, days, request.user)
    messages.success(request, _("Saved."))
    return redirect("settings")


@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest, secret: str) -> HttpResponse:
    """A GET only shows a button: whoever has the mailbox presses it, a mail scanner does not."""
    if request.method != "POST":
        _user, email = addresses.asked_for(secret)
        return render(request, "account/confirm_address.html", {"email": email})
    addresses.confirm(secret)
    messages.success(request, _("Your address is confirmed."))
    return redirect("settings")


@form_on("settings", guard=needs(Right.VIEW))
@confirmed
def create_token(request: AuthedRequest) -> HttpResponse:
    chosen = cleaned(TokenForm.completed(request.POST))
    _token, request.session["new_token"] = actions.create_token(
        request.user, request.workspace, chosen["name"], scope=chosen["scope"], days=chosen["days"]
    )
    return redirect("settings")


@needs(Right.VIEW)
@require_POST
def revoke_token(request: AuthedRequest, pk: str) -> HttpResponse:
    """One's own, or as an admin anybody's."""
    token = load(ApiToken, request.workspace, pk)
    if token.user_id != request.user.pk:
        check(request.membership, Right.ADMINISTER)
    token.revoke()
    actions.audit(request.workspace, request.user, "revoked", "token", token.pk, token.name)
    messages.success(request, _("Token “%(name)s” no longer works.") % {"name": token.name})
    return redirect("settings")
