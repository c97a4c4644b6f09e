"""“Confirm it’s you” by a passkey."""

from django.http import HttpResponse
from django.utils.translation import gettext as _

from webapp.accounts import confirming
from webapp.accounts.access import form_on, person
from webapp.accounts.passkey_forms import ReauthenticatePasskeyForm
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.security import record
from webapp.core.problems import Forbidden


@form_on("confirm", guard=person)
def confirm_by_passkey(request: AuthedRequest) -> HttpResponse:
    form = ReauthenticatePasskeyForm(user=request.user, data=request.POST)
    if not form.is_valid():
        raise Forbidden(
            _("This passkey was not accepted."),
            code="bad_passkey",
            field="credential",
            hint=_("Nothing was done yet. Try again, or use another way."),
        )
    form.save()
    record(request, "reauthenticated")
    return confirming.resume(request)
