"""The verdict is the headline: better, not shown to be better, or worse, against a baseline and the best earlier run."""

import html
import json
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from trainer import errors
from trainer.answers.baselines import SIMPLE, constants
from webapp.accounts.models import User, Workspace
from webapp.runs import baselines, storage, verdicts
from webapp.runs.models import Estimate, Run, Status
from webapp.runs.training import Training

BASELINES = {
    "majority": {"accuracy": 0.4, "low": 0.3, "high": 0.5, "label": "late"},
    "tfidf_logistic": {"accuracy": 0.88, "low": 0.8, "high": 0.93, "seconds": 1.2},
}
OUTCOMES = {
    "better": ({"value": 0.05, "low": 0.01, "high": 0.09}, "90.0 % accuracy: better than bag of words (88.0 %)"),
    "not shown": (
        {"value": 0.02, "low": -0.03, "high": 0.07},
        "90.0 % accuracy: not shown to be better than bag of words (88.0 %)",
    ),
    "worse": ({"value": -0.08, "low": -0.12, "high": -0.02}, "90.0 % accuracy: worse than bag of words (88.0 %)"),
}


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def judged(workspace: Workspace, outcome: str, **fields: Any) -> Run:
    difference = OUTCOMES[outcome][0]
    verdict = {"against": "tfidf_logistic", "outcome": outcome, "difference": difference, "sentence": "As tested."}
    return things.run(things.prototype(workspace), verdict=verdict, baselines=BASELINES, **fields)


def page(browser: Client, run: Run) -> str:
    answer = browser.get(reverse("run", args=[run.pk]))
    assert answer.status_code == 200
    return html.unescape(answer.content.decode()).replace("\xa0", " ")


def heading(text: str) -> str:
    return re.search(r"<h1>(.*?)</h1>", text)[1]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_verdict_is_the_headline(outcome: str, workspace: Workspace, browser: Client) -> None:
    run = judged(workspace, outcome)
    shown = page(browser, run)
    assert heading(shown) == OUTCOMES[outcome][1]
    assert f'data-outcome="{outcome}"' in shown
    share = "btn" + shown.partition("Share a demo")[0].rpartition('class="btn')[2].partition('"')[0]
    assert share == ("btn primary" if outcome == "better" else "btn")
    assert ("Try all-MiniLM" in shown) == (outcome != "better")


def test_a_run_that_does_not_win_names_the_next_step(workspace: Workspace, browser: Client) -> None:
    run = judged(workspace, "worse")
    shown = page(browser, run)
    assert "Try all-MiniLM-L6-v2, Instant" in shown, "what the train page recommends"
    assert browser.get(reverse("train", args=[run.prototype_id])).context["choice"].method == "probe"
    assert "expected 9" not in shown
    expected = {"metric": "accuracy", "low": 0.95, "high": 0.99}
    Estimate.objects.create(
        workspace=workspace,
        version=run.version,
        key="x",
        hardware="cpu",
        spec={"task": run.task, "model": "bundled:all-MiniLM-L6-v2", "method": "probe"},
        result={"expected": expected, "seconds": {}},
    )
    Estimate.objects.create(
        workspace=workspace,
        version=run.version,
        key="own",
        hardware="cpu",
        spec={"task": run.task, "model": f"artifact:{run.artifact}", "method": "full"},
        result={"expected": expected | {"low": 0.98}, "seconds": {}},
    )
    shown = page(browser, run)
    assert str(run.folder.parent) not in shown
    assert "Try all-MiniLM-L6-v2, Instant" in shown
    assert "expected 95–99 % accuracy" in shown
    assert "?model=bundled%3Aall-MiniLM-L6-v2&method=probe" in shown
    # It is told of what is recommended as well, though it promises less than this run reached.
    Estimate.objects.filter(key="x").update(result={"expected": expected | {"low": 0.5, "high": 0.6}, "seconds": {}})
    assert "expected 50–60 % accuracy" in page(browser, run)
    # Once all of it was tried, only the data is left.
    for number, method in enumerate(("probe", "full"), start=2):
        things.run(run.prototype, number, model="bundled:all-MiniLM-L6-v2", method=method)
    assert "More or cleaner data" in page(browser, run)


