"""Every page that names an object, asked by an outsider, a viewer and nobody. The addresses are walked, not listed."""

from collections.abc import Callable, Iterator

import pytest
from django.http import Http404
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from tests import things
from webapp.accounts.actions import create_token
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.costs.models import Rate
from webapp.endpoints.models import Visibility
from webapp.runs.views import member_run

ClientOf = Callable[[User], Client]
POST_ONLY = {
    "accept_leaks",
    "augmented",
    "cancel_run",
    "change_role",
    "create_workspace",
    "end_invitation",
    "invite_member",
    "switch_workspace",
    "change_rows",
    "choose_sheet",
    "confirm_by_code",
    "confirm_by_link",
    "confirm_by_passkey",
    "connect_provider",
    "disconnect_provider",
    "create_key",
    "create_link",
    "create_token",
    "deploy",
    "divide",
    "end_other_sessions",
    "end_session",
    "forget",
    "map_columns",
    "mend",
    "promote",
    "remove_checkpoints",
    "remove_model",
    "rename",
    "replace_data",
    "require_factor",
    "restore",
    "rename_workspace",
    "resume_run",
    "revoke_key",
    "revoke_link",
    "revoke_token",
    "set_budget",
    "set_feedback_days",
    "set_retention",
    "set_rate",
    "choose_examples",
    "start_prototype",
    "train_without",
    "try_run",
    "update_endpoint",
    "update_profile",
}
ASKS_FIRST = {
    "delete_workspace",
    "leave_workspace",
    "remove_member",
    "transfer_workspace",
    "delete_endpoint",
    "delete_prototype",
    "delete_run",
    "delete_unused_dataset",
    "unused_models",
}
"""A GET asks whether to delete, a POST deletes."""
OWNERS = {"delete_workspace", "remove_member", "transfer_workspace"}
PUBLIC = {
    "openid_connect_callback",
    "provider_sign_in",
    "confirm_address",
    "invitation",
    "invited",
    "sign_in_link",
    "demo",
    "demo_example",
    "demo_feedback",
    "upload",
    "uploads",
}
"""Open to strangers, or with rules of their own: uploads speak tus (tests/datasets/test_tus.py)."""
NEEDS_MORE = {
    "account_reauthenticate",
    "confirm",
    "run_stream",
    "run_artifact",
    "run_example",
    "run_media",
    "augmented_picture",
    "estimate",
    "media",
    "diff",
    "stop_run",
}
"""Pages that are not there without a further name or without files."""


def patterns() -> Iterator[URLPattern]:
    """The site's own named pages, without the API and allauth's."""
    for resolver in get_resolver().url_patterns:
        for pattern in getattr(resolver, "url_patterns", [resolver]):
            if isinstance(pattern, URLPattern) and pattern.lookup_str.startswith("webapp.") and pattern.name:
                yield pattern


OURS = [
    pattern
    for pattern in patterns()
    if not pattern.lookup_str.startswith("webapp.api") and "api" not in pattern.lookup_str
]
NAMED = sorted(str(one.name) for one in OURS if "<" in str(one.pattern) and one.name not in PUBLIC)
PLAIN = sorted(str(one.name) for one in OURS if "<" not in str(one.pattern) and one.name not in PUBLIC)


@pytest.fixture
def address(user: User, workspace: Workspace) -> Callable[[str], str]:
    """The address of a page about an object of this workspace."""
    run = things.run(things.prototype(workspace))
    things.write_events(run, {"type": "log", "t": "2026-01-01T00:00:00Z", "message": "hello"})
    endpoint = things.endpoint(run, visibility=Visibility.PRIVATE)
    by_view = {
        "accounts": create_token(user, workspace, "x")[0].pk,
        "costs": Rate.objects.filter(workspace=workspace)[0].pk,
        "prototypes": run.prototype_id,
        "runs": run.pk,
        "endpoints": endpoint.pk,
        "pages": run.prototype_id,
    }
    by_name = {
        **dict.fromkeys(
            ("delete_prototype", "prototype_settings", "unused_models", "train", "estimate", "runs", "share"),
            run.prototype_id,
        ),
        **dict.fromkeys(("augmented", "augmented_picture", "net"), run.prototype_id),
        **dict.fromkeys(("delete_unused_dataset", "start_prototype"), run.version.dataset_id),
        "remove_checkpoints": run.prototype_id,
        "end_session": 10**9,
        **dict.fromkeys(("deploy", "try_run", "delete_run", "remove_model"), run.pk),
        **dict.fromkeys(
            ("change_role", "remove_member", "transfer_workspace"), workspace.memberships.get(user=user).pk
        ),
        "revoke_key": endpoint.keys.get().pk,
        "revoke_link": endpoint.links.get().pk,
        "promote": endpoint.versions.get().pk,
    }
    views = {str(one.name): one.lookup_str.split(".")[1] for one in OURS}
    picture = "0" * 24 + ".png"
    more = {"media": [picture], "run_media": [picture], "augmented_picture": ["0" * 24], "run_example": ["0"]}
    return lambda name: reverse(
        name, args=[by_name.get(name) or by_view[views[name]], *more.get(name, [])] if name in NAMED else []
    )


