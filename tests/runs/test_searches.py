"""Searches over settings on the site: real small trainings, cut short, cancelled, resumed, and held to their limits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests import things
from tests.site import rows_of
from tests.tiny_model import build
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Conflict, Problem
from webapp.costs.models import LedgerEntry
from webapp.datasets import actions as dataset_actions
from webapp.datasets import reading
from webapp.prototypes.models import Prototype
from webapp.runs import searches
from webapp.runs.models import Run, Search, Status
from webapp.runs.search_models import SearchStatus
from webapp.runs.searching import Searching
from webapp.runs.training import Training

ClientOf = Callable[[User], Client]
SPACE = {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}, "batch_size": {"choices": [8, 16]}}
BODY = {
    "model": "local:tiny",
    "method": "full",
    "params": {"epochs": 2, "max_length": 16},
    "space": SPACE,
    "trials": 3,
}


@pytest.fixture
def prototype(
    user: User, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Prototype:
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(build(tmp_path / "models")))
    settings.MAQUETTE_DATA = tmp_path
    dataset = dataset_actions.create_dataset(workspace, user, [SimpleUploadedFile("rows.csv", rows_of(60))])
    reading.read(dataset.latest.pk)
    return Prototype.objects.create(workspace=workspace, dataset=dataset, name="idea")


def decide(search: Search) -> Search:
    Searching.sweep()
    Searching.handle(search.pk)
    search.refresh_from_db()
    return search


def train(search: Search) -> None:
    """Every trial that waits, by a worker."""
    for run in search.trials.filter(status=Status.QUEUED):
        Training.handle(run.pk)


def work(search: Search, rounds: int = 40) -> Search:
    """As the workers would, to its end."""
    for _round in range(rounds):
        if decide(search).ended:
            break
        train(search)
    return search


@pytest.mark.slow
def test_from_the_first_trial_to_the_test_of_the_best(prototype: Prototype, user: User) -> None:
    search = work(searches.create_search(prototype, user, BODY))
    trials = list(search.trials.order_by("trial"))
    assert search.status == SearchStatus.SUCCEEDED, search.error
    assert [run.trial for run in trials] == [1, 2, 3]
    assert search.stopped == {"code": "trials", "count": 3}
    assert search.winner == searches.best_of(trials)
    winner = next(run for run in trials if run.pk == search.winner_id)
    assert winner.status == Status.SUCCEEDED
    assert winner.headline
    assert (winner.artifact / "manifest.json").exists()
    report = json.loads((winner.artifact / "report.json").read_text())
    assert report["validation"] == winner.validation, "it goes on from where its trial stood"
    assert '"resumed": true' in winner.events_path.read_text()
    for run in trials:
        assert run.validation
        assert run.cost > 0 or run.price_per_hour == 0
        if run != winner:
            assert run.status in (Status.SCORED, Status.PRUNED)
            assert run.headline is None
            assert not run.has_model
            assert not run.artifact.exists()
            assert not run.has_checkpoint
            assert '"name": "evaluate"' not in run.events_path.read_text()
    assert LedgerEntry.objects.filter(subject="run", subject_id__in=[run.pk for run in trials]).count() >= 3
    assert list(Run.objects.listed()) == [winner]


@pytest.mark.slow
def test_two_trials_at_once(prototype: Prototype, user: User) -> None:
    search = decide(searches.create_search(prototype, user, BODY | {"at_once": 2, "limits": {"seconds": 1000}}))
    first = list(search.trials.order_by("trial"))
    assert [run.status for run in first] == [Status.QUEUED, Status.QUEUED]
    assert first[0].params["learning_rate"] != first[1].params["learning_rate"]
    assert [run.limits["seconds"] for run in first] == pytest.approx([450, 450])
    Training.handle(first[0].pk)
    decide(search)
    assert search.trials.count() == 3
    assert work(search).status == SearchStatus.SUCCEEDED


@pytest.mark.slow
def test_what_is_decided_survives_the_death_of_its_worker(prototype: Prototype, user: User) -> None:
    """A worker dies while it decides, and another while it trains: the search has the trials of one that nobody killed."""
    body = BODY | {"trials": 2}
    calm = work(searches.create_search(prototype, user, body))
    search = searches.create_search(prototype, user, body)
    assert search.claim()  # by a worker that is never heard of again
    assert search.expire() is False
    Search.objects.filter(pk=search.pk).update(lease="", lease_until=None)
    decide(search)
    run = search.trials.get()
    lease = run.claim()
    assert lease
    assert run.interrupt(lease)
    Training.sweep()
    work(search)
    settings_of = [[run.params for run in each.trials.order_by("trial")] for each in (calm, search)]
    assert settings_of[0] == settings_of[1]
    scores = [[run.validation for run in each.trials.order_by("trial")] for each in (calm, search)]
    assert scores[0] == scores[1]


def pretend(run: Run, kind: str, usual: float) -> None:
    """As if a worker had made the trial: it takes what it usually does, or what its limit allows."""
    taken = min(usual, run.limits[kind])
    score = {"name": "accuracy", "value": 0.5 + (run.trial or 0) / 1000}
    fields = {"status": Status.SCORED, "validation": score, "cost" if kind == "cost" else "seconds": taken}
    Run.objects.filter(pk=run.pk).update(**fields)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cost", "seconds"])
def test_the_limit_holds(workspace: Workspace, user: User, kind: str, settings: Any, tmp_path: Path) -> None:
    """Whatever the number of trials: all of them and the test may take no more than the limit, together."""
    settings.MAQUETTE_DATA = tmp_path
    owner = things.prototype(workspace)
    body = BODY | {"model": "bundled:all-MiniLM-L6-v2", "trials": 200, "limits": {kind: 50}}
    search = searches.create_search(owner, user, body)
    for _round in range(20):
        decide(search)
        for run in search.trials.filter(status=Status.QUEUED, evaluate_on="validation"):
            pretend(run, kind, 10)
    trials = list(search.trials.order_by("trial"))
    assert search.status == SearchStatus.TESTING, search.error
    assert search.stopped
    assert search.stopped["code"] == kind
    assert [searches.amount(run, kind) for run in trials] == pytest.approx([10, 10, 10, 10, 5], abs=1e-5)
    assert search.winner
    others = searches.spent([run for run in trials if run != search.winner], kind)
    assert search.winner.limits[kind] + others <= 50


@pytest.mark.slow
def test_stopped_early_the_best_so_far_is_tested(prototype: Prototype, user: User) -> None:
    search = decide(searches.create_search(prototype, user, BODY | {"trials": 100}))
    train(search)
    decide(search)
    searches.stop(search, user)
    assert work(search).status == SearchStatus.SUCCEEDED
    assert search.stopped == {"code": "asked"}
    assert search.winner
    assert search.winner.trial == 1
    with pytest.raises(Conflict):
        searches.stop(search, user)


@pytest.mark.slow
def test_cancelled_and_resumed(prototype: Prototype, user: User) -> None:
    search = decide(searches.create_search(prototype, user, BODY | {"trials": 2}))
    searches.cancel(search, user)
    assert search.trials.get().status == Status.CANCELLED
    assert decide(search).status == SearchStatus.CANCELLED
    searches.resume(search, user)
    assert work(search).status == SearchStatus.SUCCEEDED
    assert search.trials.count() == 2


@pytest.mark.slow
def test_trees_are_searched_without_epochs(user: User, workspace: Workspace, tmp_path: Path, settings: Any) -> None:
    settings.MAQUETTE_DATA = tmp_path
    lines = ["a,b,target", *(f"{n % 17},{n % 5},{'high' if n % 17 > 8 else 'low'}" for n in range(200))]
    upload = SimpleUploadedFile("rows.csv", "\n".join(lines).encode())
    dataset = dataset_actions.create_dataset(workspace, user, [upload])
    reading.read(dataset.latest.pk)
    prototype = Prototype.objects.create(workspace=workspace, dataset=dataset, name="idea")
    body = {"task": "tabular-classification", "method": "boosting", "model": "scratch:lightgbm", "trials": 2}
    search = work(searches.create_search(prototype, user, body))
    assert search.status == SearchStatus.SUCCEEDED, search.error
    assert set(search.space) == {"learning_rate", "num_leaves", "min_data_in_leaf", "lambda_l2"}
    assert search.winner
    assert search.winner.headline


@pytest.mark.slow
def test_trials_that_all_fail_end_the_search_with_their_error(prototype: Prototype, user: User) -> None:
    body = BODY | {"trials": 50, "params": {"epochs": 2, "early_stopping_metric": "beauty"}}
    search = work(searches.create_search(prototype, user, body))
    assert search.status == SearchStatus.FAILED
    assert search.trials.count() == searches.MOST_FAILED
    assert search.error
    assert "beauty" in search.error["message"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"method": "probe", "space": None}, "bad_space"),
        ({"space": {}}, "bad_space"),
        ({"space": [1]}, "bad_space"),
        ({"space": {"learning_rate": {"low": 1, "high": 0.1}}}, "bad_space"),
        ({"space": {"learning_rate": {"low": 10**400, "high": 10**401}}}, "bad_space"),
        ({"space": {"learning_rate": {"low": 1, "high": float("inf")}}}, "bad_space"),
        ({"space": {"n" * 50_000: {"low": 1, "high": 2}}}, "bad_space"),
        ({"params": {"learning_rate": 0.001}}, "bad_space"),
        ({"trials": 0}, "bad_search"),
        ({"trials": 100_000}, "bad_search"),
        ({"at_once": "many"}, "bad_search"),
        ({"limits": {"cost": "much"}}, "invalid"),
    ],
)
def test_a_search_that_cannot_begin(prototype: Prototype, user: User, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(Problem) as refused:
        searches.create_search(prototype, user, BODY | fields)
    assert refused.value.code == code
    assert refused.value.hint
    assert not Search.objects.exists()


def test_best_is_by_the_metric(workspace: Workspace) -> None:
    owner = things.prototype(workspace)
    made = [
        things.run(owner, number, status=status, trial=number, validation={"name": "wer", "value": value})
        for number, (status, value) in enumerate(
            [(Status.SCORED, 0.4), (Status.SCORED, 0.2), (Status.PRUNED, 0.1), (Status.SCORED, 0.2)], start=1
        )
    ]
    assert searches.best_of(made) == made[1]
    assert searches.best_of([]) is None
