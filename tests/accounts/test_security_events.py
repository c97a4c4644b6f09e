"""Each sensitive act, done through its real page or call, leaves exactly its event, with address and agent."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.usersessions.models import UserSession
from django.core import mail, signing
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client, override_settings
from django.urls import URLPattern, get_resolver, reverse

from tests import things
from webapp.accounts import addresses, people
from webapp.accounts.actions import create_token, create_workspace
from webapp.accounts.confirming import MOMENT
from webapp.accounts.models import ApiToken, Membership, Role, SecurityEvent, SignInLink, User, Workspace
from webapp.api.urls import api as site_api
from webapp.costs.models import Rate
from webapp.endpoints.models import Endpoint, ShareLink
from webapp.runs.models import Run

ADDRESS, AGENT = "203.0.113.77", "curl/8.5.0"
PASSWORD, OTHER_PASSWORD = "a-long-secret-of-ada", "another-long-secret"
FROM = {"REMOTE_ADDR": ADDRESS, "HTTP_USER_AGENT": AGENT}


@dataclass
class Stage:
    """A workspace with one of everything, its owner by session and by token, and somebody who is signed out."""

    user: User
    workspace: Workspace
    run: Run
    endpoint: Endpoint
    browser: Client = field(default_factory=lambda: Client(**FROM))
    stranger: Client = field(default_factory=lambda: Client(**FROM))
    program: Client = field(init=False)
    token: ApiToken = field(init=False)

    def __post_init__(self) -> None:
        self.browser.force_login(self.user)
        self.browser.get(reverse("security"))
        note = self.browser.session
        note[MOMENT] = int(time.time())
        note.save()
        self.token, secret = create_token(self.user, self.workspace, "program")
        self.program = Client(headers={"Authorization": f"Bearer {secret}"}, **FROM)

    def page(self, route: str, /, *args: object, by: str = "post", **data: Any) -> None:
        self.answered(getattr(self.browser, by)(reverse(route, args=args), data))

    def call(self, method: str, path: str, **body: Any) -> None:
        options = {"data": body, "content_type": "application/json"} if method != "get" else {}
        self.answered(getattr(self.program, method)(f"/api/v1{path}", **options))

    def answered(self, answer: Any) -> None:
        assert answer.status_code < 400, answer.content.decode()[-3000:]
        if answer.streaming:
            answer.close()

    def signs_in(self, password: str) -> None:
        self.stranger.post(reverse("account_login"), {"login": self.user.email, "password": password})

    def signs_up(self) -> None:
        with override_settings(MAIL_CONFIGURED=True):  # without, the form is closed once somebody is here
            self.stranger.post(reverse("account_signup"), {"email": "new@example.org", "password1": PASSWORD})

    def viewer(self) -> Client:
        Membership.objects.filter(user=self.user).update(role=Role.VIEWER)
        return self.browser

    def reset_key(self) -> str:
        return f"{user_pk_to_url_str(self.user)}-{default_token_generator.make_token(self.user)}"

    def resets(self) -> None:
        first = self.stranger.get(reverse("account_reset_password_from_key", args=self.reset_key().split("-", 1)))
        self.answered(self.stranger.post(first["Location"], {"password1": OTHER_PASSWORD, "password2": OTHER_PASSWORD}))

    def confirms(self) -> None:
        parts = [self.user.pk, self.user.email, "new@example.org", addresses.password_mark(self.user)]
        self.page("confirm_address", signing.dumps(parts, salt=addresses.SALT))

    def revoked_link(self) -> ShareLink:
        link = self.endpoint.links.get()
        self.page("revoke_link", link.pk)
        SecurityEvent.objects.all().delete()
        return link

    def another_session(self) -> UserSession:
        self.stranger.force_login(self.user)
        key = self.stranger.session.session_key
        return UserSession.objects.create(user=self.user, ip="198.51.100.2", user_agent=AGENT, session_key=key)

    def colleague(self) -> Membership:
        other = User.objects.create_user("bob@example.org")
        return Membership.objects.create(workspace=self.workspace, user=other, role=Role.EDITOR)

    def invitation(self) -> tuple[str, str]:
        """(id, secret of the link)."""
        owner = self.workspace.memberships.get(user=self.user)
        invitation, link = people.invite(owner, "new@example.org", Role.EDITOR)
        SecurityEvent.objects.all().delete()
        return invitation.pk, link.split("/")[-1]

    def joins(self) -> None:
        _pk, secret = self.invitation()
        path = reverse("invitation", args=[secret])
        self.answered(self.stranger.post(path, {"password": OTHER_PASSWORD}))

    def asks_for_link(self) -> None:
        with override_settings(MAIL_CONFIGURED=True):
            self.page("confirm_by_link")

    def another_token(self) -> str:
        token, _secret = create_token(self.user, self.workspace, "x")
        SecurityEvent.objects.all().delete()
        return token.pk

    def private_demo(self) -> None:
        Endpoint.objects.update(visibility="private")


JUDGE = {"url": "https://judge.example.org/v1", "model": "a", "price_read": "1", "price_written": "2", "cap": "1"}
Act = Callable[[Stage], object]


def use_up(stage: Stage) -> None:
    """Sign-ins with wrong passwords until no more are taken."""
    for _attempt in range(6):
        stage.signs_in("wrong")
    SecurityEvent.objects.exclude(verb="rate_limited").delete()


def undeployed(stage: Stage) -> Run:
    stage.endpoint.delete()
    (stage.run.artifact / "onnx").mkdir(exist_ok=True)
    return stage.run


PAGES: dict[str, tuple[str, Act]] = {
    "account_login": ("signed_in", lambda on: on.signs_in(PASSWORD)),
    "account_login, wrong": ("sign_in_failed", lambda on: on.signs_in("wrong")),
    "account_login, too often": ("rate_limited", use_up),
    "account_logout": ("signed_out", lambda on: on.page("account_logout")),
    "account_signup": (
        "signed_up signed_in",
        lambda on: on.signs_up(),
    ),
    "account_change_password": (
        "password_changed",
        lambda on: on.page(
            *["account_change_password"], oldpassword=PASSWORD, password1=OTHER_PASSWORD, password2=OTHER_PASSWORD
        ),
    ),
    "account_reset_password": (
        "password_reset_requested",
        lambda on: on.stranger.post(reverse("account_reset_password"), {"email": on.user.email}),
    ),
    "account_reset_password, unknown": (
        "password_reset_requested",
        lambda on: on.stranger.post(reverse("account_reset_password"), {"email": "nobody@example.org"}),
    ),
    "account_reset_password_from_key": ("token_revoked password_reset", Stage.resets),
    "sign_in_link": (
        "signed_in_by_link",
        lambda on: on.stranger.post(reverse("sign_in_link", args=[SignInLink.issue(on.user)])),
    ),
    "sign_in_link, used": ("sign_in_link_refused", lambda on: on.stranger.get(reverse("sign_in_link", args=["old"]))),
    "update_profile": (
        "email_changed",
        lambda on: on.page("update_profile", email="new@example.org", password=PASSWORD, workspace="W"),
    ),
    "update_profile, wrong": (
        "reauthentication_failed",
        lambda on: on.browser.post(
            reverse("update_profile"), {"email": "n@example.org", "password": "no", "workspace": "W"}
        ),
    ),
    "confirm_address": ("email_changed", Stage.confirms),
    "create_token": ("token_created", lambda on: on.page("create_token", name="new")),
    "revoke_token": ("token_revoked", lambda on: on.page("revoke_token", on.token.pk)),
    "set_budget": ("budget_changed", lambda on: on.page("set_budget", amount="12")),
    "judge_settings": ("judge_changed", lambda on: on.page("judge_settings", **JUDGE)),
    "remove_judge": (
        "judge_changed judge_changed",
        lambda on: (on.page("judge_settings", **JUDGE), on.page("remove_judge")),
    ),
    "set_rate": (
        "price_changed",
        lambda on: on.page("set_rate", Rate.objects.filter(workspace=on.workspace, hardware="cpu").get().pk, price="1"),
    ),
    "set_feedback_days": ("retention_changed", lambda on: on.page("set_feedback_days", days="3")),
    "set_retention": ("retention_changed", lambda on: on.page("set_retention", on.run.prototype_id, days="3")),
    "download_rows": ("data_downloaded", lambda on: on.page("download_rows", on.run.prototype_id, by="get")),
    "run_artifact": ("model_downloaded", lambda on: on.page("run_artifact", on.run.pk, by="get")),
    "export": ("own_data_downloaded", lambda on: on.page("export", by="get")),
    "deploy": (
        "demo_made_public",
        lambda on: on.page("deploy", undeployed(on).pk, name="x", slug="another", visibility="public"),
    ),
    "update_endpoint": (
        "demo_visibility_changed",
        lambda on: on.page("update_endpoint", on.endpoint.pk, name="x", slug="the-demo", words="", visibility="link"),
    ),
    "update_endpoint, public": (
        "demo_made_public",
        lambda on: (
            on.private_demo(),
            on.page("update_endpoint", on.endpoint.pk, name="x", slug="the-demo", words="", visibility="public"),
        ),
    ),
    "create_key": ("demo_key_created", lambda on: on.page("create_key", on.endpoint.pk, name="new")),
    "revoke_key": ("demo_key_revoked", lambda on: on.page("revoke_key", on.endpoint.keys.get().pk)),
    "create_link": ("demo_link_created", lambda on: on.page("create_link", on.endpoint.pk, name="new")),
    "revoke_link": ("demo_link_revoked", lambda on: on.page("revoke_link", on.endpoint.links.get().pk)),
    "revoke_link, undone": (
        "demo_link_restored",
        lambda on: on.page("revoke_link", on.revoked_link().pk, restore="1"),
    ),
    "delete_endpoint": ("demo_deleted", lambda on: on.page("delete_endpoint", on.endpoint.pk)),
    "delete_prototype": (
        "demo_deleted prototype_deleted dataset_deleted",
        lambda on: on.page("delete_prototype", on.run.prototype_id, data="on"),
    ),
    "delete_search": (
        "search_deleted",
        lambda on: on.page("delete_search", things.search(on.run.prototype).pk),
    ),
    "delete_run": ("run_deleted", lambda on: (on.endpoint.delete(), on.page("delete_run", on.run.pk))),
    "remove_model": ("model_deleted", lambda on: (on.endpoint.delete(), on.page("remove_model", on.run.pk))),
    "delete_unused_dataset": (
        "dataset_deleted",
        lambda on: on.page("delete_unused_dataset", things.dataset(on.workspace, files=True).pk),
    ),
    "delete_workspace": (
        "workspace_deleted",
        lambda on: (create_workspace(on.user), on.page("delete_workspace", name=on.workspace.name)),
    ),
    "delete_account": ("account_deleted", lambda on: on.page("delete_account", name=on.user.email, password=PASSWORD)),
    "end_session": (
        "session_ended",
        lambda on: on.page("end_session", on.another_session().pk),
    ),
    "require_factor": ("second_factor_not_required", lambda on: on.page("require_factor")),
    "end_other_sessions": ("sessions_ended", lambda on: on.page("end_other_sessions")),
    "confirm": ("reauthenticated", lambda on: on.page("confirm", password=PASSWORD)),
    "confirm, wrong": (
        "reauthentication_failed",
        lambda on: on.browser.post(reverse("confirm"), {"password": "wrong"}),
    ),
    "confirm_by_link": ("sign_in_link_made", Stage.asks_for_link),
    "invite_member": (
        "member_invited",
        lambda on: on.page("invite_member", email="new@example.org", role="viewer"),
    ),
    "end_invitation": ("invitation_revoked", lambda on: on.page("end_invitation", on.invitation()[0])),
    "invitation": ("signed_up member_added signed_in", Stage.joins),
    "change_role": ("member_role_changed", lambda on: on.page("change_role", on.colleague().pk, role="viewer")),
    "remove_member": ("member_removed", lambda on: on.page("remove_member", on.colleague().pk)),
    "transfer_workspace": ("ownership_transferred", lambda on: on.page("transfer_workspace", on.colleague().pk)),
    "create_workspace": ("workspace_created", lambda on: on.page("create_workspace", name="Second")),
    "rename, as a viewer": (
        "access_refused",
        lambda on: on.viewer().post(reverse("rename", args=[on.run.prototype_id]), {"name": "x"}),
    ),
}
CALLS: dict[str, tuple[str, Act]] = {
    "PATCH /members/{pk}": (
        "member_role_changed",
        lambda on: on.call("patch", f"/members/{on.colleague().pk}", role="viewer"),
    ),
    "DELETE /members/{pk}": ("member_removed", lambda on: on.call("delete", f"/members/{on.colleague().pk}")),
    "POST /invitations": ("member_invited", lambda on: on.call("post", "/invitations", email="new@example.org")),
    "DELETE /invitations/{pk}": (
        "invitation_revoked",
        lambda on: on.call("delete", f"/invitations/{on.invitation()[0]}"),
    ),
    "PUT /budget": ("budget_changed", lambda on: on.call("put", "/budget", amount="12")),
    "PUT /judge": ("judge_changed", lambda on: on.call("put", "/judge", **JUDGE)),
    "DELETE /judge": (
        "judge_changed judge_changed",
        lambda on: (on.call("put", "/judge", **JUDGE), on.call("delete", "/judge")),
    ),
    "PUT /retention": ("retention_changed", lambda on: on.call("put", "/retention", feedback_days=3)),
    "PUT /datasets/{pk}/retention": (
        "retention_changed",
        lambda on: on.call("put", f"/datasets/{on.run.version.dataset_id}/retention", days=3),
    ),
    "PUT /rates/{hardware}": ("price_changed", lambda on: on.call("put", "/rates/cpu", price_per_hour="1")),
    "GET /datasets/{pk}/download": (
        "data_downloaded",
        lambda on: on.call("get", f"/datasets/{on.run.version.dataset_id}/download"),
    ),
    "DELETE /datasets/{pk}": (
        "dataset_deleted",
        lambda on: on.call("delete", f"/datasets/{things.dataset(on.workspace, files=True).pk}"),
    ),
    "DELETE /prototypes/{pk}": (
        "demo_deleted prototype_deleted",
        lambda on: on.call("delete", f"/prototypes/{on.run.prototype_id}"),
    ),
    "DELETE /runs/{pk}": (
        "run_deleted",
        lambda on: (on.endpoint.delete(), on.call("delete", f"/runs/{on.run.pk}")),
    ),
    "DELETE /searches/{pk}": (
        "search_deleted",
        lambda on: on.call("delete", f"/searches/{things.search(on.run.prototype).pk}"),
    ),
    "GET /runs/{pk}/artifact": ("model_downloaded", lambda on: on.call("get", f"/runs/{on.run.pk}/artifact")),
    "DELETE /runs/{pk}/artifact": (
        "model_deleted",
        lambda on: (on.endpoint.delete(), on.call("delete", f"/runs/{on.run.pk}/artifact")),
    ),
    "POST /endpoints": ("demo_shared", lambda on: on.call("post", "/endpoints", run=undeployed(on).pk)),
    "PATCH /endpoints/{slug}": (
        "demo_visibility_changed",
        lambda on: on.call("patch", "/endpoints/the-demo", visibility="private"),
    ),
    "DELETE /endpoints/{slug}": ("demo_deleted", lambda on: on.call("delete", "/endpoints/the-demo")),
    "POST /endpoints/{slug}/keys": (
        "demo_key_created",
        lambda on: on.call("post", "/endpoints/the-demo/keys", name="new"),
    ),
    "DELETE /endpoints/{slug}/keys/{pk}": (
        "demo_key_revoked",
        lambda on: on.call("delete", f"/endpoints/the-demo/keys/{on.endpoint.keys.get().pk}"),
    ),
    "POST /endpoints/{slug}/links": (
        "demo_link_created",
        lambda on: on.call("post", "/endpoints/the-demo/links", name="new"),
    ),
    "DELETE /endpoints/{slug}/links/{pk}": (
        "demo_link_revoked",
        lambda on: on.call("delete", f"/endpoints/the-demo/links/{on.endpoint.links.get().pk}"),
    ),
    "DELETE /tokens/{token}": (
        "token_revoked",
        lambda on: on.call("delete", f"/tokens/{on.another_token()}"),
    ),
    "GET /me, wrong token": (
        "token_refused",
        lambda on: on.stranger.get("/api/v1/me", headers={"Authorization": "Bearer mq_wrong"}),
    ),
    "GET /me, revoked token": ("token_refused", lambda on: (on.token.revoke(), on.program.get("/api/v1/me"))),
    "PUT /budget, as a viewer": (
        "access_refused",
        lambda on: (
            on.viewer(),
            on.program.put("/api/v1/budget", {"amount": "1"}, content_type="application/json"),
        ),
    ),
}
SENSITIVE = re.compile(
    "login|logout|signup|sign_in|password|reauth|address|profile|token|key|link|member|role|invit|transfer|owner|session|"
    "factor|mfa|passkey|webauthn|totp|recovery|provider|budget|judge$|rate|price|retention|days|download|artifact|export|"
    "delete|remove|revoke|erase|deploy|endpoints/{slug}$|update_endpoint"
)
QUIET = {
    *("members", "invited", "GET /members", "GET /members/{pk}", "GET /invitations", "GET /tokens"),
    *("account_inactive", "account_confirm_login_code", "account_reset_password_done"),
    *("account_reset_password_from_key_done", "account_reauthenticate", "account_set_password"),
    *(
        "GET /endpoints/{slug}",
        "GET /endpoints/{slug}/keys",
        "GET /endpoints/{slug}/links",
        "GET /rates",
        "GET /budget",
        "GET /judge",
        "GET /retention",
        "GET /datasets/{pk}/retention",
    ),
    "rate_answer",  # thumbs of people, by which a judge is measured
    "remove_checkpoints",  # of runs that failed; what is kept of them is freed
}
"""Sound sensitive and are not: they show, or are never reached here."""
SECOND_FACTORS = re.compile(
    "mfa_|confirm_by_(code|passkey)|require_factor|(connect|disconnect)_provider|provider_sign_in|openid_|socialaccount_"
)
"""Their events are in tests/accounts/test_second_factors.py, where there is an app that knows the codes."""


@pytest.fixture
def stage(user: User, workspace: Workspace) -> Stage:
    cache.clear()
    user.set_password(PASSWORD)
    user.save()
    run = things.run(things.prototype(workspace))
    (run.artifact / "model").mkdir(parents=True)
    (run.artifact / "manifest.json").write_text("{}")
    made = Stage(user, workspace, run, things.endpoint(run))
    SecurityEvent.objects.all().delete()
    return made


@pytest.mark.parametrize("name", [*PAGES, *CALLS])
def test_an_act_leaves_its_event(name: str, stage: Stage) -> None:
    verbs, act = (PAGES | CALLS)[name]
    act(stage)
    events = list(SecurityEvent.objects.filter(is_copy=False).order_by("created_at"))
    assert [event.verb for event in events] == verbs.split()
    assert {(event.address, event.agent) for event in events} == {(ADDRESS, AGENT)}
    assert all(event.via == (f"token:{stage.token.pk}" if name in CALLS else "") for event in events) or "token" in name


def routes() -> Iterator[str]:
    """Names of pages, and methods with paths of the API's calls."""

    def walk(patterns: list[Any]) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                yield str(pattern.name or "")
            elif str(pattern.pattern) != "api/":
                yield from walk(pattern.url_patterns)

    yield from walk(get_resolver().url_patterns)
    for path, operations in site_api.get_openapi_schema()["paths"].items():
        yield from (f"{method.upper()} {path.removeprefix('/api/v1')}" for method in operations)


