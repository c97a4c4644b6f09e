"""POST /estimates answers soon, makes nothing but the estimate, and tells what went wrong once."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.api import runs
from webapp.core import leased
from webapp.core.problems import Conflict, Problem
from webapp.core.trainer_process import TrainerProcess
from webapp.datasets import versions as dataset_versions
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.runs import estimates, tasks, trials
from webapp.runs.access import access_of
from webapp.runs.actions import estimate_for, settings_of, spec_of
from webapp.runs.models import Estimate

OTHER = {"text": "note", "label": "label"}
RESULT = {"seconds": {"low": 1.0, "likely": 2.0, "high": 3.0}, "memory_bytes": 5, "basis": "measured", "expected": None}


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return things.dataset(workspace, files=True)


@pytest.fixture
def ask(user: User, api_of: Callable[[User], Client], dataset: Dataset) -> Callable[..., HttpResponse]:
    client = api_of(user)

    def post(path: str = "estimates", **fields: Any) -> HttpResponse:
        body = {"dataset": dataset.pk, "method": "probe"} | fields
        return client.post(f"/api/v1/{path}", body, content_type="application/json")

    return post


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trials handed to the queue, which nobody takes from it; requests wait for a moment only."""
    handed: list[str] = []
    monkeypatch.setattr(leased, "enqueue", lambda _task, pk, **_when: handed.append(pk) or True)
    monkeypatch.setattr(runs, "MEASURE_SECONDS", 0.1)
    return handed


