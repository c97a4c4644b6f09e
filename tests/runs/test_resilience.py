"""What may die in the middle of a run, really killed: worker, Redis, web, the whole site. Nothing is lost or charged twice."""

import contextlib
import signal
import time
from typing import Any

import httpx
import psutil
import pytest

from tests.labelling.rows import csv
from tests.site import Site, rows_of, wait

pytestmark = pytest.mark.slow
LONG = {"epochs": 40, "patience": 40, "batch_size": 4, "max_length": 32}
LIMITS = {"seconds": 70}
"""Far more than the epochs take: a busy machine must reach its first checkpoint before the limit ends the run."""


@pytest.fixture(scope="module")
def dataset(site: Site) -> str:
    return site.upload(rows_of(400))


def in_training(site: Site, dataset: str, **body: Any) -> str:
    """A run that has learned for a while and saved at least one checkpoint."""
    run = site.train(dataset, params=LONG, limits=LIMITS, **body)
    site.wait_event(run, "checkpoint")
    return run


def end_soon(site: Site, run: str) -> dict[str, Any]:
    """What is asked of it has been seen: the epochs that are left would only keep the machine busy. 409: it learns no more."""
    assert site.api("POST", f"/runs/{run}/stop").status_code in (200, 409)
    return site.wait_run(run, "succeeded")


def ids_are_whole(site: Site, run: str) -> bool:
    ids = [event["id"] for event in site.events(run)]
    return ids == list(range(1, len(ids) + 1))


def charged_seconds(site: Site, run: str) -> float:
    items = site.get("/costs?group_by=subject_id")["items"]
    return sum(item["seconds"] for item in items if item["subject_id"] == run)


def test_a_killed_worker_costs_seconds_not_the_run(site: Site, dataset: str) -> None:
    started = time.monotonic()
    run = in_training(site, dataset, seed=1)
    site.kill("--queues=train-cpu")
    wait(lambda: not site.trainers(run), 5, "the trainer dies with its worker")
    site.wait_event(run, "checkpoint", resumed=True)
    done = end_soon(site, run)
    assert done["attempts"] == 2
    assert ids_are_whole(site, run)
    charged = charged_seconds(site, run)
    assert abs(charged - done["seconds"]) < 0.5
    assert charged <= time.monotonic() - started


def test_a_killed_redis_loses_no_event_and_no_run(site: Site, dataset: str) -> None:
    run = in_training(site, dataset, seed=2)
    site.kill("redis-server")
    wait(site.ready, 60, "the site is whole again")
    end_soon(site, run)
    assert ids_are_whole(site, run)
    again = site.train(dataset, method="probe")
    site.wait_run(again, "succeeded")


def test_a_killed_web_process_does_not_touch_the_run(site: Site, dataset: str) -> None:
    run = in_training(site, dataset, seed=3)
    site.kill("webapp.asgi:application")
    wait(site.ready, 60, "the web is back")
    assert site.run(run)["status"] in ("running", "succeeded")
    assert end_soon(site, run)["attempts"] == 1
    assert ids_are_whole(site, run)


def label(site: Site, dataset: str, row: int) -> None:
    """Until the site has taken it: of a web process that was killed nothing is heard."""
    body = {"labels": [{"row": row, "value": "good"}]}

    def sent() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return site.api("POST", f"/datasets/{dataset}/labels", json=body).status_code == 201
        return False

    wait(sent, 60, f"row {row} is labelled")


def test_no_label_is_lost_when_workers_and_the_web_are_killed_in_mid_labelling(site: Site) -> None:
    pool = site.upload(csv(20, 30), "pool.csv")
    victims = {31: "--queues=default", 38: "webapp.asgi:application"}
    for row in range(21, 46):
        if row in victims:
            site.kill(victims[row])
        label(site, pool, row)
    told = site.get(f"/datasets/{pool}/labelling")
    assert (told["pending"], told["pool"]) == (25, 5)
    assert site.api("POST", f"/datasets/{pool}/labels/done").status_code == 202
    made = wait(lambda: (now := site.get(f"/datasets/{pool}"))["version"] == 2 and now, 120, "the version is read")
    assert made["split"]["pool"] == 5
    assert {entry["label"]: entry["count"] for entry in made["labels"]} == {"good": 35, "bad": 10}


