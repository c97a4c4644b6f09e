"""What the security log can say: a stable code, which programs read, and the words of the page.

`DONE` happened; `FAILED` is a proof that was wrong (password, code, link, token); `REFUSED` is a right or a limit.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DONE, FAILED, REFUSED = "done", "failed", "refused"
OUTCOMES: dict[str, str | Promise] = {DONE: _("Done"), FAILED: _("Failed"), REFUSED: _("Refused")}

VERBS: dict[str, tuple[str, str | Promise]] = {
    "signed_up": (DONE, _("Created an account")),
    "signed_in": (DONE, _("Signed in")),
    "signed_in_by_link": (DONE, _("Signed in with a link")),
    "sign_in_failed": (FAILED, _("Wrong email or password")),
    "sign_in_link_refused": (FAILED, _("Opened a sign-in link that is used or expired")),
    "sign_in_link_made": (DONE, _("Sign-in link created")),
    "signed_out": (DONE, _("Signed out")),
    "session_ended": (DONE, _("Ended a session")),
    "sessions_ended": (DONE, _("Ended all other sessions")),
    "reauthenticated": (DONE, _("Confirmed their identity")),
    "reauthentication_failed": (FAILED, _("Wrong password when confirming their identity")),
    "password_changed": (DONE, _("Changed the password")),
    "password_set": (DONE, _("Set a password")),
    "password_reset_requested": (DONE, _("Requested a password reset")),
    "password_reset": (DONE, _("Reset the password")),
    "access_reset": (DONE, _("Access reset: password, sessions and tokens ended")),
    "email_change_requested": (DONE, _("Requested a new email")),
    "email_changed": (DONE, _("Changed the email")),
    "factor_added": (DONE, _("Added a second factor")),
    "factor_removed": (DONE, _("Removed a second factor")),
    "factor_failed": (FAILED, _("Wrong code from a second factor")),
    "recovery_codes_made": (DONE, _("Created recovery codes")),
    "recovery_code_used": (DONE, _("Used a recovery code")),
    "passkey_added": (DONE, _("Added a passkey")),
    "passkey_removed": (DONE, _("Removed a passkey")),
    "provider_connected": (DONE, _("Connected a sign-in provider")),
    "provider_disconnected": (DONE, _("Disconnected a sign-in provider")),
    "second_factor_required": (DONE, _("Required a second factor")),
    "second_factor_not_required": (DONE, _("No longer requires a second factor")),
    "token_created": (DONE, _("Created an API token")),
    "token_revoked": (DONE, _("Revoked an API token")),
    "token_expires_soon": (DONE, _("Reminder: an API token expires soon")),
    "token_refused": (FAILED, _("Used an API token that does not work")),
    "member_invited": (DONE, _("Invited a member")),
    "invitation_revoked": (DONE, _("Revoked an invitation")),
    "member_added": (DONE, _("Joined the workspace")),
    "member_role_changed": (DONE, _("Changed a member’s role")),
    "member_removed": (DONE, _("Removed a member")),
    "member_left": (DONE, _("Left the workspace")),
    "ownership_transferred": (DONE, _("Transferred the ownership")),
    "workspace_created": (DONE, _("Created a workspace")),
    "workspace_switched": (DONE, _("Switched to this workspace")),
    "price_changed": (DONE, _("Changed a price")),
    "budget_changed": (DONE, _("Changed the budget")),
    "judge_changed": (DONE, _("Changed the judge model")),
    "retention_changed": (DONE, _("Changed how long data is kept")),
    "data_downloaded": (DONE, _("Downloaded data")),
    "model_downloaded": (DONE, _("Downloaded a model")),
    "own_data_downloaded": (DONE, _("Downloaded all their data")),
    "security_log_downloaded": (DONE, _("Downloaded the security log")),
    "demo_shared": (DONE, _("Shared a demo")),
    "demo_made_public": (DONE, _("Made a demo public")),
    "demo_visibility_changed": (DONE, _("Changed who can open a demo")),
    "demo_link_created": (DONE, _("Created a link to a demo")),
    "demo_link_restored": (DONE, _("Restored a link to a demo")),
    "demo_link_revoked": (DONE, _("Revoked a link to a demo")),
    "demo_key_created": (DONE, _("Created a key for a demo")),
    "demo_key_revoked": (DONE, _("Revoked a key for a demo")),
    "dataset_deleted": (DONE, _("Deleted a dataset")),
    "prototype_deleted": (DONE, _("Deleted a prototype")),
    "run_deleted": (DONE, _("Deleted a run")),
    "search_deleted": (DONE, _("Deleted a search over settings")),
    "model_deleted": (DONE, _("Deleted the model of a run")),
    "examples_shown": (DONE, _("Showed rows of the data in a demo")),
    "demo_deleted": (DONE, _("Deleted a demo")),
    "workspace_deleted": (DONE, _("Deleted a workspace")),
    "account_deleted": (DONE, _("Deleted an account")),
    "form_refused": (REFUSED, _("Sent a form from an outdated page")),
    "access_refused": (REFUSED, _("Not allowed")),
    "rate_limited": (REFUSED, _("Too many requests")),
}
"""Add a line here for whatever `record` is called with; tests/accounts/test_security.py holds the two together."""

OWN = ("account_deleted", "workspace_created", "workspace_deleted")
"""Of a person, and nothing that other workspaces of theirs are told."""
AUDITED = {
    ("created", "token"): "token_created",
    ("revoked", "token"): "token_revoked",
    ("ended", "token"): "token_revoked",
    ("set", "budget"): "budget_changed",
    ("set", "price"): "price_changed",
    ("set", "judge"): "judge_changed",
    ("deleted", "judge"): "judge_changed",
    ("set", "retention"): "retention_changed",
    ("created", "key"): "demo_key_created",
    ("revoked", "endpointkey"): "demo_key_revoked",
    ("created", "link"): "demo_link_created",
    ("restored", "sharelink"): "demo_link_restored",
    ("revoked", "sharelink"): "demo_link_revoked",
    ("showed examples", "endpoint"): "examples_shown",
    ("showed texts", "endpoint"): "examples_shown",
    ("deleted", "dataset"): "dataset_deleted",
    ("deleted", "endpoint"): "demo_deleted",
    ("deleted", "prototype"): "prototype_deleted",
    ("deleted", "run"): "run_deleted",
    ("deleted", "search"): "search_deleted",
    ("removed model", "run"): "model_deleted",
}
"""(verb, subject) of the audit log that are recorded here as well, by the same call."""
KINDS: dict[str, str | Promise] = {
    "sign_in": _("Sign-ins and sessions"),
    "account": _("Passwords, emails and second factors"),
    "tokens": _("API tokens"),
    "members": _("Members"),
    "settings": _("Budget, prices and retention"),
    "downloads": _("Downloads"),
    "demos": _("Demos, links and keys"),
    "deletions": _("Deletions"),
    "refusals": _("Refused"),
}
BEGINNINGS = {
    "sign_in": ("sign", "session", "reauth"),
    "tokens": ("token",),
    "members": ("member", "invitation", "ownership", "workspace_", "second_factor_"),
    "settings": ("price", "budget", "retention", "judge"),
    "demos": ("demo_", "examples"),
}


def kind_of(verb: str) -> str:
    """One of `KINDS`."""
    if outcome_of(verb) == REFUSED:
        return "refusals"
    for ending, kind in (("_downloaded", "downloads"), ("_deleted", "deletions")):
        if verb.endswith(ending):
            return kind
    return next((kind for kind, starts in BEGINNINGS.items() if verb.startswith(starts)), "account")


def outcome_of(verb: str) -> str:
    return VERBS[verb][0] if verb in VERBS else DONE


def words_of(verb: str) -> str:
    """What happened, in the reader's language."""
    return str(VERBS[verb][1]) if verb in VERBS else verb.replace("_", " ")
