"""What a site does when its processes are killed with `kill -9`, one at a time, under a run that trains and a client that asks.

    python benchmarks/recovery.py [--lease 30] [--quiet 8] [--database]

Starts a site of its own with a tiny model, asks its demo twice a second by the site and straight at the model server, kills
each process once, and prints: when the new one was there, what the client met, and what became of the run. Where PostgreSQL
is installed, a second site has its database there, which is away for AWAY_SECONDS. Ends with 1 if a run did not succeed or was
charged otherwise than it ran.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.postgres import Cluster, cluster, find_binaries  # noqa: E402
from tests.site import Site, rows_of, wait  # noqa: E402
from tests.tiny_model import build  # noqa: E402

UNAFFECTED = {
    "beat": " beat ",
    "worker": "--queues=default",
    "reader": "--queues=read",
    "serving": "serving.app:app",
    "web": "webapp.asgi:application",
    "redis (embedded)": "redis-server",
}
"""What a run does not notice, by a piece of its command line."""
AFFECTED = {"trainer process": "trainer run", "train worker": "--queues=train-cpu"}
AWAY_SECONDS = 20
PARAMS = {"epochs": 100, "patience": 100, "batch_size": 4, "max_length": 32}


class Patient(Site):
    """A site with a lease as long as in use, and checkpoints every few seconds."""

    lease = 30.0
    database = ""

    @property
    def environment(self) -> dict[str, str]:
        variables = super().environment | {"RUN_LEASE_SECONDS": str(self.lease), "MAQUETTE_CHECKPOINT_SECONDS": "3"}
        variables.pop("RUN_HEARTBEAT_SECONDS")
        return variables | ({"DATABASE_URL": self.database} if self.database else {})


class Client:
    """Two questions a second, each by the site and straight at the model server; every answer with its time."""

    def __init__(self, site: Site, demo: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {demo['key']}"}
        self.ways = {
            name: httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=10)
            for name, port in (("site", site.port), ("direct", site.serving_port))
        }
        self.path = f"/e/{demo['slug']}/predict"
        self.answers: list[tuple[float, str, str]] = []
        self.ended = threading.Event()
        for name in self.ways:
            threading.Thread(target=self.ask, args=(name,), daemon=True).start()

    def ask(self, name: str) -> None:
        while not self.ended.wait(0.5):
            began = time.monotonic()
            try:
                status = str(self.ways[name].post(self.path, json={"inputs": ["my card is lost"]}).status_code)
            except httpx.HTTPError as error:
                status = type(error).__name__
            self.answers.append((began, name, status))

    def met(self, since: float) -> str:
        """The errors since a moment, and when the last one of them was asked for."""
        failures = []
        for name in self.ways:
            asked = [(began, status) for began, way, status in list(self.answers) if way == name and began >= since]
            errors = [(began, status) for began, status in asked if status != "200"]
            kinds = ", ".join(sorted({status for _began, status in errors}))
            until = f" ({kinds}), last after {errors[-1][0] - since:.1f} s" if errors else ""
            failures.append(f"{name} {len(errors)} of {len(asked)}{until}")
        return "; ".join(failures)


def in_training(site: Site, dataset: str, seconds: float, seed: int) -> str:
    run = site.train(dataset, params=PARAMS, limits={"seconds": seconds}, seed=seed)
    site.wait_event(run, "checkpoint", seconds=300)
    return run


def killed(site: Site, text: str) -> tuple[float, float]:
    """(the moment of the kill, seconds until another process with this command line runs)."""
    before = site.pid(text)
    began = time.monotonic()
    os.kill(before, signal.SIGKILL)
    wait(lambda: [process for process in site.processes(text) if process.pid != before], 120, f"a new {text}")
    return began, time.monotonic() - began


def newest(site: Site, run: str) -> float:
    """How far the run had come when its last event was written, 0 to 1."""
    return max((event.get("fraction") or 0 for event in site.events(run) if event["type"] == "progress"), default=0)


def regained(site: Site, run: str, began: float) -> str:
    """When the run was queued again, and when it had come further than before."""
    before = newest(site, run)
    start = len(site.events(run))
    resumed = wait(
        lambda: [event for event in site.events(run)[start:] if event["type"] == "checkpoint" and event.get("resumed")],
        300,
        "it goes on from its checkpoint",
    )
    again = time.monotonic() - began
    wait(lambda: newest(site, run) > before or site.run(run)["status"] == "succeeded", 300, "it comes further")
    assert resumed
    return (
        f"went on from its checkpoint after {again:.1f} s, further than before after {time.monotonic() - began:.1f} s"
    )


def charged(site: Site, run: str) -> float:
    items = site.get("/costs?group_by=subject_id")["items"]
    return sum(item["seconds"] for item in items if item["subject_id"] == run)


def wait_until_ended(site: Site, run: str) -> str:
    done = site.wait_run(run, "succeeded", seconds=600)
    missing = done["seconds"] - charged(site, run)
    assert abs(missing) < 0.5, f"{missing} s of run {run} are not in the ledger"
    return f"succeeded, attempts: {done['attempts']}, {done['seconds']:.1f} s charged to the last tenth"


def row(what: str, new: str, met: str, run: str) -> None:
    print(f"| {what} | {new} | {met} | {run} |", flush=True)


def measure(site: Patient, quiet: float) -> None:
    client = Client(site, site.deployed())
    dataset = site.upload(rows_of(400))
    print(
        f"\nLease {site.lease:.0f} s; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {time.strftime('%d %b %Y')}\n"
    )
    print("| killed | new one after | the client's errors | the run |\n|---|---|---|---|", flush=True)
    measure_unaffected(site, client, dataset, quiet)
    measure_training(site, client, dataset)
    measure_supervisor(site, client, dataset)
    client.ended.set()


def measure_unaffected(site: Patient, client: Client, dataset: str, quiet: float) -> None:
    run = in_training(site, dataset, 45 + len(UNAFFECTED) * (quiet + 4), 1)
    for what, text in UNAFFECTED.items():
        attempts = site.run(run)["attempts"]
        began, new = killed(site, text)
        time.sleep(quiet)
        state = "unaffected" if site.run(run)["attempts"] == attempts else "began again"
        row(what, f"{new:.2f} s", client.met(began), state)
    print(f"| | | | {wait_until_ended(site, run)} |")


def measure_training(site: Patient, client: Client, dataset: str) -> None:
    for seed, (what, text) in enumerate(AFFECTED.items(), 2):
        run = in_training(site, dataset, 45, seed)
        began, new = killed(site, text)
        became = regained(site, run, began)
        row(what, f"{new:.2f} s", client.met(began), f"{became}; {wait_until_ended(site, run)}")


def measure_supervisor(site: Patient, client: Client, dataset: str) -> None:
    run = in_training(site, dataset, 45, 9)
    began = time.monotonic()
    children = psutil.Process(site.process.pid).children(recursive=True)
    site.process.kill()
    site.process.wait()
    _gone, left = psutil.wait_procs(children, timeout=10)
    nothing = time.monotonic() - began
    restarted = time.monotonic()
    site.start()
    ready = time.monotonic() - restarted
    became = regained(site, run, restarted)
    words = f"{len(left)} processes left after {nothing:.1f} s; ready {ready:.1f} s after the new start"
    row("supervisor", words, client.met(began), f"{became}; {wait_until_ended(site, run)}")


def measure_database(site: Patient, server: Cluster) -> None:
    """The server is killed, not asked to stop, and comes back after AWAY_SECONDS."""
    client = Client(site, site.deployed())
    run = in_training(site, site.upload(rows_of(400)), 45 + AWAY_SECONDS, 1)
    attempts, began = site.run(run)["attempts"], time.monotonic()
    server.stop("immediate")
    time.sleep(AWAY_SECONDS)
    server.start()
    back = time.monotonic()
    wait(site.ready, 120, "the site answers again")
    ready = time.monotonic() - back
    done = wait_until_ended(site, run)
    state = "unaffected" if site.run(run)["attempts"] == attempts else "began again"
    what = f"PostgreSQL, {AWAY_SECONDS} s away"
    row(what, f"site ready {ready:.1f} s after its return", client.met(began), f"{state}; {done}")
    client.ended.set()


def with_site(folder: Path, models: Path, lease: float, database: str, measuring: Callable[[Patient], None]) -> bool:
    """Whether all that was measured on a new site was as it should be."""
    site = Patient(folder, models)
    site.folder.mkdir()
    site.lease, site.database = lease, database
    site.start()
    try:
        measuring(site)
    except AssertionError as error:
        print(f"FAILED: {error}")
        return False
    finally:
        site.stop()
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--lease", type=float, default=30.0, help="seconds without a heartbeat until a run is taken back"
    )
    parser.add_argument("--quiet", type=float, default=8.0, help="seconds to watch after each kill")
    parser.add_argument("--database", action="store_true", help="only the row of PostgreSQL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mq") as name:
        folder = Path(name)
        models = build(folder / "models")
        good = options.database or with_site(
            folder / "site", models, options.lease, "", lambda site: measure(site, options.quiet)
        )
        if not find_binaries():
            print("PostgreSQL is not installed here, so its row is missing.")
            return not good
        with cluster(connections=100) as server:
            measuring = partial(measure_database, server=server)
            good &= with_site(folder / "second", models, options.lease, server.url, measuring)
    return not good


if __name__ == "__main__":
    sys.exit(main())