def test_cancelling_works_within_five_seconds_in_every_state(site: Site, dataset: str) -> None:
    training = in_training(site, dataset, seed=4)
    queued = site.train(dataset, params=LONG, limits=LIMITS, seed=5)
    assert site.run(queued)["place"] == 1
    for run in (queued, training):
        asked = time.monotonic()
        assert site.api("POST", f"/runs/{run}/cancel").status_code == 200
        site.wait_run(run, "cancelled", seconds=5)
        assert time.monotonic() - asked < 5
        assert not site.trainers(run)
    starting = site.train(dataset, params=LONG, limits=LIMITS, seed=6)
    wait(lambda: site.run(starting)["status"] in ("starting", "running"), 30, "it starts")
    site.api("POST", f"/runs/{starting}/cancel")
    site.wait_run(starting, "cancelled", seconds=5)
    assert not site.trainers(starting)

    site.api("POST", f"/runs/{training}/resume")
    site.wait_event(training, "checkpoint", resumed=True)
    end_soon(site, training)


def test_serving_killed_under_load_gives_no_wrong_answer_and_is_soon_back(site: Site) -> None:
    endpoint = site.deployed()
    texts = ["card money refund 1", "parcel late bike 2"]
    ask = {"headers": {"Authorization": f"Bearer {endpoint['key']}"}, "json": {"inputs": texts}, "timeout": 5}
    right = wait(lambda: httpx.post(endpoint["predict_url"], **ask).json().get("outputs"), 60, "the first answer")
    site.kill("serving.app:app")
    killed = time.monotonic()
    answered = None
    while time.monotonic() - killed < 15:
        answer = httpx.post(endpoint["predict_url"], **ask)
        if answer.status_code == 200:
            assert answer.json()["outputs"] == right
            answered = answered or time.monotonic() - killed
        else:
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
        time.sleep(0.05)
        if answered and time.monotonic() - killed > answered + 2:
            break
    assert answered is not None
    assert answered < 10


def test_the_stream_goes_on_exactly_where_a_reader_left(site: Site, dataset: str) -> None:
    run = site.train(dataset, method="probe", seed=7)
    site.wait_run(run, "succeeded")
    with httpx.Client(base_url=site.url) as browser:
        page = browser.get(site.sign_in_link("tester@example.org"))
        token = page.text.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
        browser.post(str(page.url), data={"csrfmiddlewaretoken": token})
        whole = browser.get(f"/runs/{run}/stream", timeout=30).text
        rest = browser.get(f"/runs/{run}/stream", headers={"Last-Event-ID": "5"}, timeout=30).text
    ids = [int(line[4:]) for line in whole.splitlines() if line.startswith("id: ")]
    assert ids == list(range(1, len(site.events(run)) + 1))
    assert [int(line[4:]) for line in rest.splitlines() if line.startswith("id: ")] == ids[5:]
    assert httpx.get(f"{site.url}/runs/{run}/stream").status_code == 404


def test_the_whole_site_stopped_and_started_goes_on(site: Site, dataset: str) -> None:
    run = in_training(site, dataset, seed=8)
    below = psutil.Process(site.process.pid).children(recursive=True)
    site.process.send_signal(signal.SIGTERM)
    site.process.wait(40)
    wait(
        lambda: not [one for one in below if one.is_running() and one.status() != psutil.STATUS_ZOMBIE],
        5,
        "nothing is left",
    )
    began = time.monotonic()
    site.start()
    assert time.monotonic() - began < 30
    site.wait_event(run, "checkpoint", resumed=True)
    assert end_soon(site, run)["attempts"] == 1
