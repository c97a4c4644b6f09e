"""The budget of a site that really runs: workers, the trainer, the model server and the clock that charges."""

import math
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.site import ENDED, Site

LEFT, PRICE = 0.50, 100.0
MOST_OVER = 0.21
LONG = {"epochs": 100, "patience": 100, "batch_size": 4, "max_length": 32}
CHARGED_EVERY = 60.0
"""Seconds between two charges of hosting."""


@pytest.fixture
def spending(site: Site) -> Iterator[Site]:
    """Its demo is live; prices and budget are what they were before afterwards."""
    before = {one["hardware"]: one["price_per_hour"] for one in site.get("/rates")["items"]}
    amount = site.get("/budget")["amount"]
    site.deployed()
    try:
        yield site
    finally:
        for hardware in ("cpu", "endpoint"):
            site.api("PUT", f"/rates/{hardware}", json={"price_per_hour": before[hardware]})
        site.api("PUT", "/budget", json={"amount": amount})


def spent(site: Site) -> float:
    return float(site.get("/budget")["spent"])


def set_price(site: Site, hardware: str) -> None:
    answer = site.api("PUT", f"/rates/{hardware}", json={"price_per_hour": PRICE})
    assert answer.status_code == 200, answer.text


@pytest.mark.slow
def test_three_runs_started_together_stay_within_the_budget(spending: Site) -> None:
    site = spending
    dataset = site.upload()
    set_price(site, "cpu")
    budget = math.ceil(100 * (spent(site) + LEFT)) / 100
    assert site.api("PUT", "/budget", json={"amount": f"{budget:.2f}"}).status_code == 200
    runs = [site.train(dataset, params=LONG, seed=seed) for seed in range(3)]
    ended = [site.wait_run(run, *ENDED, seconds=180) for run in runs]
    assert spent(site) <= budget + MOST_OVER
    assert any(float(one["cost"]) > 0 for one in ended), "something was trained for the money"

    assert site.api("PUT", "/budget", json={"amount": "0.01"}).status_code == 200  # whatever the runs left
    set_price(site, "endpoint")
    demo = site.deployed()
    asked = httpx.post(
        f"{site.url}/e/{demo['slug']}/predict",
        json={"inputs": ["my card is lost"]},
        headers={"Authorization": f"Bearer {demo['key']}"},
        timeout=30,
    )
    assert asked.status_code == 402, asked.text
    before = spent(site)
    time.sleep(CHARGED_EVERY + 10)
    assert spent(site) == before, "a paused demo costs nothing"