def test_a_run_from_before_there_were_verdicts(workspace: Workspace, browser: Client) -> None:
    """No test, so no claim; but a score below the baseline's is said."""
    run = things.run(things.prototype(workspace), baselines=BASELINES)
    assert heading(page(browser, run)) == "90.0 % accuracy on 1 held-out text (1 right)"
    lost = things.run(run.prototype, 2, baselines=BASELINES, headline={"name": "accuracy", "value": 0.75})
    shown = page(browser, lost)
    assert heading(shown) == "75.0 % accuracy: not shown to be better than bag of words (88.0 %)"


def test_one_interval_for_one_score(workspace: Workspace, browser: Client) -> None:
    shown = page(browser, judged(workspace, "better"))
    assert shown.count("95 % confidence interval") == 1
    assert "nineteen times" not in shown


@pytest.mark.parametrize(("outcome", "boasts"), [("better", True), ("not shown", False), ("worse", False)])
def test_a_demo_boasts_only_what_is_true(outcome: str, boasts: bool, workspace: Workspace) -> None:
    endpoint = things.endpoint(judged(workspace, outcome))
    shown = Client().get(reverse("demo", args=[endpoint.slug])).content.decode().replace("\xa0", " ")
    assert ("90.0 % accuracy" in shown) == boasts
    assert ("not shown to be better than a simple baseline" in shown) != boasts


def test_the_api_gives_the_verdict(workspace: Workspace, user: User, api_of: Callable[[User], Client]) -> None:
    run = judged(workspace, "worse", against_best_run=None)
    told = api_of(user).get(f"/api/v1/runs/{run.pk}").json()
    assert told["verdict"] == run.verdict
    assert told["against_best_run"] is None


@pytest.mark.parametrize("key", list(SIMPLE))
def test_a_baseline_that_is_a_model_is_not_called_none(key: str) -> None:
    assert "no model" not in baselines.note(key, {"seconds": 2})
    assert baselines.note(key, {}).startswith("Baseline model")


@pytest.mark.parametrize("key", sorted(constants()))
def test_a_constant_is_no_model(key: str) -> None:
    assert baselines.note(key, {"seconds": 2}) == "Baseline, no model"


# Against the best earlier run: the real paired test over what artifacts keep


def answer(run: Run, right: np.ndarray, texts: list[str] | None = None) -> None:
    """The artifact of a run that was right on these test rows."""
    rows = len(right)
    truth = ["a" if at % 2 else "b" for at in range(rows)]
    predicted = [one if hit else "c" for one, hit in zip(truth, right, strict=True)]
    run.artifact.mkdir(parents=True)
    table = {"row": list(range(rows)), "split": ["test"] * rows, "text": texts or [f"text {at}" for at in range(rows)]}
    pq.write_table(pa.table(table | {"truth": truth, "predicted": predicted}), run.artifact / "predictions.parquet")
    (run.artifact / "manifest.json").write_text(json.dumps({"labels": ["a", "b", "c"]}), "utf-8")


def pair(workspace: Workspace, first: np.ndarray, second: np.ndarray) -> tuple[Run, Run]:
    prototype = things.prototype(workspace)
    runs = []
    for number, right in enumerate((first, second), start=1):
        run = things.run(prototype, number, headline={"name": "accuracy", "value": float(right.mean())})
        answer(run, right)
        runs.append(run)
    return runs[0], runs[1]


RIGHT_60, RIGHT_90 = np.arange(200) % 10 < 6, np.arange(200) % 10 < 9


