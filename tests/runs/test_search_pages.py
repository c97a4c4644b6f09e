"""The pages and the API of searches, over trials as workers would leave them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.prototypes.models import Prototype
from webapp.runs import search_pictures
from webapp.runs.models import Run, Search, Status
from webapp.runs.search_models import SearchStatus

ClientOf = Callable[[User], Client]
SPACE = {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}, "batch_size": {"choices": [8, 16, 32]}}
MODEL = "bundled:all-MiniLM-L6-v2"
SCORES = (0.71, 0.83, None, 0.9, 0.66, 0.88, 0.86)


@pytest.fixture
def prototype(workspace: Workspace) -> Prototype:
    return things.prototype(workspace)


def search_of(prototype: Prototype, **fields: Any) -> Search:
    importance = {"learning_rate": 0.8, "batch_size": 0.2}
    usual = {"status": "running", "space": SPACE, "importance": importance, "limits": {"cost": 2.0}}
    return things.search(prototype, **(usual | fields))


def with_trials(search: Search) -> list[Run]:
    made = []
    for number, score in enumerate(SCORES, start=1):
        status = Status.FAILED if score is None else Status.PRUNED if score < 0.7 else Status.SCORED
        trial = {"search": search, "trial": number, "evaluate_on": "validation", "status": status, "headline": None}
        trial |= {"validation": {"name": "accuracy", "value": score} if score else None, "cost": Decimal("0.01")}
        params = {"learning_rate": 10 ** (-5 + number / 4), "batch_size": 16}
        made.append(things.run(search.prototype, number, params=params, seconds=20, **trial))
    return made


def test_a_search_at_work(prototype: Prototype, user: User, client_of: ClientOf) -> None:
    search = search_of(prototype)
    trials = with_trials(search)
    page = client_of(user).get(reverse("search", args=[search.pk])).content.decode()
    page = page.replace("\u00a0", " ").replace("\u202f", " ")
    assert "Searching, trial 7 of 20" in page
    assert reverse("stop_search", args=[search.pk]) in page
    assert "“Learning rate” explains 80 %" in page
    assert page.count(reverse("run", args=[trials[3].pk])) == 1
    assert "90.0 %" in page
    assert "$0.07" in page
    assert page.count('class="point raw"') == 3  # the pruned one, in the scores and by each setting
    live = client_of(user).get(reverse("search_live", args=[search.pk]))
    assert "HX-Refresh" not in live


def test_an_ended_search_says_why(prototype: Prototype, user: User, client_of: ClientOf) -> None:
    stopped = {"code": "cost", "left": 0.02, "usual": 0.3}
    search = search_of(prototype, status=SearchStatus.SUCCEEDED, stopped=stopped)
    trials = with_trials(search)
    Run.objects.filter(pk=trials[3].pk).update(
        status=Status.SUCCEEDED, evaluate_on="test", headline=things.HEADLINE, metric="accuracy", rank=0.9
    )
    Search.objects.filter(pk=search.pk).update(winner=trials[3])
    browser = client_of(user)
    page = browser.get(reverse("search", args=[search.pk])).content.decode()
    assert "Trial 4 is the best" in page
    assert "The limit leaves $0.02 for another trial, which usually takes $0.30." in page
    assert reverse("delete_search", args=[search.pk]) in page
    assert browser.get(reverse("search_live", args=[search.pk]))["HX-Refresh"] == "true"
    listed = browser.get(reverse("runs", args=[prototype.pk])).content.decode()
    assert reverse("search", args=[search.pk]) in listed
    assert reverse("run", args=[trials[3].pk]) in listed
    assert reverse("run", args=[trials[1].pk]) not in listed
    assert "One run" in listed
    assert '<span\n class="small muted">1</span>' in listed  # the tab counts the tested trial alone


def test_the_page_of_a_trial_leads_to_its_search(prototype: Prototype, user: User, client_of: ClientOf) -> None:
    search = search_of(prototype)
    trials = with_trials(search)
    page = client_of(user).get(reverse("run", args=[trials[0].pk])).content.decode()
    assert "Scored on validation rows" in page
    assert reverse("search", args=[search.pk]) in page
    assert "Trial 1 of Search 1" in " ".join(page.split())


def test_the_number_of_queries_does_not_grow(
    prototype: Prototype, user: User, client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    search = search_of(prototype)
    with_trials(search)
    browser, address = client_of(user), reverse("search", args=[search.pk])
    browser.get(address)
    with django_assert_max_num_queries(16):
        browser.get(address)


def test_the_train_page_offers_what_the_method_learns_by(prototype: Prototype, user: User, client_of: ClientOf) -> None:
    address = reverse("search_settings", args=[prototype.pk])
    full = client_of(user).get(f"{address}?method=full").content.decode()
    assert 'name="search-on-learning_rate"' in full
    assert 'name="search-choices-batch_size"' in full
    assert "lora_rank" not in full
    probe = client_of(user).get(f"{address}?method=probe").content.decode()
    assert "no settings worth a search" in probe


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"low-learning_rate": "1", "high-learning_rate": "0.1"}, "The first value must be below the second."),
        ({"high-learning_rate": "7"}, "params.learning_rate"),
        ({"choices-batch_size": "8"}, "give 2 to 20 choices"),
        ({"trials": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_searched_is_told_beside_its_field(
    prototype: Prototype, user: User, client_of: ClientOf, fields: dict[str, str], said: str
) -> None:
    sent = {
        "on-learning_rate": "on",
        "on-batch_size": "on",
        "low-learning_rate": "0.00001",
        "high-learning_rate": "0.001",
    }
    data = {f"search-{name}": value for name, value in (sent | {"choices-batch_size": "8, 16"} | fields).items()}
    address = reverse("train", args=[prototype.pk])
    answer = client_of(user).post(address, data | {"method": "full", "model": MODEL, "search": "1"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert 'id="search-fold" open' in page
    assert not Search.objects.exists()


def test_a_search_begins_from_the_train_page(prototype: Prototype, user: User, client_of: ClientOf) -> None:
    data = {"on-batch_size": "on", "choices-batch_size": "8, 16", "trials": "3"}
    sent = {f"search-{name}": value for name, value in data.items()}
    more = {"method": "full", "model": MODEL, "cap": "2", "search": "1"}
    answer = client_of(user).post(reverse("train", args=[prototype.pk]), sent | more)
    search = Search.objects.get()
    assert answer["Location"] == reverse("search", args=[search.pk])
    assert (search.space, search.most_trials, search.limits) == ({"batch_size": {"choices": [8, 16]}}, 3, {"cost": 2.0})


def test_over_the_api(prototype: Prototype, user: User, outsider: User, api_of: ClientOf) -> None:
    search = search_of(prototype)
    trials = with_trials(search)
    address = f"/api/v1/searches/{search.pk}"
    told = api_of(user).get(address).json()
    assert told["best"] == trials[3].pk
    assert told["cost"] == "0.07"
    assert [run["trial"] for run in told["runs"]] == [1, 2, 3, 4, 5, 6, 7]
    assert told["runs"][3]["validation"] == {"name": "accuracy", "value": 0.9}
    assert api_of(user).get("/api/v1/searches").json()["items"][0]["trials"] == 7
    assert api_of(user).get(f"/api/v1/runs/{trials[0].pk}").json()["search"] == search.pk
    assert api_of(outsider).get(address).status_code == 404
    assert api_of(outsider).delete(address).status_code == 404
    assert api_of(user).delete(address).json()["code"] == "at_work"
    assert api_of(user).post(f"{address}/cancel").json()["status"] == "cancelled"
    assert api_of(user).delete(address).status_code == 204
    assert not Run.objects.filter(pk__in=[run.pk for run in trials]).exists()
    assert not any(run.folder.exists() for run in trials)


def test_a_search_that_is_open_keeps_its_prototype(prototype: Prototype, user: User, api_of: ClientOf) -> None:
    search_of(prototype)
    answer = api_of(user).delete(f"/api/v1/prototypes/{prototype.pk}")
    assert answer.json()["code"] == "at_work"


@pytest.mark.parametrize(
    ("value", "bounds", "share"),
    [
        (1e-4, {"low": 1e-5, "high": 1e-3, "log": True}, 0.5),
        (3, {"low": 1, "high": 5}, 0.5),
        (32, {"choices": [8, 16, 32]}, 1.0),
        (7, {"choices": [8, 16, 32]}, None),
        (None, {"low": 1, "high": 5}, None),
    ],
)
def test_where_a_value_is_drawn(value: object, bounds: dict[str, Any], share: float | None) -> None:
    assert search_pictures.share_of(value, bounds) == (share if share is None else pytest.approx(share))