def test_the_walk_finds_the_pages() -> None:
    assert {"data", "run", "run_stream", "share", "set_rate", "revoke_token"} <= set(NAMED)
    assert {"home", "new_prototype", "costs", "workers", "settings"} <= set(PLAIN)


@pytest.mark.parametrize("name", NAMED)
def test_an_outsider_finds_nothing(
    name: str, outsider: User, client_of: ClientOf, address: Callable[[str], str]
) -> None:
    client = client_of(outsider)
    if name not in POST_ONLY | {"run_stream"}:
        assert client.get(address(name)).status_code == 404
    if name != "run_stream":
        assert client.post(address(name)).status_code == 404


def test_an_outsider_follows_no_stream(outsider: User, client_of: ClientOf, address: Callable[[str], str]) -> None:
    """Asked of the function that lets in: the stream's own thread cannot read a test's open transaction."""
    pk = address("run_stream").split("/")[2]
    with pytest.raises(Http404):
        member_run(client_of(outsider).get("/settings").wsgi_request, pk)


@pytest.mark.parametrize("name", [*NAMED, *PLAIN])
def test_nobody_sees_nothing(name: str, address: Callable[[str], str]) -> None:
    answer = Client().get(address(name))
    if name == "run_stream":
        assert answer.status_code == 404
    else:
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")


OWN = {
    "connect_provider",
    "disconnect_provider",
    "account_set_password",
    "confirm",
    "confirm_by_code",
    "confirm_by_link",
    "confirm_by_passkey",
    "create_token",
    "create_workspace",
    "end_other_sessions",
    "end_session",
    "leave_workspace",
    "revoke_token",
    "switch_workspace",
    "update_profile",
}
"""What is one's own is changed by every role."""


@pytest.mark.parametrize("name", sorted({*POST_ONLY, *ASKS_FIRST, "train", "new_prototype"} - OWN))
def test_a_viewer_may_not_change_anything(
    name: str, workspace: Workspace, client_of: ClientOf, address: Callable[[str], str]
) -> None:
    viewer = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=workspace, user=viewer, role=Role.VIEWER)
    assert client_of(viewer).post(address(name)).status_code == 403


@pytest.mark.parametrize("name", sorted({*NAMED, *PLAIN} - POST_ONLY - NEEDS_MORE - OWNERS))
def test_a_viewer_may_look(name: str, workspace: Workspace, client_of: ClientOf, address: Callable[[str], str]) -> None:
    viewer = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=workspace, user=viewer, role=Role.VIEWER)
    answer = client_of(viewer).get(address(name))
    answer.close()
    assert answer.status_code == 200


def test_a_private_demo_is_not_there_for_others(
    outsider: User, client_of: ClientOf, address: Callable[[str], str]
) -> None:
    address("share")
    for client in (Client(), client_of(outsider)):
        assert client.get(reverse("demo", args=["the-demo"])).status_code == 404
        assert client.post(reverse("demo_feedback", args=["the-demo"])).status_code == 404


def test_a_form_without_its_token_is_refused(user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    answer = client.post(reverse("set_budget"), {"amount": "1"})
    assert answer.status_code == 403
    assert "Reload it" in answer.content.decode()


def test_a_changed_address_leaves_the_old_mailbox_without_power(
    user: User, client_of: ClientOf, mailoutbox: list
) -> None:
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    old = user.email
    client_of(user).post(reverse("update_profile"), {"email": "new@example.org"})
    assert [one.email for one in EmailAddress.objects.filter(user=user)] == ["new@example.org"]
    Client().post(reverse("account_reset_password"), {"email": old})
    assert not [mail for mail in mailoutbox if "/password/reset/key/" in mail.body]


@pytest.mark.parametrize("query", ["/?after=²", "{p}/data?version=²", "{p}/data?page=²"])
def test_odd_digits_are_no_numbers(query: str, user: User, workspace: Workspace, client_of: ClientOf) -> None:
    prototype = things.prototype(workspace)
    assert client_of(user).get(query.format(p=f"/prototypes/{prototype.pk}")).status_code == 200
