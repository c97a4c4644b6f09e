"""Every route, asked by everybody whom it is not for: nothing is seen, nothing is changed. And each role does what its rights say.

The routes stand in tests/accounts/routes.py; one that is missing there fails here.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from tests.accounts import routes
from webapp.accounts import people
from webapp.accounts.actions import create_token, ensure_user
from webapp.accounts.models import ApiToken, Membership, Role, User, Workspace
from webapp.accounts.rights import RIGHTS, RIGHTS_OF_SCOPE, Right, Scope
from webapp.core import leased
from webapp.core.files import files_below
from webapp.core.models import WorkspaceOwned
from webapp.costs.models import Budget, Rate
from webapp.datasets.models import Upload
from webapp.endpoints.models import Visibility
from webapp.runs.models import Run

METHODS = ("GET", "POST", "DELETE")
"""Of pages, which know reading, forms and nothing else."""
API_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SECRET = "zanzibar"
"""Stands in every name of the victim's: no stranger's answer holds it."""
AWAY = ("/accounts/", "/confirm", "/settings")
"""Where somebody who is not signed in is sent: to sign in, at last."""
WITH_NUMBER = ("end_session", "mfa_edit_webauthn", "mfa_remove_webauthn")
GARBAGE = "mq_" + "x" * 43
NOISE = {"securityevent", "auditevent", "idempotentanswer"}
"""Rows that say what was tried."""


class World:
    """A workspace with one of everything."""

    def __init__(self, secret: str = SECRET) -> None:
        """`secret` stands in every name."""
        self.owner, self.workspace = ensure_user(f"{secret}@example.org")
        Workspace.objects.filter(pk=self.workspace.pk).update(name=f"{secret} works")
        prototype = things.prototype(self.workspace, summary=secret)
        type(prototype).objects.filter(pk=prototype.pk).update(name=secret)
        run = things.run(prototype)
        search = things.search(prototype)
        things.write_events(run, {"type": "log", "t": "2026-01-01T00:00:00Z", "message": secret})
        endpoint = things.endpoint(run, slug=f"{secret}-demo", visibility=Visibility.PRIVATE)
        member = Membership.objects.create(
            workspace=self.workspace, user=User.objects.create_user(f"{secret}2@example.org"), role=Role.EDITOR
        )
        owner = self.workspace.memberships.get(user=self.owner)
        upload = Upload.objects.create(
            workspace=self.workspace, name=secret, length=9, expires_at=timezone.now() + timedelta(days=1)
        )
        self.ids: dict[str, Any] = {
            "prototype": prototype.pk,
            "run": run.pk,
            "search": search.pk,
            "dataset": prototype.dataset_id,
            "version": prototype.dataset.versions.get(number=1).pk,
            "endpoint": endpoint.pk,
            "key": endpoint.keys.get().pk,
            "link": endpoint.links.get().pk,
            "endpoint_version": endpoint.versions.get().pk,
            "rate": Rate.objects.filter(workspace=self.workspace)[0].pk,
            "token": create_token(self.owner, self.workspace, secret)[0].pk,
            "member": member.pk,
            "invitation": people.invite(owner, f"{secret}3@example.org", Role.EDITOR)[0].pk,
            "upload": upload.pk,
            "slug": endpoint.slug,
        }

    def snapshot(self) -> dict[str, Any]:
        """Every row of the workspace and of its people, and every file of its runs and data."""
        owned = [model for model in apps.get_models() if issubclass(model, WorkspaceOwned)]
        rows: dict[str, Any] = {
            str(model._meta.model_name): list(
                model._base_manager.filter(workspace=self.workspace).order_by("pk").values()
            )
            for model in owned
            if model._meta.model_name not in NOISE
        }
        rows["workspace"] = Workspace.objects.filter(pk=self.workspace.pk).values().get()
        rows["budget"] = list(Budget.objects.filter(workspace=self.workspace).values())
        rows["memberships"] = list(Membership.objects.filter(workspace=self.workspace).order_by("pk").values())
        people_here = User.objects.filter(memberships__workspace=self.workspace).order_by("pk")
        rows["users"] = list(people_here.values("pk", "email", "password", "is_active", "name"))
        run = Run.objects.get(pk=self.ids["run"])
        rows["files"] = [str(path) for folder in (run.folder, run.version.folder) for path, _ in files_below(folder)]
        return rows

    def page_address(self, name: str) -> str:
        page = routes.PAGES.get(name)
        if page is not None:
            return reverse(name, args=[self.ids[page.of], *page.more] if page.of else [])
        return "/accounts/email/" if name.startswith("None") else reverse(name, args=[1] if name in WITH_NUMBER else [])

    def api_address(self, path: str) -> str:
        kinds = {
            "datasets": "dataset",
            "prototypes": "prototype",
            "runs": "run",
            "members": "member",
            "searches": "search",
        }
        nested = {"keys": "key", "links": "link", "invitations": "invitation"}
        parts: list[str] = []
        for part in path.strip("/").split("/"):
            before = parts[-1] if parts else ""
            fixed = {
                "{number}": "1",
                "{hardware}": "cpu",
                "{slug}": self.ids["slug"],
                "{token}": self.ids["token"],
                "{rule}": "none",
                "{source}": "none",
                "{guest}": "none",
                "{kind}": "gguf-q8_0",
            }
            if part == "{pk}":
                part = str(self.ids[(kinds | nested)[before]])
            parts.append(fixed.get(part, part))
        query = "?before=1&after=1" if path.endswith("/diff") else ""
        return f"/api/v1/{'/'.join(parts)}{query}"

    def body(self, path: str) -> dict[str, Any]:
        """What a call would take, naming the victim's objects where it names any."""
        bodies: dict[str, dict[str, Any]] = {
            "/datasets": {"upload": self.ids["upload"], "name": "x"},
            "/datasets/{pk}/versions": {"changes": {"drop": [1]}},
            "/datasets/{pk}/labels": {"labels": [{"row": 1, "value": "taken"}]},
            "/datasets/{pk}/rules": {"pattern": "taken", "label": "taken"},
            "/datasets/{pk}/sources": {"address": "https://example.com/rows.csv"},
            "/datasets/{pk}/labels/rename": {"labels": ["a"], "name": "taken"},
            "/estimates": {"dataset": self.ids["dataset"]},
            "/runs": {"dataset": self.ids["dataset"], "prototype": self.ids["prototype"]},
            "/searches": {"dataset": self.ids["dataset"], "prototype": self.ids["prototype"]},
            "/endpoints": {"run": self.ids["run"]},
            "/endpoints/{slug}": {"name": "taken"},
            "/endpoints/{slug}/keys": {"name": "taken"},
            "/endpoints/{slug}/links": {"name": "taken"},
            "/endpoints/{slug}/feedback": {"input": "x", "verdict": "up"},
            "/prototypes/{pk}": {"name": "taken"},
            "/prototypes/{pk}/guests": {"name": "taken", "days": 1},
            "/prototypes/{pk}/guests/notes": {"label": "a", "words": "taken"},
            "/prototypes/{pk}/golden": {"items": [{"input": "x", "answer": "taken"}]},
            "/judge": {"url": "https://judge.example/v1", "model": "taken", "price_read": "1", "price_written": "1"},
            "/runs/{pk}/thumbs": {"thumbs": [{"row": 1, "side": "base", "thumb": "up"}]},
            "/runs/{pk}/judging": {"consent": True},
            "/members/{pk}": {"role": "viewer"},
            "/invitations": {"email": "taken@example.org"},
            "/workspace": {"name": "mine"},
            "/budget": {"amount": "1"},
            "/rates/{hardware}": {"price_per_hour": "1"},
        }
        return bodies.get(path, {})

    def form(self) -> dict[str, Any]:
        """Fields of all forms, naming the victim's objects where they name any."""
        return {
            "name": "taken",
            "amount": "1",
            "price": "1",
            "days": "1",
            "email": "taken@example.org",
            "role": "viewer",
            "action": "drop",
            "row": "1",
            "version": self.ids["version"],
            "run": self.ids["run"],
            "upload": self.ids["upload"],
            "workspace": self.workspace.pk,
            "data": "1",
        }


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(leased, "enqueue", lambda *_args, **_options: True)
    cache.clear()
    yield World()
    cache.clear()