@pytest.mark.parametrize(
    ("earlier", "later", "outcome"),
    [(RIGHT_60, RIGHT_90, "better"), (RIGHT_90, RIGHT_60, "worse"), (RIGHT_90, RIGHT_90, "not shown")],
)
def test_against_the_best_earlier_run(
    earlier: np.ndarray, later: np.ndarray, outcome: str, workspace: Workspace, browser: Client
) -> None:
    first, second = pair(workspace, earlier, later)
    found = verdicts.against_best_run(second, second.headline)
    assert (found["run"], found["number"], found["outcome"], found["rows"]) == (first.pk, 1, outcome, 200)
    assert found["difference"]["value"] == pytest.approx(later.mean() - earlier.mean())
    assert verdicts.against_best_run(first, first.headline) is None
    second.against_best_run = found
    second.save()
    words = {"better": "Better than Run 1", "worse": "Worse than Run 1", "not shown": "No difference shown from Run 1"}
    shown = page(browser, second)
    assert words[outcome] in shown
    # A model that beats the baselines and yet is worse than what is there already is not the one to share.
    share = "btn" + shown.partition("Share a demo")[0].rpartition('class="btn')[2].partition('"')[0]
    assert share == ("btn" if outcome == "worse" else "btn primary")
    assert ('data-outcome="care"' in shown) == (outcome == "worse")
    instead = f"{reverse('share', args=[first.prototype_id])}?run={first.pk}"
    assert (instead in shown) == ("Share Run 1 instead" in shown) == (outcome == "worse")


def test_the_best_of_the_earlier_runs_is_the_one_compared(workspace: Workspace) -> None:
    first, second = pair(workspace, RIGHT_90, RIGHT_60)
    third = things.run(first.prototype, 3, headline={"name": "accuracy", "value": 0.9})
    answer(third, RIGHT_90)
    assert verdicts.against_best_run(third, third.headline)["run"] == first.pk
    assert second.number == 2


def test_other_test_rows_cannot_be_compared(workspace: Workspace, browser: Client) -> None:
    first, second = pair(workspace, RIGHT_60, RIGHT_90)
    version = first.version
    version.pk, version.number = None, 2
    version.save()
    Run.objects.filter(pk=second.pk).update(version=version)
    second.refresh_from_db()
    assert verdicts.against_best_run(second, second.headline)["outcome"] == "better"  # the same rows in another version
    for path in second.artifact.iterdir():
        path.unlink()
    second.artifact.rmdir()
    answer(second, RIGHT_90, [f"another text {at}" for at in range(200)])
    found = verdicts.against_best_run(second, second.headline)
    assert (found["outcome"], found["difference"]) == ("not comparable", None)
    second.against_best_run = found
    second.save()
    assert "Not comparable with Run 1" in page(browser, second)


def test_a_column_fewer_is_compared_on_the_same_rows(workspace: Workspace) -> None:
    """After “Remove it and train again” the rows tested on are the same, and a column fewer is read of them."""
    first, second = pair(workspace, RIGHT_60, RIGHT_90)
    version = first.version
    version.pk, version.number = None, 2
    version.save()
    Run.objects.filter(pk=second.pk).update(version=version)
    second.refresh_from_db()

    def read(run: Run, **columns: str) -> None:
        path = run.artifact / "predictions.parquet"
        table = pq.read_table(path).drop_columns(["text"])
        cells = [json.dumps({"size": str(at), **columns}) for at in range(table.num_rows)]
        pq.write_table(table.append_column("input", pa.array(cells)), path)

    read(first, refunded="1")
    read(second)
    assert verdicts.against_best_run(second, second.headline)["outcome"] == "better"
    for path in second.artifact.iterdir():
        path.unlink()
    second.artifact.rmdir()
    answer(second, RIGHT_90)
    read(second, size="0")
    assert verdicts.against_best_run(second, second.headline)["outcome"] == "not comparable"


