"""The table of rights, and what pages and the API take from it."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests import things
from tests.documented import ROOT
from webapp.accounts.actions import create_token
from webapp.accounts.models import ApiToken, Membership, Role, User, Workspace
from webapp.accounts.rights import RIGHTS, Right
from webapp.costs.models import Budget

ClientOf = Callable[[User], Client]
Join = Callable[[Role], User]


@pytest.fixture
def join(workspace: Workspace) -> Join:
    def joined(role: Role) -> User:
        user = User.objects.create_user(f"{role}@example.org")
        Membership.objects.create(workspace=workspace, user=user, role=role)
        return user

    return joined


def test_the_documented_table_is_the_one_of_the_code() -> None:
    rows = [
        [cell.strip() for cell in line.strip("| \n").split("|")]
        for line in (ROOT / "docs/people.md").read_text("utf-8").splitlines()
        if line.startswith("|") and not line.startswith("|---")
    ]
    header, table = rows[0], {row[0].strip("`"): row[1:] for row in rows[1:]}
    assert [title.lower() for title in header[2:]] == list(RIGHTS)
    with translation.override("en"):
        assert {right: str(right.label) for right in Right} == {name: row[0] for name, row in table.items()}
    assert {
        role: {Right(name) for name, row in table.items() if row[number + 1] == "✓"}
        for number, role in enumerate(RIGHTS)
    } == RIGHTS


def bearer(user: User, workspace: Workspace) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_token(user, workspace)[1]}"}


def test_each_role_may_what_the_one_below_it_may_and_more() -> None:
    assert list(RIGHTS) == list(Role)
    assert RIGHTS[Role.OWNER] == set(Right)
    roles = list(Role)
    for role, below in itertools.pairwise(roles):
        assert RIGHTS[role] > RIGHTS[below]
    assert RIGHTS[Role.VIEWER] == {Right.VIEW}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("right", Right)
def test_a_scope_takes_away_and_never_adds(role: Role, right: Right) -> None:
    member = Membership(role=role)
    assert member.can(right) == (right in RIGHTS[role])
    member.scope = frozenset({Right.VIEW})
    assert member.can(right) == (right == Right.VIEW)
    assert not Membership(role="nobody").can(right)


@pytest.mark.parametrize("role", Role)
def test_budget_and_prices_are_for_admins(role: Role, workspace: Workspace, join: Join, client_of: ClientOf) -> None:
    user, may = join(role), Right.ADMINISTER in RIGHTS[role]
    answer = client_of(user).post(reverse("set_budget"), {"amount": "7"})
    assert answer.status_code == (302 if may else 403)
    assert (Budget.objects.get(workspace=workspace).amount == 7) == may
    for path, body in (("budget", {"amount": "8"}), ("rates/cpu", {"price_per_hour": "0.5"})):
        answer = Client().put(
            f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=bearer(user, workspace)
        )
        assert answer.status_code == (200 if may else 403), answer.content
    page = client_of(user).get(reverse("costs")).content.decode()
    assert (reverse("set_budget") in page) == may


@pytest.mark.parametrize("role", Role)
def test_labels_are_corrected_by_labellers_and_rows_left_out_by_editors(
    role: Role, workspace: Workspace, join: Join, client_of: ClientOf
) -> None:
    prototype = things.prototype(workspace)
    version = prototype.dataset.current
    user, headers = join(role), None
    headers = bearer(user, workspace)
    browser, path = client_of(user), reverse("change_rows", args=[prototype.pk])
    labels, edits = Right.LABEL in RIGHTS[role], Right.EDIT in RIGHTS[role]
    api = f"/api/v1/datasets/{prototype.dataset_id}/versions"

    def send(body: dict[str, Any]) -> int:
        return Client().post(api, json.dumps(body), content_type="application/json", headers=headers).status_code

    column = version.label_column
    other = next(one["name"] for one in version.columns if one["name"] != column)
    cell = {"row": 1, "column": column, "value": "refund"}
    if not edits:
        assert browser.post(path, {"version": version.pk, "row": "1", "action": "drop"}).status_code == 403
        for body in (
            {"changes": {"drop": [1]}},
            {"changes": {"set": [cell], "drop": [2]}},
            {"changes": {"set": [cell | {"column": other}]}},
            {"changes": {"set": [cell]}, "task": "text-regression"},
            {"fix": "drop_duplicates"},
            {},
        ):
            assert send(body) == 403, body
        assert prototype.dataset.versions.count() == 1
    fields = {"version": version.pk, "row": "1", "action": "label", "value": "refund"}
    assert browser.post(path, fields).status_code == (302 if labels else 403)
    assert prototype.dataset.versions.count() == 1 + labels
    if labels:
        prototype.dataset.versions.exclude(pk=version.pk).delete()
    assert send({"changes": {"set": [cell]}}) == (201 if labels else 403)


def test_own_tokens_are_for_everyone_and_those_of_others_for_admins(
    workspace: Workspace, join: Join, client_of: ClientOf
) -> None:
    viewer, admin = join(Role.VIEWER), join(Role.ADMIN)
    client_of(viewer).post(reverse("create_token"), {"name": "mine"})
    own = ApiToken.objects.get(user=viewer)
    theirs, _secret = create_token(admin, workspace)
    assert client_of(viewer).post(reverse("revoke_token", args=[theirs.pk])).status_code == 403
    assert client_of(viewer).post(reverse("revoke_token", args=[own.pk])).status_code == 302
    again, _secret = create_token(viewer, workspace)
    assert client_of(admin).post(reverse("revoke_token", args=[again.pk])).status_code == 302
    assert set(ApiToken.objects.filter(revoked_at=None)) == {theirs}