# The table


def test_every_route_is_in_the_table() -> None:
    known = {*routes.PAGES, *routes.OWN_PAGES, *routes.OPEN, *routes.UPLOADS}
    assert set(routes.site_routes()) == known
    assert set(routes.api_calls()) == set(routes.API)


# Strangers


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def other_session(_world: World) -> Client:
    return signed_in(ensure_user("eve@example.org")[0])


def former_session(world: World) -> Client:
    eve = ensure_user("eve@example.org")[0]
    member = Membership.objects.create(workspace=world.workspace, user=eve, role=Role.OWNER)
    client = signed_in(eve)
    client.post(reverse("switch_workspace"), {"workspace": world.workspace.pk})
    people.leave(member)
    return client


def deactivated_session(world: World) -> Client:
    eve = User.objects.create_user("eve@example.org")
    member = Membership.objects.create(workspace=world.workspace, user=eve, role=Role.OWNER)
    client = signed_in(eve)
    User.objects.filter(pk=eve.pk).update(is_active=False)
    member.delete()
    return client


SESSIONS: dict[str, Callable[[World], Client]] = {
    "nobody": lambda _world: Client(),
    "other": other_session,
    "former": former_session,
    "deactivated": deactivated_session,
}
NOT_SIGNED_IN = {"nobody", "deactivated"}


