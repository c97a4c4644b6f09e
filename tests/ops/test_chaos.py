"""Five kinds of work on a running site, killed at a moment that a seeded random chooses: each is finished exactly once."""

import io
import os
import random
import re
import shutil
import signal
import sqlite3
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import psutil
import pytest

from tests.site import Site, command_of, rows_of, wait
from tests.tiny_model import build
from tests.trainer.data_files import picture

pytestmark = pytest.mark.slow
SEED = 20261128
TABLES = {
    "version": "datasets_datasetversion",
    "run": "runs_run",
    "estimate": "runs_estimate",
    "export": "endpoints_endpointversion",
    "preview": "runs_preview",
}
DONE = {
    "version": "status = 'ready'",
    "run": "status = 'succeeded'",
    "estimate": "result IS NOT NULL AND error IS NULL",
    "export": "engine != '' AND error IS NULL",
    "preview": "result IS NOT NULL AND error IS NULL",
}
COMMANDS = {"version": "inspect", "run": "run", "estimate": "estimate", "export": "export", "preview": "augment"}
"""Of the trainer."""


class ShortLeases(Site):
    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"RUN_LEASE_SECONDS": "2", "RUN_HEARTBEAT_SECONDS": "0.5"}

    def rows(self, question: str, *values: str) -> list[tuple]:
        path = self.folder / "data" / "db.sqlite3"
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
            return database.execute(question, values).fetchall()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShortLeases]:
    folder = tmp_path_factory.mktemp("chaos")
    running = ShortLeases(folder, build(folder / "models"))
    running.start()
    running.rows("CREATE TABLE ended (id TEXT)")
    for table in TABLES.values():
        running.rows(
            f"CREATE TRIGGER ended_{table} AFTER UPDATE OF finished_at ON {table} "
            "WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL BEGIN INSERT INTO ended VALUES (NEW.id); END"
        )
    yield running
    running.stop()


def pictures() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(24):
            archive.writestr(f"{'odd' if number % 2 else 'even'}/{number}.png", picture(number * 10, (24 + number, 16)))
    return file.getvalue()


class Asking:
    """Whoever has work done: texts, pictures, and a finished run to deploy."""

    def __init__(self, site: ShortLeases) -> None:
        self.site = site
        self.texts = site.upload(rows_of(200))
        self.trained = site.train(self.texts, method="probe")
        self.browser = httpx.Client(base_url=site.url, follow_redirects=True, timeout=60)
        page = self.browser.get(site.sign_in_link("tester@example.org"))
        token = page.text.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
        self.browser.post(str(page.url), data={"csrfmiddlewaretoken": token})
        made = self.browser.post("/new", files={"file": ("pictures.zip", pictures())}, headers=self.headers)
        self.prototype = re.search(r"/prototypes/(\w+)", str(made.url))[1]
        wait(
            lambda: site.rows("SELECT status FROM datasets_datasetversion") == [("ready",)] * 2, 60, "pictures are read"
        )
        site.wait_run(self.trained, "succeeded")

    @property
    def headers(self) -> dict[str, str]:
        return {"X-CSRFToken": self.browser.cookies["csrftoken"], "Referer": self.site.url}

    def ask(self, kind: str, turn: int) -> str:
        """Ask for one; its id."""
        {
            "version": lambda: self.site.api("POST", "/datasets", files={"file": ("more.csv", rows_of(500 + turn))}),
            "run": lambda: self.site.train(
                self.texts, params={"epochs": 12, "batch_size": 4, "max_length": 16}, seed=turn
            ),
            "estimate": self.estimate(turn),
            "export": self.deploy,
            "preview": self.preview(turn),
        }[kind]()
        return self.site.rows(f"SELECT id FROM {TABLES[kind]} ORDER BY created_at DESC LIMIT 1")[0][0]

    def estimate(self, turn: int) -> Callable[[], object]:
        body = {"dataset": self.texts, "model": "local:tiny", "method": "full", "params": {"epochs": 20 + turn}}
        return lambda: self.site.api("POST", "/estimates", json=body)

    def deploy(self) -> None:
        shutil.rmtree(self.site.folder / "data" / "runs" / self.trained / "artifact" / "onnx")
        assert self.site.api("POST", "/endpoints", json={"run": self.trained}).status_code in (200, 201)

    def preview(self, turn: int) -> Callable[[], object]:
        body = {"model": ("scratch:mlp-128", "scratch:mlp-256-128")[turn], "method": "scratch"}
        path = f"/prototypes/{self.prototype}/augmented"
        return lambda: self.browser.post(path, data=body, headers=self.headers)


@pytest.fixture(scope="module")
def asking(site: ShortLeases) -> Iterator[Asking]:
    asker = Asking(site)
    yield asker
    asker.browser.close()


def trainers(site: Site, command: str) -> list[psutil.Process]:
    return [
        one for one in site.processes(f"-m trainer {command}") if re.search(rf"trainer {command}\b", command_of(one))
    ]


def kill_trainer(site: Site, kind: str, delay: float) -> None:
    """Once it is there, and so long after."""
    for one in wait(lambda: trainers(site, COMMANDS[kind]), 40, f"the trainer of the {kind}"):
        time.sleep(delay)
        if one.is_running():
            os.kill(one.pid, signal.SIGKILL)


def is_done(site: ShortLeases, kind: str, pk: str) -> bool:
    return bool(site.rows(f"SELECT 1 FROM {TABLES[kind]} WHERE id = ? AND lease = '' AND {DONE[kind]}", pk))


@pytest.mark.parametrize("victim", ["trainer", "worker"])
def test_each_is_finished_once(victim: str, site: ShortLeases, asking: Asking) -> None:
    chance, turn = random.Random(f"{SEED} {victim}"), ["trainer", "worker"].index(victim)
    killers = [
        threading.Thread(target=kill_trainer, args=(site, kind, chance.random() * 1.5))
        for kind in (TABLES if victim == "trainer" else ())
    ]
    for killer in killers:
        killer.start()
    asked = {kind: asking.ask(kind, turn) for kind in TABLES}
    if victim == "worker":
        for queues in (("default", "read"), ("train-cpu",)):
            wait(lambda: site.processes("-m trainer"), 30, "something is at work")
            time.sleep(chance.random() * 1.5)
            for queue in queues:
                site.kill(f"--queues={queue}")
    for killer in killers:
        killer.join()
    wait(lambda: all(is_done(site, *one) for one in asked.items()), 120, f"done of {asked}")
    time.sleep(1)
    for kind, pk in asked.items():
        assert site.rows("SELECT count(*) FROM ended WHERE id = ?", pk) == [(1,)], kind
        assert is_done(site, kind, pk)
        assert not trainers(site, COMMANDS[kind]), "nobody is left at work"
        assert site.rows(f"SELECT attempts FROM {TABLES[kind]} WHERE id = ?", pk)[0][0] <= 3
