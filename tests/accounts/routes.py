"""Every route of the site, and the right that reading and changing by it takes: what tests/accounts/test_tenants.py walks.

A new route needs a line here, or that test fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

from webapp.accounts.rights import Right

VIEW, LABEL, EDIT, ADMINISTER, OWN = Right


@dataclass(frozen=True)
class Page:
    """`of`: the object in its address, of the victim's workspace; "" where it shows the reader's own. `read`: None where a GET
    shows nothing. `change`: None where a POST does nothing but what a GET does."""

    of: str
    read: Right | None
    change: Right | None
    more: tuple[object, ...] = ()


PICTURE = ("0" * 24 + ".png",)
_SHOWN = {
    "": "home models docs workers costs storage limits settings members export",
    "prototype": "golden_set label_rules data download_rows diff net augmented_picture media train search_settings estimate runs compare share prototype_settings",
    "run": "run run_live run_stream run_media run_log run_spec run_artifact run_example examination judging gguf gguf_file",
    "search": "search search_live",
    "endpoint": "endpoint_qr",
}
_SENT = {
    "prototype": "add_source change_source begin_labels finish_and_train replace_data choose_sheet map_columns divide mend restore rename augmented forget remove_checkpoints",
    "run": "cancel_judging resume_judging cancel_run resume_run train_without accept_leaks deploy try_run why_mistake remove_model",
    "search": "stop_search cancel_search resume_search",
    "endpoint": "bring_in_unsure update_endpoint choose_examples create_key create_link",
    "key": "revoke_key",
    "link": "revoke_link",
    "endpoint_version": "promote",
    "dataset": "start_prototype",
}
_ASKED = {
    "": "new_prototype",
    "prototype": "label_guests delete_prototype unused_models",
    "run": "delete_run stop_run",
    "search": "delete_search",
    "endpoint": "delete_endpoint feedback_inbox",
    "dataset": "delete_unused_dataset",
}
_MORE: dict[str, tuple[object, ...]] = {
    "media": PICTURE,
    "run_media": PICTURE,
    "augmented_picture": ("0" * 24,),
    "run_example": (0,),
    "examination": ("robustness",),
    "gguf_file": ("gguf-q8_0",),
    "why_mistake": (0,),
}
PAGES: dict[str, Page] = {
    **{name: Page(of, VIEW, EDIT, _MORE.get(name, ())) for of, names in _SHOWN.items() for name in names.split()},
    **{name: Page(of, None, EDIT, _MORE.get(name, ())) for of, names in _SENT.items() for name in names.split()},
    **{name: Page(of, EDIT, EDIT) for of, names in _ASKED.items() for name in names.split()},
    "change_rows": Page("prototype", None, LABEL),
    "rate_answer": Page("run", None, LABEL),
    "judge_settings": Page("", ADMINISTER, ADMINISTER),
    "remove_judge": Page("", None, ADMINISTER),
    "label": Page("prototype", LABEL, LABEL),
    "label_alike": Page("prototype", LABEL, LABEL),
    "undo_label": Page("prototype", None, LABEL),
    "finish_labels": Page("prototype", None, LABEL),
    "set_retention": Page("prototype", None, ADMINISTER),
    "set_rate": Page("rate", None, ADMINISTER),
    "set_budget": Page("", None, ADMINISTER),
    "set_feedback_days": Page("", None, ADMINISTER),
    "rename_workspace": Page("", None, ADMINISTER),
    "invite_member": Page("", None, ADMINISTER),
    "end_invitation": Page("invitation", None, ADMINISTER),
    "change_role": Page("member", None, ADMINISTER),
    "remove_member": Page("member", ADMINISTER, ADMINISTER),
    "transfer_workspace": Page("member", OWN, OWN),
    "delete_workspace": Page("", OWN, OWN),
    "members": Page("", VIEW, VIEW),
    "leave_workspace": Page("", VIEW, VIEW),
    "require_factor": Page("", None, OWN),
    "security_log": Page("", ADMINISTER, ADMINISTER),
    "create_token": Page("", None, VIEW),
    "revoke_token": Page("token", None, ADMINISTER),
}
"""Of a workspace."""

RUN_STREAM = {"run_stream"}
"""Asynchronous, and 404 where the others send to sign in."""

OWN_PAGES = {
    *("confirm", "confirm_by_link", "account_reauthenticate", "account_set_password", "account_change_password"),
    *(
        "security",
        "update_profile",
        "end_other_sessions",
        "workspaces",
        "create_workspace",
        "switch_workspace",
        "invited",
    ),
    *(
        "connect_provider",
        "disconnect_provider",
        "confirm_by_code",
        "confirm_by_passkey",
        "own_security_log",
        "mfa_index",
        "mfa_list_webauthn",
        "mfa_reauthenticate",
    ),
    *(
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_deactivate_totp",
        "mfa_download_recovery_codes",
        "mfa_edit_webauthn",
    ),
    *("mfa_generate_recovery_codes", "mfa_reauthenticate_webauthn", "mfa_remove_webauthn", "mfa_view_recovery_codes"),
    *("delete_account", "account_email", "account_logout", "end_session", "None accounts/email/"),
}
"""About the person who is signed in, whatever their role."""

OPEN = {
    *("account_login", "account_inactive", "account_signup", "account_email_verification_sent"),
    *("account_reset_password", "account_reset_password_done", "account_reset_password_from_key"),
    *("account_reset_password_from_key_done", "account_confirm_login_code", "account_confirm_email"),
    *("mfa_authenticate", "mfa_login_webauthn"),
    *("openid_connect_callback", "provider_sign_in", "socialaccount_login_cancelled"),
    *(
        "guest_label",
        "guest_media",
        "sign_in_link",
        "confirm_address",
        "invitation",
        "demo",
        "demo_example",
        "demo_chat",
        "demo_feedback",
    ),
    *("openapi-json", "api-root", "None api/<path:rest>", "None healthz", "None readyz", "None metrics"),
    *("set_language", "None favicon.ico"),
}
"""For everybody, or opened by a secret in the address."""

UPLOADS = {"uploads", "upload"}

CALLS: dict[Right, str] = {
    VIEW: """
        GET /datasets, GET /datasets/{pk}, GET /datasets/{pk}/rows, GET /datasets/{pk}/download, GET /datasets/{pk}/diff,
        GET /datasets/{pk}/queue, GET /datasets/{pk}/alike, GET /datasets/{pk}/rules, GET /datasets/{pk}/sources, GET /datasets/{pk}/labelling,
        GET /tasks, GET /models, GET /hardware, GET /me, GET /prototypes, GET /prototypes/{pk}, GET /prototypes/{pk}/golden, GET /runs/{pk}/golden, GET /runs, GET /runs/{pk},
        GET /runs/{pk}/artifact, GET /runs/{pk}/events, GET /runs/{pk}/logs, GET /runs/{pk}/report, GET /runs/{pk}/examples,
        GET /runs/{pk}/groups, GET /runs/{pk}/robustness, GET /runs/{pk}/insight, GET /runs/{pk}/thumbs, GET /runs/{pk}/judging, GET /runs/{pk}/gguf, GET /runs/{pk}/gguf/{kind}, GET /compare, GET /searches, GET /searches/{pk},
        GET /endpoints, GET /endpoints/{slug}, GET /endpoints/{slug}/usage, GET /endpoints/{slug}/feedback,
        GET /endpoints/{slug}/keys, GET /endpoints/{slug}/links, GET /costs, GET /limits, GET /budget, GET /rates, GET /tokens,
        GET /storage, GET /retention, GET /datasets/{pk}/retention, GET /workspace, GET /members, GET /members/{pk}
    """,
    LABEL: """
        POST /endpoints/{slug}/feedback, POST /datasets/{pk}/labels, POST /datasets/{pk}/labels/undo,
        POST /datasets/{pk}/labels/done, PUT /runs/{pk}/thumbs
    """,
    EDIT: """
        POST /datasets, POST /datasets/{pk}/rows, POST /datasets/{pk}/sources, PATCH /datasets/{pk}/sources/{source}, POST /datasets/{pk}/sources/{source}/read,
        DELETE /datasets/{pk}/sources/{source}, POST /datasets/{pk}/rules, POST /datasets/{pk}/rules/{rule}/apply, DELETE /datasets/{pk}/rules/{rule}, POST /datasets/{pk}/labels/rename, POST /datasets/{pk}/labels/begin, DELETE /datasets/{pk}, POST /datasets/{pk}/versions, POST /datasets/{pk}/versions/{number}/restore,
        POST /datasets/{pk}/forget, PATCH /prototypes/{pk}, PUT /prototypes/{pk}/golden, GET /prototypes/{pk}/guests, POST /prototypes/{pk}/guests, PUT /prototypes/{pk}/guests/notes,
        DELETE /prototypes/{pk}/guests/{guest}, DELETE /prototypes/{pk}, POST /estimates, POST /runs,
        DELETE /runs/{pk}, DELETE /runs/{pk}/artifact, POST /runs/{pk}/cancel, POST /runs/{pk}/stop,
        POST /searches, DELETE /searches/{pk}, POST /searches/{pk}/cancel, POST /searches/{pk}/stop,
        POST /searches/{pk}/resume, POST /runs/{pk}/known-columns, POST /runs/{pk}/robustness, POST /runs/{pk}/insight, POST /runs/{pk}/judging, POST /runs/{pk}/judging/cancel, POST /runs/{pk}/judging/resume, POST /runs/{pk}/gguf, POST /runs/{pk}/resume, POST /endpoints, PATCH /endpoints/{slug},
        POST /endpoints/{slug}/feedback/rows, POST /endpoints/{slug}/feedback/dismiss,
        DELETE /endpoints/{slug}, POST /endpoints/{slug}/keys, DELETE /endpoints/{slug}/keys/{pk},
        POST /endpoints/{slug}/links, DELETE /endpoints/{slug}/links/{pk}
    """,
    ADMINISTER: """
        PUT /retention, PUT /datasets/{pk}/retention, PUT /budget, PUT /rates/{hardware}, DELETE /tokens/{token}, PATCH /workspace, PATCH /members/{pk},
        DELETE /members/{pk}, GET /judge, PUT /judge, DELETE /judge, GET /invitations, POST /invitations, DELETE /invitations/{pk}
    """,
}
"""Of the API, below /api/v1. `POST …/versions` takes corrections of labels from labellers (test_rights.py), and tokens of one's
own are ended with any scope (test_tokens.py)."""
API: dict[str, Right] = {call.strip(): right for right, calls in CALLS.items() for call in calls.split(",")}


def site_routes() -> Iterator[str]:
    """Names of all routes but the API's calls; `None PATTERN` where one has no name."""
    for pattern, address in walk(get_resolver()):
        if "ninja.operation" not in pattern.lookup_str:
            yield pattern.name or f"None {address}"


def walk(resolver: URLResolver, before: str = "") -> Iterator[tuple[URLPattern, str]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from walk(pattern, before + str(pattern.pattern))
        else:
            yield pattern, before + str(pattern.pattern)


def api_calls() -> Iterator[str]:
    from webapp.api.urls import api

    for path, methods in api.get_openapi_schema()["paths"].items():
        for method in methods:
            yield f"{method.upper()} {path.removeprefix('/api/v1')}"