def text_of(answer: Any) -> str:
    try:
        return "" if answer.streaming else answer.content.decode(errors="replace")
    finally:
        answer.close()


@pytest.mark.parametrize("who", SESSIONS)
def test_no_session_of_a_stranger_gets_anywhere(who: str, world: World) -> None:
    client, violations = SESSIONS[who](world), []
    before = world.snapshot()
    names = [*sorted(set(routes.PAGES) - routes.RUN_STREAM), *sorted(routes.OWN_PAGES)]
    for name in names:
        page, address = routes.PAGES.get(name), world.page_address(name)
        for method in METHODS:
            sent = {"data": world.form()} if method == "POST" else {}
            answer = getattr(client, method.lower())(address, **sent)
            status, leaks = answer.status_code, SECRET in text_of(answer).replace(address, "")
            if who in NOT_SIGNED_IN:
                is_fine = status in (403, 404, 405) or (status == 302 and answer["Location"].startswith(AWAY))
            elif page is not None and page.of:
                is_fine = status in (404, 405) or (status == 302 and answer["Location"].startswith("/confirm"))
            else:
                is_fine = status < 500
            if leaks or not is_fine:
                violations.append(
                    f"{method} {address}: {status}{' leaks' if leaks else ''} {answer.headers.get('Location', '')}"
                )
    if who not in NOT_SIGNED_IN:
        client.force_login(User.objects.get(email__in=["eve@example.org", "taken@example.org"]))
        for name in routes.RUN_STREAM:
            assert client.get(reverse("settings")).status_code == 200, name
    assert violations == [], "\n".join(violations[:20])
    assert world.snapshot() == before


