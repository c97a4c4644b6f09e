"""The budget of a site that really runs: workers, the trainer, the model server and the clock that charges."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.site import ENDED, Site, wait

LEFT, PRICE = 0.50, 100.0
MOST_OVER = 0.21
LONG = {"epochs": 100, "patience": 100, "batch_size": 4, "max_length": 32}
WATCHED = 150.0
"""Seconds in which nothing is charged: hosting is charged each minute."""


@pytest.fixture
def spending(site: Site) -> Iterator[Site]:
    """Prices and budget are what they were before afterwards."""
    price = next(one["price_per_hour"] for one in site.get("/rates")["items"] if one["hardware"] == "cpu")
    amount = site.get("/budget")["amount"]
    try:
        yield site
    finally:
        site.api("PUT", "/rates/cpu", json={"price_per_hour": price})
        site.api("PUT", "/budget", json={"amount": amount})


@dataclass(frozen=True)
class Paused:
    """Somebody's site whose demo the budget has paused, what was spent then, and when that was (monotonic seconds)."""

    site: Site
    spent: float
    since: float
    demo: dict[str, Any]

    def ask(self) -> httpx.Response:
        return httpx.post(
            f"{self.site.url}/e/{self.demo['slug']}/predict",
            json={"inputs": ["my card is lost"]},
            headers={"Authorization": f"Bearer {self.demo['key']}"},
            timeout=30,
        )


@pytest.fixture(scope="session")
def paused(site: Site) -> Paused:
    """In a workspace of its own, so that what other tests do meanwhile costs it nothing."""
    own = site.as_somebody("paused@example.org")
    demo = own.deployed()
    set_price(own, "endpoint")
    time.sleep(1)  # costs more than the budget to come
    assert own.api("PUT", "/budget", json={"amount": "0.01"}).status_code == 200
    found = Paused(own, spent(own), time.monotonic(), demo)
    wait(lambda: found.ask().status_code == 402, 20, "the demo is paused")
    return found


def spent(site: Site) -> float:
    return float(site.get("/budget")["spent"])


def set_price(site: Site, hardware: str) -> None:
    answer = site.api("PUT", f"/rates/{hardware}", json={"price_per_hour": PRICE})
    assert answer.status_code == 200, answer.text


@pytest.mark.slow
def test_three_runs_started_together_stay_within_the_budget(spending: Site, paused: Paused) -> None:
    """A demo is paused first, to be watched until the last test of the site."""
    site = spending
    dataset = site.upload()
    set_price(site, "cpu")
    budget = math.ceil(100 * (spent(site) + LEFT)) / 100
    assert site.api("PUT", "/budget", json={"amount": f"{budget:.2f}"}).status_code == 200
    runs = [site.train(dataset, params=LONG, seed=seed) for seed in range(3)]
    ended = [site.wait_run(run, *ENDED, seconds=180) for run in runs]
    assert spent(site) <= budget + MOST_OVER
    assert any(float(one["cost"]) > 0 for one in ended), "something was trained for the money"


@pytest.mark.slow
@pytest.mark.patient
def test_a_paused_demo_is_charged_nothing_in_150_seconds(paused: Paused) -> None:
    time.sleep(max(paused.since + WATCHED - time.monotonic(), 0))
    assert paused.ask().status_code == 402
    assert spent(paused.site) == paused.spent >= 0.01