def test_every_sensitive_route_is_in_the_table() -> None:
    """A new one that sounds so needs an event and a line above, or a reason to be quiet."""
    known = {name.partition(",")[0] for name in [*PAGES, *CALLS]}
    sensitive = {route for route in routes() if SENSITIVE.search(route)}
    assert len(sensitive) > 40
    assert {route for route in sensitive - known - QUIET if not SECOND_FACTORS.match(route)} == set()
    assert {name for name in known if name not in set(routes())} == set()


def test_what_was_tried_is_never_kept(stage: Stage) -> None:
    secrets = ["hunter2-typed-here", "mq_" + "x" * 43, "sekrit-link-of-a-mail"]
    stage.signs_in(secrets[0])
    stage.stranger.post(reverse("account_login"), {"login": secrets[0] + "@x.example", "password": "p"})
    stage.stranger.get("/api/v1/me", headers={"Authorization": f"Bearer {secrets[1]}"})
    stage.stranger.get(reverse("sign_in_link", args=[secrets[2]]))
    rows = [[str(value) for value in row] for row in SecurityEvent.objects.values_list()]
    assert len(rows) >= 4
    assert not [value for row in rows for value in row for secret in secrets if secret in value]


def test_a_door_that_is_closed_to_strangers_is_no_event(stage: Stage) -> None:
    stage.private_demo()
    assert stage.stranger.get("/d/the-demo").status_code in (403, 404)
    assert stage.stranger.get("/api/v1/me").status_code == 401
    assert not SecurityEvent.objects.exists()


