"""The operator's limits of a workspace: twenty at once never pass one, what goes beyond is refused in words."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from tests import things
from tests.ops.test_at_once import AT_ONCE, at_once
from webapp.accounts import limits
from webapp.accounts.actions import create_token
from webapp.accounts.models import ApiToken, User, Workspace
from webapp.core.limits import BY_NAME, DECLARED, UNLIMITED, parse
from webapp.core.problems import Problem
from webapp.costs.gate import charge
from webapp.datasets import uploads
from webapp.datasets.actions import create_dataset, sample_dataset
from webapp.datasets.versions import restore
from webapp.endpoints import actions as endpoints
from webapp.endpoints.models import EndpointKey, ShareLink
from webapp.endpoints.visitors import take_feedback
from webapp.pages.erasure import erase_workspace
from webapp.prototypes.actions import create_prototype
from webapp.prototypes.models import Prototype
from webapp.runs import estimates, previews, sse, trials
from webapp.runs.actions import create_run, resume
from webapp.runs.models import Estimate, Preview, Run, Status
from webapp.runs.searches import create_search

ROOT = Path(__file__).resolve().parents[2]
MOST = 5
Make = Callable[[int], object]
Maker = Callable[[Workspace, User], Make]


def runs(workspace: Workspace, user: User) -> Make:
    prototype = things.prototype(workspace)
    return lambda _: create_run(prototype, user, {})


def resumed(workspace: Workspace, user: User) -> Make:
    prototype = things.prototype(workspace)
    failed = [things.run(prototype, number, status=Status.FAILED) for number in range(AT_ONCE)]
    return lambda number: resume(failed[number], user)


def searching(workspace: Workspace, user: User) -> Make:
    """None of which has queued a trial yet."""
    prototype = things.prototype(workspace)
    version = prototype.dataset.current
    version.profile = version.profile | {"split": {"train": 40, "validation": 10, "test": 10}}
    version.save()
    return lambda _: create_search(prototype, user, {"method": "full"})


def empty_uploads(workspace: Workspace, user: User) -> Make:
    return lambda number: uploads.begin(workspace, user, 0, name=f"{number}.csv")


def empty_datasets(workspace: Workspace, user: User) -> Make:
    return lambda _: create_dataset(workspace, user, [ContentFile(b"", name="rows.csv")])


def samples(workspace: Workspace, user: User) -> Make:
    return lambda number: sample_dataset(workspace, user, "digits", f"sample {number}")


def versions(workspace: Workspace, user: User) -> Make:
    dataset = things.dataset(workspace, files=True)
    first = dataset.versions.get()
    add = things.DatasetVersion.objects.create
    add(workspace=workspace, dataset=dataset, number=2, status="ready", profile=things.PROFILE, rows=3)
    return lambda _: restore(first, user)


def prototypes(workspace: Workspace, user: User) -> Make:
    dataset = things.dataset(workspace)
    return lambda _: create_prototype(dataset, user)


def demos(workspace: Workspace, user: User) -> Make:
    finished = [things.run(things.prototype(workspace)) for _ in range(AT_ONCE)]
    return lambda number: endpoints.deploy(finished[number], user)


def keys(workspace: Workspace, user: User) -> Make:
    endpoint = things.endpoint(things.run(things.prototype(workspace)))
    return lambda number: endpoints.create_key(endpoint, user, f"key {number}")


def revoked_keys(workspace: Workspace, user: User) -> Make:
    endpoint = things.endpoint(things.run(things.prototype(workspace)))
    return lambda number: endpoints.revoke(endpoints.create_key(endpoint, user, f"key {number}")[0], user)


def links(workspace: Workspace, user: User) -> Make:
    endpoint = things.endpoint(things.run(things.prototype(workspace)))
    return lambda number: endpoints.create_link(endpoint, user, f"link {number}")


def tokens(workspace: Workspace, user: User) -> Make:
    return lambda number: create_token(user, workspace, f"token {number}")


def measured(workspace: Workspace, user: User) -> Make:
    version = things.dataset(workspace, files=True).current
    add = Estimate.objects.create
    made = [
        add(workspace=workspace, version=version, key=str(number), spec={}, hardware="cpu") for number in range(AT_ONCE)
    ]
    return lambda number: trials.ask_again(made[number], {})


def ratings(workspace: Workspace, user: User) -> Make:
    endpoint = things.endpoint(things.run(things.prototype(workspace)))
    return lambda _: take_feedback(endpoint, "a text", {}, "up")


MAKERS: list[tuple[str, Maker]] = [
    ("runs_waiting", runs),
    ("runs_waiting", resumed),
    ("runs_waiting", searching),
    ("uploads_hour", empty_uploads),
    ("uploads_hour", empty_datasets),
    ("uploads_hour", versions),
    ("datasets", empty_datasets),
    ("datasets", samples),
    ("prototypes", prototypes),
    ("endpoints", demos),
    ("keys", keys),
    ("keys", revoked_keys),
    ("links", links),
    ("tokens", tokens),
    ("estimates_minute", measured),
    ("ratings_day", ratings),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "maker"), MAKERS, ids=[f"{name}-{maker.__name__}" for name, maker in MAKERS])
def test_twenty_at_once_never_pass_a_limit(name: str, maker: Maker, user: User, workspace: Workspace) -> None:
    make = maker(workspace, user)
    limits.set_limit(workspace, name, MOST)
    room = MOST - int(limits.used(workspace, BY_NAME[name]))
    answers = at_once(make)
    refused = [answer for answer in answers if isinstance(answer, Problem) and answer.code == "workspace_limit"]
    assert len(refused) == AT_ONCE - room
    assert limits.used(workspace, BY_NAME[name]) == MOST
    for problem in refused:
        assert problem.extra["limit"] == name
        assert str(MOST) in problem.message
        assert problem.hint
        assert (problem.status, bool(problem.extra.get("retry_after"))) == (
            (429, True) if BY_NAME[name].seconds else (409, False)
        )


def test_every_limit_that_is_checked_where_something_is_made_is_tried_here() -> None:
    elsewhere = {"runs_at_once", "compute_hours_day", "compute_hours_month", "budget"}
    elsewhere |= {"members", "streams", "previews_minute", "examinations_minute", "requests_minute"}
    assert {name for name, _maker in MAKERS} | elsewhere == set(BY_NAME)
    assert set(BY_NAME) - set(limits.COUNTERS) == {"budget", "requests_minute"}


def test_another_workspace_has_its_own(user: User, workspace: Workspace, outsider: User) -> None:
    limits.set_limit(workspace, "tokens", 0)
    with pytest.raises(Problem, match="at most 0 API tokens"):
        create_token(user, workspace)
    create_token(outsider, outsider.workspaces.get())
    limits.use_default(workspace, "tokens")
    create_token(user, workspace)


def test_unlimited_is_more_than_the_default(user: User, workspace: Workspace, settings: Any) -> None:
    settings.LIMITS = settings.LIMITS | {"tokens": 0}
    limits.set_limit(workspace, "tokens", None)
    create_token(user, workspace)
    assert ApiToken.objects.filter(workspace=workspace).count() == 1


def test_a_link_that_was_turned_off_counts_again(user: User, workspace: Workspace) -> None:
    endpoint = things.endpoint(things.run(things.prototype(workspace)))
    link = endpoints.create_link(endpoint, user, "old")
    endpoints.revoke(link, user)
    ShareLink.objects.update(created_at="2026-01-01T00:00:00Z")
    limits.set_limit(workspace, "links", 1)
    with pytest.raises(Problem, match="at most 1 share links"):
        endpoints.restore(link, user)
    ShareLink.objects.get(pk=link.pk)
    assert ShareLink.objects.get(pk=link.pk).revoked_at


def test_a_deployment_needs_room_for_its_key_and_link(user: User, workspace: Workspace) -> None:
    limits.set_limit(workspace, "keys", 0)
    with pytest.raises(Problem, match="API keys"):
        endpoints.deploy(things.run(things.prototype(workspace)), user)
    assert not EndpointKey.objects.exists()


def test_previews(user: User, workspace: Workspace) -> None:
    version = things.dataset(workspace, files=True).current
    limits.set_limit(workspace, "previews_minute", 1)
    previews.augmented(version, {})
    with pytest.raises(Problem, match="at most 1 previews a minute"):
        previews.augmented(version, {"params": {"epochs": 7}})
    previews.augmented(version, {})  # a known one is free
    assert Preview.objects.count() == 1, "a sweep would draw the other"


def test_a_refused_estimate_leaves_nothing_to_a_sweep(user: User, workspace: Workspace) -> None:
    version = things.dataset(workspace, files=True).current
    limits.set_limit(workspace, "estimates_minute", 0)
    with pytest.raises(Problem, match="at most 0 estimates a minute"):
        estimates.request(version, {})
    assert not Estimate.objects.exists()


def test_compute_hours(user: User, workspace: Workspace) -> None:
    prototype = things.prototype(workspace)
    limits.set_limit(workspace, "compute_hours_day", 3)
    charge(workspace, key="a", seconds=3600, price=0, kind="training", hardware="gpu:2")
    create_run(prototype, user, {})
    charge(workspace, key="b", seconds=3600, price=0, kind="training", hardware="cpu")
    with pytest.raises(Problem, match="3 compute hours of today"):
        create_run(prototype, user, {})


def test_deleting_a_workspace_brings_no_other_compute_hours(user: User, workspace: Workspace, outsider: User) -> None:
    run = create_run(things.prototype(workspace), user, {})
    Run.objects.filter(pk=run.pk).update(status=Status.SUCCEEDED)
    charge(workspace, key="a", seconds=7200, price=0, kind="training", hardware="cpu")
    erase_workspace(workspace, user)
    new, other = user.workspaces.get(), outsider.workspaces.get()
    assert new != workspace
    for name in ("compute_hours_day", "compute_hours_month"):
        assert limits.used(new, BY_NAME[name]) == 2
        assert limits.used(other, BY_NAME[name]) == 0


def test_streams() -> None:
    seats = sse.Seats()
    seats.of_workspaces["w"] = 2
    assert seats.full("person", "w", 2)
    assert not seats.full("person", "w", 3)
    assert not seats.full("person", "w", None)


def test_the_api_refuses_in_words(workspace: Workspace, user: User, api_of: Callable[[User], Client]) -> None:
    api, prototype = api_of(user), things.prototype(workspace)
    limits.set_limit(workspace, "runs_waiting", 1)
    answers = [
        api.post(
            "/api/v1/runs",
            {"dataset": prototype.dataset_id, "prototype": prototype.pk},
            content_type="application/json",
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 409]
    body = answers[1].json()
    assert (body["code"], body["limit"], body["most"]) == ("workspace_limit", "runs_waiting", 1)
    assert "cancel some" in body["hint"]
    shown = {item["name"]: item for item in api.get("/api/v1/limits").json()["items"]}
    assert shown["runs_waiting"] == {"name": "runs_waiting", "used": 1, "most": 1}
    assert set(shown) == set(limits.COUNTERS)


def test_members_see_them(workspace: Workspace, user: User, client_of: Callable[[User], Client]) -> None:
    limits.set_limit(workspace, "datasets", 1234)
    limits.set_limit(workspace, "endpoints", None)
    page = client_of(user).get(reverse("limits")).content.decode()
    assert "0 of 1,234" in page
    assert "unlimited" in page
    assert workspace.pk in page
    for limit in DECLARED:
        assert limit.name == "budget" or str(limit.title) in page


def test_the_command(workspace: Workspace, user: User) -> None:
    def told(*arguments: str) -> str:
        out = StringIO()
        call_command("limits", *arguments, stdout=out)
        return out.getvalue()

    assert re.search(r"^runs_waiting +100$", told(), re.M)
    answer = told("--workspace", user.email, "runs_waiting=3", "datasets=unlimited")
    assert re.search(r"^runs_waiting +0 of 3  \(own\)$", answer, re.M)
    assert re.search(r"^datasets +0 of unlimited  \(own\)$", answer, re.M)
    assert re.search(r"^runs_waiting +0 of 100$", told("--workspace", workspace.pk, "runs_waiting=default"), re.M)
    for wrong in (
        "runs=3",
        "runs_waiting",
        "runs_waiting=-1",
        "runs_waiting=many",
        "requests_minute=3",
        "datasets=1e9",
    ):
        with pytest.raises(CommandError):
            told("--workspace", user.email, "tokens=1", wrong)
    assert limits.most_of(workspace, "tokens") == BY_NAME["tokens"].default, "nothing of a refused change is stored"
    with pytest.raises(CommandError, match="neither a workspace"):
        told("--workspace", "nobody@example.org")
    with pytest.raises(CommandError, match="Add --workspace"):
        told("tokens=1")


@pytest.mark.parametrize(("text", "most"), [("0", 0), (" 12 ", 12), ("Unlimited", None), ("2147483647", 2**31 - 1)])
def test_numbers_and_unlimited(text: str, most: int | None) -> None:
    assert parse(text, "LIMIT_TOKENS") == most


@pytest.mark.parametrize("text", ["", "-1", "1.5", "none", "²", "2147483648", "1" * 100])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="LIMIT_TOKENS is a whole number, or unlimited"):
        parse(text, "LIMIT_TOKENS")


def test_the_environment() -> None:
    code = "from django.conf import settings; print(settings.LIMITS['tokens'], settings.LIMITS['runs_waiting'])"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "LIMIT_TOKENS": "unlimited",
        "LIMIT_RUNS_WAITING": "7",
    }
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["None", "7"]
    wrong = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"LIMIT_TOKENS": "a lot"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert f"{ImproperlyConfigured.__name__}: LIMIT_TOKENS is a whole number" in wrong.stderr


def test_the_table_in_the_docs_has_them_all() -> None:
    text = (ROOT / "docs/settings.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(LIMIT_\w+)` \| `(\w+)` \| \S", text, re.M))
    assert rows == {limit.variable: UNLIMITED if limit.default is None else str(limit.default) for limit in DECLARED}


def test_counting_is_one_query_each(workspace: Workspace, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(len(DECLARED) + 5):
        limits.all_of(workspace)


def test_nothing_else_is_left_over(workspace: Workspace) -> None:
    """What is refused leaves no rows."""
    limits.set_limit(workspace, "runs_waiting", 0)
    with pytest.raises(Problem):
        create_run(things.prototype(workspace), None, {})
    assert not Run.objects.exists()
    assert Prototype.objects.get().task == ""
