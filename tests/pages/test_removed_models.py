"""A run's model is removed to free space: its results stay, and everything that needs the model says so."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from tests.trained_run import MODEL, RESULTS, trained
from webapp.accounts.models import AuditEvent, Membership, Role, User, Workspace
from webapp.core.locks import only_one
from webapp.core.problems import Conflict
from webapp.endpoints import actions, sample
from webapp.endpoints.models import Endpoint, EndpointVersion
from webapp.endpoints.packaging import Packaging
from webapp.pages import removal
from webapp.prototypes.models import Prototype
from webapp.runs import actions as run_actions
from webapp.runs import artifacts, base_models, retraining, storage, upkeep
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


def address(run: Run) -> str:
    return f"/api/v1/runs/{run.pk}/artifact"


# Removing


def test_the_model_goes_and_the_results_stay(run: Run, user: User, outsider: User, api_of: ClientOf) -> None:
    before = artifacts.report(run)
    assert api_of(outsider).delete(address(run)).status_code == 404
    assert api_of(user).delete(address(run)).status_code == 204
    assert not any((run.folder / name).exists() for name in (*MODEL, "checkpoints"))
    assert all((run.folder / name).exists() for name in RESULTS)
    run.refresh_from_db()
    assert 0 < run.bytes < 1000, "it is measured again"
    assert artifacts.report(run) == before
    told = api_of(user).get(f"/api/v1/runs/{run.pk}").json()
    assert told["model_removed_at"]
    assert told["artifact"] is None
    assert told["headline"]["value"] == 0.9
    assert api_of(user).get(f"/api/v1/runs/{run.pk}/report").json() == before
    assert api_of(user).delete(address(run)).status_code == 204, "a second time changes nothing"
    again = Run.objects.get()
    assert again.model_removed_at == run.model_removed_at
    assert AuditEvent.objects.filter(verb="removed model", subject="run", subject_id=run.pk).count() == 1


def refusal_code(answer: Any) -> tuple[int, str]:
    told = answer.json()
    assert told["hint"]
    return answer.status_code, told["code"]


@pytest.mark.parametrize(
    ("status", "code"),
    [("queued", "at_work"), ("running", "at_work"), ("failed", "no_artifact"), ("cancelled", "no_artifact")],
)
def test_only_a_finished_run_has_a_model(status: str, code: str, run: Run, user: User, api_of: ClientOf) -> None:
    Run.objects.update(status=status)
    assert refusal_code(api_of(user).delete(address(run))) == (409, code)
    assert (run.folder / "checkpoints").exists()


def test_the_model_of_a_demo_stays(run: Run, user: User, api_of: ClientOf) -> None:
    endpoint = things.endpoint(run, status="off")
    assert refusal_code(api_of(user).delete(address(run))) == (409, "deployed")
    later = trained(run.prototype, 2)
    version = EndpointVersion.objects.create(workspace=run.workspace, endpoint=endpoint, run=later, number=2)
    Endpoint.objects.update(wanted=version)
    assert refusal_code(api_of(user).delete(address(later))) == (409, "deployed"), "it will be served"
    EndpointVersion.objects.filter(pk=version.pk).update(error={"code": "x", "message": "It could not be packaged."})
    assert api_of(user).delete(address(later)).status_code == 204
    assert all((run.folder / name).exists() for name in MODEL)


@pytest.mark.parametrize("where", ["model", "initial_weights", "text_model"])
def test_the_model_that_a_run_at_work_builds_on_stays(where: str, run: Run, user: User, api_of: ClientOf) -> None:
    ref = f"artifact:{run.pk}"
    things.run(run.prototype, 2, status="queued", **({"model": ref} if where == "model" else {"params": {where: ref}}))
    assert refusal_code(api_of(user).delete(address(run))) == (409, "built_on")
    assert all((run.folder / name).exists() for name in MODEL)


def test_a_model_that_is_being_packaged_stays(run: Run, user: User, api_of: ClientOf) -> None:
    with only_one(storage.packaging(run)):
        assert refusal_code(api_of(user).delete(address(run))) == (409, "packaging")
    run.refresh_from_db()
    assert run.model_removed_at is None
    assert api_of(user).delete(address(run)).status_code == 204


def test_a_viewer_removes_nothing(run: Run, client_of: ClientOf) -> None:
    viewer = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=run.workspace, user=viewer, role=Role.VIEWER)
    browser = client_of(viewer)
    assert browser.post(reverse("remove_model", args=[run.pk])).status_code == 403
    assert browser.post(reverse("unused_models", args=[run.prototype_id]), {"run": run.pk}).status_code == 403
    assert all((run.folder / name).exists() for name in MODEL)


# What needs the model


def test_the_api_refuses_what_needs_the_model(removed: Run, user: User, api_of: ClientOf) -> None:
    client = api_of(user)
    body = {"dataset": removed.version.dataset_id, "model": f"artifact:{removed.pk}"}
    answers = [
        client.post("/api/v1/endpoints", {"run": removed.pk}, content_type="application/json"),
        client.get(address(removed)),
        client.post("/api/v1/runs", body, content_type="application/json"),
    ]
    assert [refusal_code(one) for one in answers] == [(409, "model_removed")] * len(answers)
    live = trained(removed.prototype, 2)
    things.endpoint(live)
    patched = client.patch("/api/v1/endpoints/the-demo", {"run": removed.pk}, content_type="application/json")
    assert refusal_code(patched) == (409, "model_removed")
    assert Endpoint.objects.get().current.run == live
    assert not Run.objects.active().exists()


def test_pages_refuse_what_needs_the_model(removed: Run, user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    asked: list[Any] = [
        browser.post(reverse("deploy", args=[removed.pk])),
        browser.post(reverse("deploy", args=[removed.pk]), {"name": "demo", "visibility": "link"}),
        browser.post(reverse("try_run", args=[removed.pk]), {"text": "one"}),
        browser.get(reverse("run_artifact", args=[removed.pk])),
    ]
    for answer in asked:
        assert answer.status_code == 409
        assert "was removed on" in answer.content.decode()
    assert not Endpoint.objects.exists()


def test_a_removed_model_is_no_base_of_another_run(run: Run, user: User, client_of: ClientOf) -> None:
    assert [one["ref"] for one in base_models.own(run.task, run.workspace)] == [f"artifact:{run.pk}"]
    removal.remove_model(run, user)
    assert base_models.own(run.task, run.workspace) == []
    for params in ({"initial_weights": f"artifact:{run.pk}"}, {"text_model": f"artifact:{run.pk}"}):
        with pytest.raises(Conflict) as told:
            run_actions.check_weights(params, run.task, run.version)
        assert told.value.code == "model_removed"
    page = client_of(user).get(reverse("train", args=[run.prototype_id]) + f"?model=artifact:{run.pk}")
    assert page.status_code == 200
    assert f"artifact:{run.pk}" not in page.content.decode()


def test_a_run_that_began_with_it_is_not_resumed(removed: Run, user: User, client_of: ClientOf) -> None:
    later = things.run(removed.prototype, 2, status="failed", model=f"artifact:{removed.pk}")
    answer = client_of(user).post(reverse("resume_run", args=[later.pk]))
    assert answer.status_code == 409
    assert "was removed on" in answer.content.decode()
    later.refresh_from_db()
    assert later.status == "failed"
    version = removed.version
    version.profile["suggestion"] = version.profile["suggestion"] | {"roles": {"note": "input"}}
    version.save()
    with pytest.raises(Conflict) as told:
        retraining.train_without(later, user, "note")
    assert told.value.code == "model_removed"
    assert removed.prototype.dataset.versions.count() == 1


def test_what_began_with_it_still_shows_its_specification(removed: Run, user: User, client_of: ClientOf) -> None:
    later = things.run(removed.prototype, 2, model=f"artifact:{removed.pk}")
    path = reverse("run_spec", args=[later.pk])
    assert client_of(user).get(path).status_code == 409
    later.folder.mkdir(parents=True)
    (later.folder / "spec.json").write_text(json.dumps({"model": f"artifact:{later.folder}/artifact"}))
    answer = client_of(user).get(path).json()
    assert answer == {"model": f"artifact:data/runs/{later.pk}/artifact"}, "not where this site keeps its data"


def test_an_earlier_version_of_the_demo_is_not_served_again(
    user: User, prototype: Prototype, client_of: ClientOf
) -> None:
    first, second = trained(prototype, 1), trained(prototype, 2)
    actions.deploy(first, user)
    actions.deploy(second, user)
    earlier = EndpointVersion.objects.get(run=first)
    browser, share = client_of(user), reverse("share", args=[prototype.pk])
    assert f"?version={earlier.pk}" in browser.get(share).content.decode()
    removal.remove_model(first, user)
    page = browser.get(share).content.decode()
    assert f"?version={earlier.pk}" not in page
    assert "Cannot be deployed again: its model was removed on" in page
    assert "Replace " not in browser.get(f"{share}?version={earlier.pk}").content.decode()
    assert "Replace " not in browser.get(f"{share}?run={first.pk}").content.decode()
    answer = browser.post(
        reverse("promote", args=[earlier.pk]), {"instead_of": EndpointVersion.objects.get(run=second).pk}
    )
    assert answer.status_code == 409
    assert "The model of Run 1 was removed on" in answer.content.decode()
    assert Endpoint.objects.get().current.run == second


def test_a_replaced_run_without_its_model_cannot_be_gone_back_to(
    user: User, prototype: Prototype, client_of: ClientOf
) -> None:
    first, second = trained(prototype, 1), trained(prototype, 2)
    actions.deploy(first, user)
    browser, share = client_of(user), reverse("share", args=[prototype.pk])
    before = Endpoint.objects.get().current_id
    browser.post(reverse("deploy", args=[second.pk]), {"instead_of": before})
    assert 'name="undo"' in browser.get(share).content.decode()
    removal.remove_model(first, user)
    assert 'name="undo"' not in browser.get(share).content.decode()


def test_a_version_that_waits_for_its_package_fails_in_words(user: User, prototype: Prototype) -> None:
    """Asked for before another, and its model removed before a worker came to it."""
    first, second = trained(prototype, 1), trained(prototype, 2)
    (first.artifact / "onnx" / "export.json").unlink()
    actions.deploy(first, user)
    actions.deploy(second, user)
    waiting = EndpointVersion.objects.get(run=first)
    removal.remove_model(first, user)
    Packaging.handle(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.error["code"] == "model_removed"
    assert Endpoint.objects.get().current.run == second
    assert not (first.artifact / "onnx").exists()


def test_share_offers_no_removed_model(removed: Run, user: User, client_of: ClientOf) -> None:
    browser, share = client_of(user), reverse("share", args=[removed.prototype_id])
    for query in ("", f"?run={removed.pk}"):
        page = browser.get(share + query).content.decode()
        assert "No model left to share" in page
        assert "A finished run becomes a demo" not in page
        assert page.count("Train again with these settings") == 1
        assert f"{reverse('train', args=[removed.prototype_id])}?like={removed.pk}" in page


def test_no_other_run_is_shared_in_place_of_a_removed_one(removed: Run, user: User, client_of: ClientOf) -> None:
    browser, share = client_of(user), reverse("share", args=[removed.prototype_id])
    later = trained(removed.prototype, 2)
    page = browser.get(f"{share}?run={removed.pk}").content.decode()
    assert "Run 1 cannot be shared: its model was removed on" in page
    assert "Train again with these settings" in page
    assert reverse("deploy", args=[later.pk]) not in page
    assert f"{share}?run={later.pk}" in page, "it is chosen, not given"
    assert reverse("deploy", args=[later.pk]) in browser.get(f"{share}?run={later.pk}").content.decode()
    things.endpoint(later)
    assert "Run 1 cannot be shared" in browser.get(f"{share}?run={removed.pk}").content.decode()


@pytest.mark.parametrize(("status", "said"), [("running", "it is not finished"), ("failed", "it did not finish")])
def test_no_other_run_is_shared_in_place_of_an_unfinished_one(
    status: str, said: str, run: Run, user: User, client_of: ClientOf
) -> None:
    other = things.run(run.prototype, 2, status=status, headline=None)
    page = client_of(user).get(reverse("share", args=[run.prototype_id]), {"run": other.pk}).content.decode()
    assert "Run 2 cannot be shared" in page
    assert said in page
    assert reverse("deploy", args=[run.pk]) not in page


def test_home_says_that_the_model_was_removed(removed: Run, user: User, client_of: ClientOf) -> None:
    def shown() -> tuple[str, str]:
        page = client_of(user).get(reverse("home")).content.decode()
        foot = page.partition('<p class="foot row between">')[2].partition("</p>")[0]
        return page.partition("<h1>")[2].partition("</h1>")[0], " ".join(re.sub("<[^>]*>", "", foot).split())

    assert shown() == ("1 without a model", "Model removed")
    other = trained(removed.prototype, 2, headline={"name": "accuracy", "value": 0.5})
    assert shown() == ("1 ready to share", "Run 2: Ready to share"), "the score above is that of the first"
    Run.objects.filter(pk=other.pk).update(rank=1.0)
    assert shown() == ("1 ready to share", "Ready to share")
    tab = client_of(user).get(reverse("share", args=[removed.prototype_id])).content.decode()
    assert 'data-state="clay"' in tab
    removal.remove_model(other, user)
    assert 'data-state="removed"' in client_of(user).get(reverse("data", args=[removed.prototype_id])).content.decode()


def test_the_sample_is_not_deployed_without_its_model(removed: Run) -> None:
    Prototype.objects.update(sample=True)
    assert sample.advance() is None
    assert not Endpoint.objects.exists()


# At once


def test_removed_while_it_is_being_deployed(run: Run, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the deployment's first look at the run and its transaction."""
    monkeypatch.setattr(actions.gate, "check_budget", lambda _workspace: removal.remove_model(run, user))
    with pytest.raises(Conflict) as told:
        actions.deploy(run, user)
    assert told.value.code == "model_removed"
    assert not Endpoint.objects.exists()