@pytest.mark.parametrize("way", ["session", "token", "nobody"])
def test_another_tenant_s_calls_find_nothing(way: str, world: World) -> None:
    eve, theirs = ensure_user("eve@example.org")
    client = signed_in(eve) if way == "session" else Client()
    headers = {"Authorization": f"Bearer {create_token(eve, theirs)[1]}"} if way == "token" else {}
    violations = []
    before = world.snapshot()
    for call in routes.API:
        _method, path = call.split()
        address = world.api_address(path)
        for method in API_METHODS:
            answer = ask(client, method, address, world.body(path), headers)
            status, leaks = answer.status_code, SECRET in text_of(answer).replace(world.ids["slug"], "")
            names_object = "{" in path and path != "/rates/{hardware}"
            body_names_object = method == "POST" and path in ("/estimates", "/runs", "/endpoints")
            if way == "nobody" or (way == "session" and method != "GET"):
                is_fine = status in (401, 405)
            elif names_object or body_names_object:
                is_fine = status in (404, 405, 422)
            else:
                is_fine = status < 500
            if leaks or not is_fine:
                violations.append(f"{method} {address}: {status}{' leaks' if leaks else ''}")
    assert violations == [], "\n".join(violations[:20])
    assert world.snapshot() == before


def ask(client: Client, method: str, address: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    if method in ("GET", "HEAD", "OPTIONS"):
        return getattr(client, method.lower())(address, headers=headers)
    return client.generic(method, address, json.dumps(body), content_type="application/json", headers=headers)


@pytest.mark.parametrize("token", ["garbage", "empty", "revoked", "expired", "former", "deactivated", "basic"])
def test_no_token_that_ended_opens_a_call(token: str, world: World) -> None:
    mallory = User.objects.create_user("mallory@example.org")
    member = Membership.objects.create(workspace=world.workspace, user=mallory, role=Role.OWNER)
    row, secret = create_token(mallory, world.workspace)
    if token == "revoked":
        row.revoke()
    elif token == "expired":
        ApiToken.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    elif token == "former":
        Membership.objects.filter(pk=member.pk).delete()
    elif token == "deactivated":
        User.objects.filter(pk=mallory.pk).update(is_active=False)
    header = {"garbage": f"Bearer {GARBAGE}", "empty": "Bearer ", "basic": f"Basic {secret}"}.get(
        token, f"Bearer {secret}"
    )
    before = world.snapshot()
    calls = [(call.split()[0], world.api_address(call.split()[1]), world.body(call.split()[1])) for call in routes.API]
    calls += [(method, f"/uploads/{world.ids['upload']}", {}) for method in ("HEAD", "PATCH", "DELETE")]
    answered = {
        f"{method} {address}": ask(
            Client(), method, address, body, {"Authorization": header, "Tus-Resumable": "1.0.0"}
        ).status_code
        for method, address, body in calls
    }
    uploads = (401, 403) if token == "basic" else (401,)
    assert {
        call: status for call, status in answered.items() if status not in (uploads if "/uploads" in call else (401,))
    } == {}
    assert world.snapshot() == before


def test_another_tenant_s_upload_is_not_there(world: World) -> None:
    eve, theirs = ensure_user("eve@example.org")
    headers = {"Authorization": f"Bearer {create_token(eve, theirs)[1]}", "Tus-Resumable": "1.0.0"}
    before, address = world.snapshot(), f"/uploads/{world.ids['upload']}"
    for method in ("HEAD", "PATCH", "DELETE"):
        more = {"Upload-Offset": "0"} if method == "PATCH" else {}
        answer = Client().generic(
            method, address, b"x", content_type="application/offset+octet-stream", headers=headers | more
        )
        assert answer.status_code == 404, method
        assert signed_in(eve).generic(method, address, headers={"Tus-Resumable": "1.0.0"}).status_code in (403, 404)
    assert world.snapshot() == before


def test_a_private_demo_is_there_for_nobody_else(world: World) -> None:
    before = world.snapshot()
    for client in (Client(), other_session(world)):
        for path in ("", "/examples/0", "/feedback"):
            for method in METHODS:
                answer = client.generic(method, f"/d/{world.ids['slug']}{path}")
                assert answer.status_code in (404, 405), (method, path)
                assert "works" not in text_of(answer)
    assert world.snapshot() == before


# The victim's own browser, sent by somebody else's page


def test_no_form_without_its_csrf_token_is_taken(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.owner)
    before, taken = world.snapshot(), []
    names = [name for name in (*routes.PAGES, *routes.OWN_PAGES) if not name.startswith("None")]
    for name in sorted(set(names) - routes.RUN_STREAM):
        status = client.post(world.page_address(name), world.form()).status_code
        if status != 403 and name not in ("account_reauthenticate", "account_email"):
            taken.append(f"{name}: {status}")
    assert client.post("/uploads/", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "1"}).status_code == 403
    for call in routes.API:
        method, path = call.split()
        if method != "GET" and ask(client, method, world.api_address(path), world.body(path), {}).status_code != 401:
            taken.append(call)
    assert taken == []
    assert world.snapshot() == before


