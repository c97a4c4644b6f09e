"""The pages of removed models, and the list of unused ones."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests import things
from tests.trained_run import trained
from webapp.accounts.models import User, Workspace
from webapp.endpoints.models import EndpointVersion
from webapp.pages import removal
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

ClientOf = Callable[[User], Client]


@pytest.fixture
def prototype(workspace: Workspace) -> Prototype:
    return things.prototype(workspace)


@pytest.fixture
def run(prototype: Prototype) -> Run:
    return trained(prototype)


@pytest.fixture
def removed(run: Run, user: User) -> Run:
    removal.remove_model(run, user)
    run.refresh_from_db()
    return run


def in_every_language(browser: Client, path: str) -> str:
    """The page in English, after it answered in every language without a placeholder unfilled."""
    for code, _name in reversed(settings.LANGUAGES):
        answer = browser.get(path, headers={"Accept-Language": code})
        assert answer.status_code == 200, (code, path)
        page = answer.content.decode()
        assert "%(" not in page, (code, path)
    return browser.get(path, headers={"Accept-Language": "en"}).content.decode()


def test_the_page_of_a_run_without_its_model(run: Run, user: User, client_of: ClientOf) -> None:
    browser, path = client_of(user), reverse("run", args=[run.pk])
    parts = ('id="try"', reverse("deploy", args=[run.pk]), reverse("run_artifact", args=[run.pk]))
    page = browser.get(path).content.decode()
    assert all(part in page for part in parts)
    removal.remove_model(run, user)
    page = in_every_language(browser, path)
    assert not any(part in page for part in parts)
    assert "Its results stay." in page
    assert f"{reverse('train', args=[run.prototype_id])}?like={run.pk}" in page
    assert "90.0" in page, "its score"
    assert "predictions.parquet" in page
    assert "Model removed" in in_every_language(browser, reverse("runs", args=[run.prototype_id]))
    assert (
        "Permissions-Policy" not in browser.get(path) or "camera=(self)" not in browser.get(path)["Permissions-Policy"]
    )


def test_training_again_begins_with_the_same_settings(user: User, prototype: Prototype, client_of: ClientOf) -> None:
    run = things.run(
        prototype,
        method="full",
        model="local:tiny",
        params={"epochs": 7},
        limits={"cost": 1.5, "seconds": 90},
        seed=42,
    )
    path = reverse("train", args=[prototype.pk])
    page = client_of(user).get(f"{path}?like={run.pk}").content.decode()
    for name, value in (("param-epochs", "7"), ("seed", "42"), ("cap", "1.5"), ("minutes", "1.5")):
        assert f'name="{name}" value="{value}"' in page, name
    assert client_of(user).get(f"{path}?like=nothing").status_code == 200
    stranger = things.run(things.prototype(user.workspaces.get()), params={"epochs": 9})
    assert 'value="9"' not in client_of(user).get(f"{path}?like={stranger.pk}").content.decode(), "of another prototype"


def test_the_browser_offers_to_keep_the_results(run: Run, user: User, outsider: User, client_of: ClientOf) -> None:
    browser, path = client_of(user), reverse("remove_model", args=[run.pk])
    page = in_every_language(browser, reverse("delete_run", args=[run.pk]))
    assert path in page
    assert "Frees 8\u00a0KB." in page
    assert "Delete permanently" in page
    assert client_of(outsider).post(path).status_code == 404
    answer = browser.post(path)
    assert answer["Location"] == reverse("run", args=[run.pk])
    assert "Model removed, 8\u00a0KB freed." in browser.get(answer["Location"]).content.decode()
    page = in_every_language(browser, reverse("delete_run", args=[run.pk]))
    assert path not in page
    assert "Delete permanently" in page


def test_the_browser_says_why_a_model_must_stay(run: Run, user: User, client_of: ClientOf) -> None:
    things.endpoint(run)
    page = in_every_language(client_of(user), reverse("delete_run", args=[run.pk]))
    assert "The demo “demo” uses this run." in page
    assert "Remove the model</button>" not in page
    answer = client_of(user).post(reverse("remove_model", args=[run.pk]))
    assert answer.status_code == 409
    assert "The demo “demo” uses this run." in answer.content.decode()


@pytest.fixture
def runs(prototype: Prototype) -> dict[str, Run]:
    """What a prototype gathers: the best on validation rows and on test rows, what the demo serves and served, what is built
    on, the best that one column decides or that answers another question, the rest."""
    made = {
        name: trained(prototype, number, validated=score)
        for number, (name, score) in enumerate(
            {"plain": 0.5, "best": 0.9, "served": 0.6, "before": 0.6, "base": 0.6, "gone": 0.95, "other": 0.4}.items(),
            1,
        )
    }
    made["tested"] = trained(prototype, 10, validated=0.5)
    Run.objects.filter(pk=made["tested"].pk).update(rank=0.97, headline=things.HEADLINE | {"value": 0.97})
    made["leaking"] = trained(prototype, 11, validated=1.0, has_leak=True)
    made["apart"] = trained(prototype, 0, validated=1.0, answer="other column")
    endpoint = things.endpoint(made["served"])
    EndpointVersion.objects.create(workspace=prototype.workspace, endpoint=endpoint, run=made["before"], number=2)
    removal.remove_model(made["gone"], None)
    things.run(prototype, 8, status="queued", model=f"artifact:{made['base'].pk}")
    things.run(prototype, 9, status="failed", headline=None)
    return made


def test_unused_models_are_listed(prototype: Prototype, runs: dict[str, Run], user: User, client_of: ClientOf) -> None:
    listed = {one.run.pk: one for one in removal.unused_models(prototype)}
    assert set(listed) == {runs[name].pk for name in ("plain", "before", "other", "leaking", "apart")}
    assert listed[runs["before"].pk].was_served
    assert {one.size for one in listed.values()} == {7523}
    browser, path = client_of(user), reverse("unused_models", args=[prototype.pk])
    assert path in in_every_language(browser, reverse("prototype_settings", args=[prototype.pk]))
    page = in_every_language(browser, path)
    for name, ticked in (("plain", True), ("other", True), ("before", False)):
        assert f'value="{runs[name].pk}"{" checked" if ticked else ""}>' in page, name
    assert "An earlier version of the demo" in page


def test_unused_models_are_removed(
    prototype: Prototype, runs: dict[str, Run], user: User, outsider: User, client_of: ClientOf
) -> None:
    browser, path = client_of(user), reverse("unused_models", args=[prototype.pk])
    foreign = trained(things.prototype(outsider.workspaces.get()))
    chosen = [runs["plain"].pk, runs["served"].pk, foreign.pk]
    assert client_of(outsider).get(path).status_code == 404
    assert client_of(outsider).post(path, {"run": chosen}).status_code == 404
    answer = browser.post(path, {"run": chosen})
    page = browser.get(answer["Location"]).content.decode()
    assert "1 model removed, 8\u00a0KB freed." in page
    assert "Run 3: The demo “demo” uses this run." in page
    have = {one.pk for one in Run.objects.with_model()}
    assert have == {one.pk for name, one in runs.items() if name not in ("plain", "gone")} | {foreign.pk}


def test_no_selection_is_refused_on_the_page(
    prototype: Prototype, runs: dict[str, Run], user: User, client_of: ClientOf
) -> None:
    answer = client_of(user).post(reverse("unused_models", args=[prototype.pk]))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "No run was selected." in page
    assert f'value="{runs["plain"].pk}">' in page, "unticked, as it was sent"


def test_nothing_to_remove(run: Run, user: User, client_of: ClientOf) -> None:
    page = in_every_language(client_of(user), reverse("unused_models", args=[run.prototype_id]))
    assert "No unused models." in page
