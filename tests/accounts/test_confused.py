"""One's own objects in the address, another tenant's in the query, in the form or in the body: nothing of theirs is seen,
used or changed."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.accounts.test_tenants import SECRET, World, ask, signed_in, text_of, world
from webapp.accounts.actions import create_token

__all__ = ["world"]  # a fixture

PAGES: dict[str, tuple[str, ...]] = {
    "compare": ("run=OWN_RUN&run=RUN",),
    "share": ("run=RUN", "version=ENDPOINT_VERSION"),
    "train": ("like=RUN", "version=VERSION", "model=artifact:RUN"),
    "search_settings": ("model=artifact:RUN", "version=VERSION"),
    "net": ("model=artifact:RUN",),
    "estimate": ("model=artifact:RUN",),
    "data": ("version=VERSION",),
    "diff": ("before=VERSION&after=VERSION",),
    "label": ("cards=1&without=RUN",),
    "security_log": ("user=OWNER",),
    "costs": ("prototype=PROTOTYPE",),
}
"""What a page of one's own is asked for."""
FORMS: dict[str, dict[str, Any]] = {
    "deploy": {"instead_of": "ENDPOINT_VERSION", "examples_of": "RUN", "examples": "0", "run": "RUN"},
    "choose_examples": {"examples_of": "RUN", "examples": "0"},
    "update_endpoint": {"slug": "SLUG"},
    "promote": {"instead_of": "ENDPOINT_VERSION"},
    "train": {"model": "artifact:RUN", "method": "full", "task": "text-classification"},
    "search_settings": {"model": "artifact:RUN", "method": "full", "task": "text-classification"},
    "estimate": {"model": "artifact:RUN", "method": "full", "task": "text-classification"},
    "change_rows": {"version": "VERSION", "row": "1", "action": "drop"},
    "label": {"version": "VERSION", "row": "1", "value": "x"},
    "label_alike": {"version": "VERSION", "row": "1", "value": "x"},
    "undo_label": {"version": "VERSION"},
    "finish_labels": {"version": "VERSION"},
    "finish_and_train": {},
    "label_rules": {"action": "rename", "label": "a", "name": "x"},
    "add_source": {"address": "https://example.com/rows.csv", "every": "daily"},
    "change_source": {"action": "remove", "source": "DATASET"},
    "rate_answer": {"thumb": "up", "row": "1", "side": "base", "run": "RUN"},
    "judge_settings": {
        "url": "https://judge.example/v1",
        "model": "x",
        "price_read": "1",
        "price_written": "1",
        "cap": "1",
    },
    "judging": {"cap": "1", "consent": "1", "run": "RUN"},
    "label_guests": {"action": "invite", "name": "x", "days": "1", "share": "1"},
    "golden_set": {"rows": "1", "run": "RUN"},
    "new_prototype": {"dataset": "DATASET", "prototype": "PROTOTYPE", "upload": "UPLOAD"},
    "replace_data": {"upload": "UPLOAD"},
    "switch_workspace": {"workspace": "WORKSPACE"},
}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("GET /compare?runs=OWN_RUN,RUN", {}),
    ("GET /compare?runs=RUN,OWN_RUN", {}),
    ("GET /runs?prototype=PROTOTYPE", {}),
    ("GET /searches?prototype=PROTOTYPE", {}),
    ("GET /datasets?cursor=DATASET", {}),
    *(
        (f"POST /{kind}", {"dataset": "OWN_DATASET"} | fields)
        for kind in ("runs", "searches", "estimates")
        for fields in (
            {"prototype": "PROTOTYPE"},
            {"dataset": "DATASET"},
            {"model": "artifact:RUN"},
            {"model": "local:../runs/RUN/artifact/model"},
            {"params": {"text_model": "artifact:RUN"}},
        )
        if kind != "estimates" or "prototype" not in fields  # which an estimate does not look at
    ),
    ("POST /datasets", {"upload": "UPLOAD"}),
    ("POST /datasets", {"upload": ["UPLOAD"]}),
    ("POST /endpoints", {"run": "RUN"}),
    ("POST /endpoints", {"run": "OWN_RUN", "slug": "SLUG"}),
    ("PATCH /endpoints/OWN_SLUG", {"run": "RUN"}),
    ("PATCH /endpoints/OWN_SLUG", {"slug": "SLUG"}),
    ("DELETE /endpoints/OWN_SLUG/keys/KEY", {}),
    ("DELETE /endpoints/OWN_SLUG/links/LINK", {}),
    ("DELETE /tokens/TOKEN", {}),
    ("DELETE /invitations/INVITATION", {}),
    ("PATCH /members/MEMBER", {"role": "viewer"}),
    ("DELETE /members/MEMBER", {}),
    ("POST /datasets/OWN_DATASET/labels", {"labels": [{"row": 1, "value": "x"}], "dataset": "DATASET"}),
]


@pytest.fixture
def own(world: World) -> World:
    return World("eve")


def filled(value: Any, world: World, own: World) -> Any:
    """With ids in the place of their names in capitals."""
    if isinstance(value, dict):
        return {name: filled(each, world, own) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, world, own) for each in value]
    if not isinstance(value, str):
        return value
    ids = {f"OWN_{name.upper()}": pk for name, pk in own.ids.items()}
    ids |= {name.upper(): pk for name, pk in world.ids.items()} | {
        "WORKSPACE": world.workspace.pk,
        "OWNER": world.owner.pk,
    }
    for name in sorted(ids, key=len, reverse=True):
        value = value.replace(name, str(ids[name]))
    return value


def leaks(answer: Any, world: World) -> bool:
    """Whether it holds a name of the victim's; the address of their demo is what was asked for."""
    return SECRET in text_of(answer).replace(world.ids["slug"], "")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_one_s_own_shows_nothing_of_another_s(name: str, world: World, own: World) -> None:
    before = world.snapshot()
    for query in PAGES[name]:
        answer = signed_in(own.owner).get(f"{own.page_address(name)}?{filled(query, world, own)}")
        assert answer.status_code in (200, 404, 422), query
        assert not leaks(answer, world), query
    assert world.snapshot() == before


@pytest.mark.parametrize("name", FORMS)
def test_a_form_of_one_s_own_uses_nothing_of_another_s(name: str, world: World, own: World) -> None:
    before, client = world.snapshot(), signed_in(own.owner)
    address = reverse("switch_workspace") if name == "switch_workspace" else own.page_address(name)
    answer = client.post(address, filled(FORMS[name], world, own))
    assert answer.status_code < 500
    assert not leaks(answer, world)
    assert world.snapshot() == before
    for page in ("home", "models", "costs", "storage"):
        assert SECRET not in text_of(client.get(reverse(page))), page


@pytest.mark.parametrize(("call", "body"), CALLS, ids=[f"{call} {body}" for call, body in CALLS])
def test_a_call_on_one_s_own_takes_nothing_of_another_s(
    call: str, body: dict[str, Any], world: World, own: World
) -> None:
    before = world.snapshot()
    headers = {"Authorization": f"Bearer {create_token(own.owner, own.workspace)[1]}"}
    method, path = filled(call, world, own).split()
    answer = ask(Client(), method, f"/api/v1{path}", filled(body, world, own), headers)
    assert answer.status_code in ((200, 404, 409, 422) if method == "GET" else (404, 409, 422)), answer.content
    if method == "GET" and answer.status_code == 200:
        assert answer.json()["items"] == []
    assert not leaks(answer, world)
    assert world.snapshot() == before