@pytest.mark.django_db(transaction=True)
def test_a_trial_whose_model_is_being_downloaded_comes_again(
    ask: Callable[..., HttpResponse], sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not failed: who asks is told that it is being measured, until it is."""
    later: list[float] = []
    monkeypatch.setattr(
        leased, "enqueue", lambda _task, pk, countdown=0: sent.append(pk) or later.append(countdown) or True
    )
    assert ask().status_code == 202
    final: dict[str, Any] = {"type": "error", "code": "downloading", "message": "It is being downloaded."}
    monkeypatch.setattr(estimates.Measuring, "watch", lambda self, *_command: setattr(self, "final", final))
    tasks.measure(sent[0])
    assert later == [0, trials.DOWNLOAD_SECONDS]
    assert ask().status_code == 202
    assert Estimate.objects.get().attempts == 0, "nothing has died"
    final = RESULT | {"type": "result"}
    tasks.measure(sent[0])
    assert ask().status_code == 200
    assert len(sent) == len(later) == 2


def test_other_columns_make_no_version(ask: Callable[..., HttpResponse], sent: list[str], dataset: Dataset) -> None:
    for _again in range(3):
        answer = ask(columns=OTHER)
        assert answer.status_code == 202, answer.content
        assert answer.json()["status"] == "measuring"
        assert int(answer["Retry-After"]) == answer.json()["retry_after"] > 0
    assert dataset.versions.count() == 1
    assert len(sent) == 1, "asked again, it is the same trial"
    spec = Estimate.objects.get().spec
    assert spec["dataset"] == {"path": str(dataset.current.folder), "columns": OTHER}


def test_it_answers_in_time_and_then_with_the_estimate(ask: Callable[..., HttpResponse], sent: list[str]) -> None:
    started = time.monotonic()
    assert ask(columns=OTHER, roles={"text": "ignore"}).status_code == 202
    assert time.monotonic() - started < 3
    assert runs.MEASURE_SECONDS <= 10
    assert Estimate.objects.get().spec["dataset"]["roles"] == {"text": "ignore"}
    Estimate.objects.update(result=RESULT)
    answer = ask(columns=OTHER, roles={"text": "ignore"})
    assert answer.status_code == 200
    assert answer.json()["seconds"]["likely"] == 2.0
    assert ask(columns=OTHER).status_code == 202, "with other roles it is another estimate"


def test_a_role_may_name_the_answer(ask: Callable[..., HttpResponse], sent: list[str]) -> None:
    assert ask(roles={"note": "answer"}).status_code == 202
    assert Estimate.objects.get().spec["dataset"]["columns"] == {"text": "text", "label": "note"}


def test_what_there_is_not_is_refused(ask: Callable[..., HttpResponse], sent: list[str], dataset: Dataset) -> None:
    for wrong, code in (
        ({"columns": {"text": "nowhere", "label": "label"}}, "no_column"),
        ({"columns": {"text": "note"}}, "no_column"),
        ({"roles": {"nowhere": "ignore"}}, "no_column"),
        ({"roles": {"note": "boss"}}, "bad_role"),
    ):
        answer = ask(**wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not sent
    assert dataset.versions.count() == 1


def test_a_trial_that_failed_is_told_once(ask: Callable[..., HttpResponse], sent: list[str]) -> None:
    """Or a client that asks again and again would start it again and again, and never hear of it."""
    assert ask().status_code == 202
    Estimate.objects.update(error={"code": "too_few_rows", "message": "3 rows are too few.", "hint": "Add rows."})
    answer = ask()
    assert (answer.status_code, answer.json()["code"]) == (422, "too_few_rows")
    assert len(sent) == 1
    assert ask().status_code == 202
    assert len(sent) == 2


def test_two_who_wait_for_a_trial_that_fails_both_hear_of_it(
    ask: Callable[..., HttpResponse], sent: list[str], dataset: Dataset
) -> None:
    version, body = dataset.current, {"method": "probe"}
    waiting = [estimates.request(version, body) for _waiter in range(2)]
    assert len(sent) == 1
    error = {"code": "too_few_rows", "message": "3 rows are too few.", "hint": "Add rows."}
    Estimate.objects.update(error=error)
    for one in waiting:
        with pytest.raises(Problem, match="too few") as raised:
            estimates.wait(one, 5)
        assert (raised.value.code, raised.value.hint) == ("too_few_rows", "Add rows.")
    assert ask().status_code == 202, "it was told, so it is measured anew"
    assert len(sent) == 2


def test_what_is_deleted_while_somebody_waits_for_it(sent: list[str], dataset: Dataset) -> None:
    waiting = estimates.request(dataset.current, {"method": "probe"})
    Estimate.objects.all().delete()
    with pytest.raises(Conflict, match="deleted meanwhile"):
        estimates.wait(waiting, 5)


def test_workers_that_cannot_be_reached_are_asked_again(ask: Callable[..., HttpResponse], sent: list[str]) -> None:
    with pytest.MonkeyPatch.context() as away:
        away.setattr(leased, "enqueue", lambda *_message: False)
        assert [ask().json()["code"] for _again in range(2)] == ["queue_away"] * 2
    assert ask().status_code == 202
    assert len(sent) == 1


def test_what_was_measured_without_an_expected_score_is_measured_anew(
    ask: Callable[..., HttpResponse], sent: list[str]
) -> None:
    """Estimates of before there was one would have none for ever."""
    assert ask().status_code == 202
    before = {name: value for name, value in RESULT.items() if name != "expected"}
    long_ago = timezone.now() - timedelta(days=1)
    Estimate.objects.update(result=before, sent_at=long_ago)
    assert [ask().status_code for _again in range(2)] == [202, 202]
    assert len(sent) == 2
    Estimate.objects.update(result=RESULT, sent_at=long_ago)
    assert ask().status_code == 200, "nothing is expected here, which was measured"
    assert len(sent) == 2


def test_a_run_under_those_columns_has_the_estimate(
    ask: Callable[..., HttpResponse], sent: list[str], dataset: Dataset, user: User
) -> None:
    assert ask(columns=OTHER).status_code == 202
    Estimate.objects.update(result=RESULT)
    made = dataset_versions.remap(dataset.current, user, "text-classification", OTHER)
    profile = things.PROFILE | {"suggestion": things.PROFILE["suggestion"] | {"columns": OTHER}}
    DatasetVersion.objects.filter(pk=made.pk).update(status="ready", profile=profile)
    made.refresh_from_db()
    found = estimate_for(made, settings_of(made, {"method": "probe"}))
    assert found is not None
    assert found.result == RESULT
    assert estimate_for(made, settings_of(made, {"method": "full"})) is None


def test_a_run_sent_again_waits_for_the_same_version(
    ask: Callable[..., HttpResponse], dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "READ_SECONDS", 0.1)
    for _again in range(2):
        assert ask("runs", columns=OTHER, roles={"text": "ignore"}).status_code == 409
    assert sorted(dataset.versions.values_list("number", flat=True)) == [1, 2]
    assert dataset.latest.request == {"task": "text-classification", "columns": OTHER, "roles": {"text": "ignore"}}


def test_the_trainer_measures_under_other_columns(workspace: Workspace, tmp_path: Any, settings: Any) -> None:
    """The specification of such an estimate, by the real command, over a version that was read with other columns."""
    import json

    from trainer.data.inspect import inspect

    rows = [f"word{row % 7} and {row},{'yes' if row % 2 else 'no'},{row * 1.5},{row % 5}" for row in range(80)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label,price,size", *rows]))
    dataset = things.dataset(workspace)
    version = dataset.current
    told = inspect([tmp_path / "rows.csv"], version.folder, task="tabular-classification", columns={"target": "label"})
    version.profile = (
        told["profile"] if "profile" in told else json.loads((version.folder / "profile.json").read_text())
    )
    version.save()
    body = {
        "task": "tabular-regression",
        "columns": {"target": "price"},
        "roles": {"size": "ignore"},
        "method": "linear",
    }
    fields = settings_of(version, body)
    path = tmp_path / "spec.json"
    spec = spec_of(version, fields, 0)
    path.write_text(json.dumps(spec))
    process = TrainerProcess(["estimate", str(path)], stderr=tmp_path / "stderr.log", access=access_of(spec, tmp_path))
    events = [event for event in process.events() if event]
    process.end()
    assert events[-1]["type"] == "result", events[-1]
    assert events[-1]["seconds"]["likely"] > 0