# Roles


def outcome(send: Callable[[], Any]) -> int:
    """The status; what was done is undone."""
    with transaction.atomic():
        answer = send()
        text_of(answer)
        transaction.set_rollback(True)
    return int(answer.status_code)


@pytest.mark.parametrize("role", Role)
def test_each_role_does_what_its_rights_say_by_session(role: Role, world: World) -> None:
    user = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=world.workspace, user=user, role=role)
    client, wrong = signed_in(user), []
    for name, page in routes.PAGES.items():
        if name in routes.RUN_STREAM:
            continue
        address = world.page_address(name)
        for method, right in (("GET", page.read), ("POST", page.change)):
            if right is None:
                continue
            status = outcome(lambda method=method, address=address: getattr(client, method.lower())(address))  # type: ignore[misc]
            if (status == 403) == (right in RIGHTS[role]) or status in (401, 500):
                wrong.append(f"{method} {name}: {status}, needs {right}")
    assert wrong == []


ONE_CALL_OF_EACH = {call: right for right, call in {right: call for call, right in routes.API.items()}.items()}
"""The last call of the table that needs each right."""


def first_of_each_set_of_rights() -> dict[frozenset[Right], tuple[Role, Scope]]:
    found: dict[frozenset[Right], tuple[Role, Scope]] = {}
    for role, scope in product(Role, Scope):
        found.setdefault(RIGHTS[role] & RIGHTS_OF_SCOPE[scope], (role, scope))
    return found


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("role", Role)
def test_each_role_does_what_its_rights_say_by_token(role: Role, scope: Scope, world: World) -> None:
    """Every call by one token of each set of rights, one call of each right by the others; what a call did is undone before
    the next."""
    user = User.objects.create_user("vic@example.org")
    member = Membership.objects.create(workspace=world.workspace, user=user, role=role)
    secret = create_token(user, world.workspace, "x", scope=scope)[1]
    rights = RIGHTS[role] & RIGHTS_OF_SCOPE[scope]
    is_first = first_of_each_set_of_rights()[rights] == (role, scope)
    calls = routes.API if is_first else ONE_CALL_OF_EACH
    wrong = list(wrongly_answered(world, {"Authorization": f"Bearer {secret}"}, rights, calls))
    assert wrong == []
    assert Membership.objects.get(pk=member.pk).role == role


def wrongly_answered(
    world: World, headers: dict[str, str], rights: frozenset[Right], calls: dict[str, Right]
) -> Iterator[str]:
    """Calls that a token with these rights gets another answer to than it should."""
    assert Right.OWN not in rights
    for call, right in calls.items():
        method, path = call.split()
        address = world.api_address(path)
        status = outcome(lambda method=method, address=address: ask(Client(), method, address, {}, headers))  # type: ignore[misc]
        if (status == 403) == (right in rights) or status in (401, 500):
            yield f"{call}: {status}, needs {right}"
    upload = {"Tus-Resumable": "1.0.0", "Upload-Length": "1"} | headers
    status = outcome(lambda: Client().post("/uploads/", headers=upload))
    if (status == 201) != (Right.EDIT in rights):
        yield f"POST /uploads/: {status}"