@pytest.mark.parametrize("is_other_version", [False, True])
@pytest.mark.parametrize("fault", ["unreadable", "gone", "no test", "no answers"])
def test_what_cannot_be_compared_is_not_called_other_rows(
    fault: str, is_other_version: bool, workspace: Workspace
) -> None:
    first, second = pair(workspace, RIGHT_60, RIGHT_90)
    if is_other_version:
        version = first.version
        version.pk, version.number = None, 2
        version.save()
        Run.objects.filter(pk=second.pk).update(version=version)
        second.refresh_from_db()
    predictions = first.artifact / "predictions.parquet"
    if fault == "unreadable":
        predictions.write_bytes(b"no parquet")
    elif fault == "gone":
        predictions.unlink()
    else:
        metric = {"no test": "perplexity", "no answers": "map_50"}[fault]
        for run in (first, second):
            run.headline = {"name": metric, "value": 0.5}
            run.save()
    assert verdicts.against_best_run(second, second.headline) is None


def finishing(workspace: Workspace) -> tuple[Run, Run, Training]:
    """An earlier run, one whose trainer is done, and who supervises it."""
    first, second = pair(workspace, RIGHT_60, RIGHT_90)
    fields = {"status": Status.QUEUED, "headline": None, "metric": "", "rank": None}
    Run.objects.filter(pk=second.pk).update(**fields)
    second.refresh_from_db()
    lease = second.claim(worker="a worker", price_per_hour=Decimal(0))
    assert lease
    attempt = Training(second, lease, [], Decimal(1))
    attempt.final = {"type": "result", "headline": {"name": "accuracy", "value": 0.9}, "metrics": {"accuracy": 0.9}}
    return first, second, attempt


def test_a_run_has_ended_before_it_is_compared(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching the earlier run from a bucket that hangs may take longer than a lease, and nothing renews it any more."""
    first, second, attempt = finishing(workspace)
    monkeypatch.setattr(storage, "is_here", lambda run: run.pk != first.pk)
    seen: list[str] = []
    local = storage.local

    def slow(run: Run) -> Path:
        Run.objects.filter(lease_until__isnull=False).update(lease_until=timezone.now() - timedelta(seconds=1))
        Training.sweep()
        seen.append(Run.objects.get(pk=second.pk).status)
        return local(run)

    monkeypatch.setattr(storage, "local", slow)
    attempt.conclude(errors.EXIT_DONE)
    second.refresh_from_db()
    assert (seen, second.status, second.deaths) == ([Status.SUCCEEDED], Status.SUCCEEDED, 1)
    assert (second.against_best_run["run"], second.against_best_run["outcome"]) == (first.pk, "better")


def test_a_run_is_compared_before_its_end_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its page is drawn when it has ended, and not again."""
    first, second, attempt = finishing(workspace)
    told: list[Any] = []
    finish = Training.finish

    def watched(self: Training, **fields: Any) -> None:
        finish(self, **fields)
        told.append(Run.objects.get(pk=second.pk).against_best_run)

    monkeypatch.setattr(Training, "finish", watched)
    attempt.conclude(errors.EXIT_DONE)
    assert [beside["run"] for beside in told] == [first.pk]


def test_a_comparison_that_fails_does_not_fail_the_run(
    workspace: Workspace, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier run is in a bucket that cannot be reached."""
    first, second, attempt = finishing(workspace)
    shutil.rmtree(first.artifact)
    Run.objects.filter(pk=first.pk).update(stored_at=timezone.now())
    settings.STORAGE_URL = "s3://models"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    attempt.conclude(errors.EXIT_DONE)
    second.refresh_from_db()
    assert (second.status, second.against_best_run) == (Status.SUCCEEDED, None)


def test_a_deleted_run_is_not_linked(workspace: Workspace, browser: Client) -> None:
    first, second = pair(workspace, RIGHT_60, RIGHT_90)
    second.against_best_run = verdicts.against_best_run(second, second.headline)
    second.save()
    address = reverse("run", args=[first.pk])
    assert f'href="{address}"' in page(browser, second)
    first.delete()
    shown = page(browser, second)
    assert "Better than Run 1" in shown
    assert address not in shown
    assert "Open that run" not in shown
