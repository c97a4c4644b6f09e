"""Settings › Security: the password, and the sessions of whoever is signed in."""

from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from webapp.accounts import factors, oidc, sessions
from webapp.accounts.access import form_on, needs, person
from webapp.accounts.confirming import confirmed
from webapp.accounts.forms import FactorForm
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.accounts.security import record
from webapp.core.forms import cleaned


@person
def security_page(request: AuthedRequest) -> HttpResponse:
    """Context: sessions (`sessions.listed_sessions`), factors (`factors.describe_factors`), passkeys_work, connected (to the provider), kept_out
    (name of the open workspace, where it demands a second factor that this member has not)."""
    workspace = request.membership.workspace if request.membership else None
    context = {
        "sessions": sessions.listed_sessions(request.user, request.session.session_key),
        "factors": factors.describe_factors(request.user),
        "passkeys_work": factors.passkeys_work(request),
        "connected": oidc.is_connected(request.user),
        "kept_out": factors.lacks_factor(request.user, workspace) and workspace.name if workspace else "",
    }
    return render(request, "accounts/security.html", context)


@person
@require_POST
@confirmed
def end_session(request: AuthedRequest, pk: int) -> HttpResponse:
    ended = sessions.end_session(request.user, pk)
    if ended is None:
        raise Http404
    record(request, "session_ended", subject="session", subject_id=pk)
    if ended.session_key == request.session.session_key:
        logout(request)
        return redirect("account_login")
    messages.success(request, _("That session has ended."))
    return redirect("security")


@person
@require_POST
@confirmed
def end_other_sessions(request: AuthedRequest) -> HttpResponse:
    count = sessions.end_sessions(request.user, but=request.session.session_key)
    record(request, "sessions_ended")
    sentence = ngettext("%(count)d other session has ended.", "%(count)d other sessions have ended.", count)
    messages.success(request, sentence % {"count": count})
    return redirect("security")


@form_on("settings", guard=needs(Right.OWN))
@confirmed
def require_factor(request: AuthedRequest) -> HttpResponse:
    """Whether members without a second factor are kept out of the workspace."""
    required = cleaned(FactorForm(request.POST))["required"]
    factors.require_factor(request.workspace, request.user, required)
    record(
        request,
        "second_factor_required" if required else "second_factor_not_required",
        workspace=request.workspace,
    )
    messages.success(request, _("Saved."))
    return redirect("settings")