def test_removed_before_it_goes_live(run: Run, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at its package and the transaction that makes it live: files that were left bring nothing back."""
    endpoint = things.endpoint(trained(run.prototype, 2))
    version = EndpointVersion.objects.create(
        workspace=run.workspace, endpoint=endpoint, run=run, number=2, engine="onnx-fp32"
    )
    lock = actions.lock_run

    def overtaken(locked: Run) -> None:
        monkeypatch.setattr(actions, "lock_run", lock)
        removal.remove_model(run, user)
        lock(locked)

    monkeypatch.setattr(actions, "lock_run", overtaken)
    with pytest.raises(Conflict) as told:
        actions.go_live(version)
    assert told.value.code == "model_removed"
    assert Endpoint.objects.get().current.run.number == 2


def test_who_deploys_first_keeps_the_model(run: Run, user: User) -> None:
    stale = Run.objects.get(pk=run.pk)
    actions.deploy(run, user)
    with pytest.raises(Conflict) as told:
        removal.remove_model(stale, user)
    assert told.value.code == "deployed"
    assert all((run.folder / name).exists() for name in MODEL)


class Killed(BaseException):
    """As a kill: nothing handles it."""


def test_what_was_left_between_row_and_files_is_removed_later(
    run: Run, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = trained(run.prototype, 2)

    def killed(_run: Run) -> int:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(storage, "remove_model_files", killed)
        with pytest.raises(Killed):
            removal.remove_model(run, user)
    assert all((run.folder / name).exists() for name in MODEL)
    with pytest.raises(Conflict):
        storage.local_model(run)
    with only_one(storage.packaging(run)) as alone:
        assert alone, "whoever was killed holds nothing"
    upkeep.tidy()
    assert not any((run.folder / name).exists() for name in MODEL)
    assert all((run.folder / name).exists() for name in RESULTS)
    assert all((kept.folder / name).exists() for name in MODEL)
    run.refresh_from_db()
    assert run.bytes < 1000