def test_a_refusal_stands_where_it_cannot_be_recorded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object, **_fields: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(SecurityEvent, "save", away)
    answer = stage.stranger.get("/api/v1/me", headers={"Authorization": "Bearer mq_wrong"})
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")


def test_a_revoked_token_is_told_to_its_workspace(stage: Stage) -> None:
    stage.token.revoke()
    stage.program.get("/api/v1/me")
    event = SecurityEvent.objects.get()
    assert (event.workspace, event.user, event.subject_id) == (stage.workspace, stage.user, stage.token.pk)


def test_with_mail_the_wish_and_the_change_are_two(stage: Stage, settings: Any) -> None:
    settings.MAIL_CONFIGURED = True
    stage.page("update_profile", email="new@example.org", password=PASSWORD, workspace="W")
    assert len(mail.outbox) == 1
    assert [event.verb for event in SecurityEvent.objects.filter(is_copy=False)] == ["email_change_requested"]


def test_a_refused_form_is_told_of_once(stage: Stage) -> None:
    browser = Client(enforce_csrf_checks=True, **FROM)
    browser.force_login(stage.user)
    assert browser.post(reverse("create_token"), {"name": "x"}).status_code == 403
    assert [event.verb for event in SecurityEvent.objects.filter(is_copy=False)] == ["form_refused"]
