"""Runs side by side: page and API say the same of the difference, the rows that changed sides and the settings."""

import html
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from tests.runs.test_verdicts import RIGHT_60, RIGHT_90, answer, pair
from webapp.accounts.models import User, Workspace
from webapp.runs import comparing
from webapp.runs.models import Run

ClientOf = Callable[[User], Client]


def address(*runs: Run) -> str:
    return reverse("compare", args=[runs[0].prototype_id]) + "?" + "&".join(f"run={run.pk}" for run in runs)


def asked(client: Client, *runs: Run) -> Any:
    return client.get("/api/v1/compare", {"runs": ",".join(run.pk for run in runs)})


def text_of(answered: Any) -> str:
    return html.unescape(answered.content.decode()).replace("\xa0", " ")


@pytest.mark.parametrize(
    ("earlier", "later", "verdict", "words"),
    [
        (RIGHT_60, RIGHT_90, "better", "Run 2 is really better than Run 1: +30.0 points (95 % CI +"),
        (RIGHT_90, RIGHT_60, "worse", "Run 2 is worse than Run 1: −30.0 points"),
        (RIGHT_90, RIGHT_90, "not shown", "No difference between Run 2 and Run 1 that can be shown: 0 points"),
    ],
)
def test_page_and_api_agree(
    earlier: np.ndarray,
    later: np.ndarray,
    verdict: str,
    words: str,
    workspace: Workspace,
    user: User,
    client_of: ClientOf,
    api_of: ClientOf,
) -> None:
    first, second = pair(workspace, earlier, later)
    shown = text_of(client_of(user).get(address(second, first)))
    assert words in shown
    told = asked(api_of(user), second, first).json()
    assert told["verdict"] == told["pairs"][0]["verdict"] == verdict
    assert told["sentence"].replace("\xa0", " ").startswith(words)
    assert told["difference"]["low"] <= told["difference"]["value"] <= told["difference"]["high"]
    assert [run["id"] for run in told["runs"]] == [second.pk, first.pk]
    gained, lost = int((later & ~earlier).sum()), int((earlier & ~later).sum())
    assert told["pairs"][0]["better"] == {"first": gained, "second": lost}
    assert len(told["changed"]) == gained + lost
    for row in told["changed"]:
        right = row[row["better"]]
        assert right == row["truth"]
        assert row["input"] == {"text": f"text {row['row']}"}
        assert f"text {row['row']}" in shown or len(told["changed"]) > 30
    assert ("Both give the same answers." in shown) == (not told["changed"])


def test_the_other_way_round_says_the_opposite(workspace: Workspace, user: User, api_of: ClientOf) -> None:
    first, second = pair(workspace, RIGHT_60, RIGHT_90)
    there, back = (asked(api_of(user), *runs).json() for runs in ((first, second), (second, first)))
    assert (there["verdict"], back["verdict"]) == ("worse", "better")
    assert there["difference"]["value"] == pytest.approx(-back["difference"]["value"])
    assert there["pairs"][0]["p"] == back["pairs"][0]["p"]


def test_only_settings_that_differ_are_listed(workspace: Workspace, user: User, api_of: ClientOf) -> None:
    first, second = pair(workspace, RIGHT_60, RIGHT_90)
    assert asked(api_of(user), first, second).json()["settings"] == []
    Run.objects.filter(pk=second.pk).update(method="probe", params={"epochs": 7})
    differing = {row["title"]: row["values"] for row in asked(api_of(user), first, second).json()["settings"]}
    assert differing.keys() == {"Method", "Epochs"}
    assert differing["Epochs"][1] == "7"


def test_three_runs_are_compared_with_the_first(workspace: Workspace, user: User, client_of: ClientOf) -> None:
    first, second = pair(workspace, RIGHT_60, RIGHT_90)
    third = things.run(first.prototype, 3, headline={"name": "accuracy", "value": 0.6})
    answer(third, RIGHT_60)
    lines = client_of(user).get(address(third, second, first)).context["lines"]
    assert [line["run"].number for line in lines] == [3, 2, 1]
    assert [line["pair"].outcome for line in lines[1:]] == ["worse", "not shown"]


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("one", 422, "run_count"),
        ("six", 422, "run_count"),
        ("running", 409, "no_score"),
        ("other question", 409, "not_comparable"),
        ("other rows", 409, "not_comparable"),
        ("answers gone", 409, "not_comparable"),
    ],
)
def test_what_cannot_be_compared_is_told(
    what: str, status: int, code: str, workspace: Workspace, user: User, client_of: ClientOf, api_of: ClientOf
) -> None:
    first, second = pair(workspace, RIGHT_60, RIGHT_90)
    chosen = [first, second]
    if what == "one":
        chosen = [first]
    elif what == "six":
        chosen += [things.run(first.prototype, number) for number in range(3, 7)]
    elif what == "running":
        Run.objects.filter(pk=second.pk).update(status="running", headline=None)
    elif what == "other question":
        Run.objects.filter(pk=second.pk).update(answer="another")
    elif what == "other rows":
        version = first.version
        version.pk, version.number = None, 2
        version.save()
        Run.objects.filter(pk=second.pk).update(version=version)
        for path in sorted(second.artifact.iterdir()):
            path.unlink()
        second.artifact.rmdir()
        answer(second, RIGHT_90, texts=[f"another {row}" for row in range(200)])
    else:
        (first.artifact / "predictions.parquet").unlink()
    refused = asked(api_of(user), *chosen)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.json()["hint"]
    page = client_of(user).get(address(*chosen))
    assert page.status_code == 200
    assert "Compare others" in text_of(page)


def test_runs_are_chosen_in_their_list(workspace: Workspace, user: User, client_of: ClientOf) -> None:
    first, second = pair(workspace, RIGHT_60, RIGHT_90)
    browser = client_of(user)
    shown = browser.get(reverse("runs", args=[first.prototype_id])).content.decode()
    for run in (first, second):
        assert f'name="run" value="{run.pk}"' in shown
    second.delete()
    shown = browser.get(reverse("runs", args=[first.prototype_id])).content.decode()
    assert 'name="run"' not in shown, "one alone has nothing to be compared with"


def test_nobody_compares_another_workspace_s_runs(workspace: Workspace, user: User, api_of: ClientOf) -> None:
    first, _second = pair(workspace, RIGHT_60, RIGHT_90)
    theirs, _other = pair(Workspace.objects.create(name="another"), RIGHT_60, RIGHT_90)
    assert asked(api_of(user), first, theirs).status_code == 404


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (0.5, "0.500"),
        ("late", "late"),
        ('["a", "b"]', "a, b"),
        ('{"answer": "in May", "start": 3}', "in May"),
        ('{"answer": null, "start": null}', "–"),
        ('[{"text": "Ann", "label": "person"}]', "person: Ann"),
        ('{"12": 1.0}', "row 12"),
        ("[1, 2, 3, 4, 5, 6, 7]", "rows 1, 2, 3, 4, 5 (+2)"),
    ],
)
def test_kept_answers_in_words(cell: object, words: str) -> None:
    assert comparing.kept_words(cell) == words
