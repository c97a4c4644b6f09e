"""The site over PostgreSQL: the tests that a database can break, and more clients at once than it has connections."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests import postgres
from tests.site import HIDDEN, ROOT, free_port, wait
from tests.tiny_model import build

pytestmark = pytest.mark.skipif(postgres.find_binaries() is None, reason="PostgreSQL is not installed here")
CLIENTS, READS, CONNECTIONS, STREAMS = 20, 10, 30, 40
SLOW = 25
"""Slow clients of one kind, more than a process has connections."""
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
MADE_SESSION = """
from django.test import Client
from webapp.accounts.models import User
client = Client()
client.force_login(User.objects.get(email="tester@example.org"))
print(client.session.session_key)
"""
WAITING_RUN = """
from django.core.files.base import ContentFile
from tests.site import rows_of
from webapp.accounts.models import User
from webapp.datasets import reading
from webapp.datasets.actions import create_dataset
from webapp.prototypes.actions import create_prototype
from webapp.runs.actions import create_run
user = User.objects.get(email="tester@example.org")
upload = ContentFile(rows_of(300), name="rows.csv")
prototype = create_prototype(create_dataset(user.workspaces.get(), user, [upload]), user)
reading.read(prototype.dataset.latest.pk)
params = {"epochs": 40, "patience": 40, "batch_size": 4, "max_length": 32}
body = {"model": "local:tiny", "method": "full", "params": params, "limits": {"seconds": 150}}
print(create_run(prototype, user, body).pk)
"""
UNREAD = """
from django.core.files.base import ContentFile
from tests.site import rows_of
from webapp.accounts.models import User
from webapp.datasets.actions import create_dataset
user = User.objects.get(email="tester@example.org")
print(create_dataset(user.workspaces.get(), user, [ContentFile(rows_of(300), name="rows.csv")]).latest.pk)
"""
READ = "from webapp.datasets import reading; reading.read('{version}')"
HOW_IT_WAS_READ = """
import json
from webapp.datasets.models import DatasetVersion
print(json.dumps(DatasetVersion.objects.values_list("status", "attempts").get(pk="{version}")))
"""
SUPERVISED = "from webapp.runs.training import Training; Training.handle('{run}')"
SWEEP = "from webapp.runs.training import Training; Training.sweep()"
HOW_IT_ENDED = """
import json
from webapp.costs.models import LedgerEntry
from webapp.runs.models import Run
run = Run.objects.get(pk="{run}")
charged = sum(line.seconds for line in LedgerEntry.objects.filter(subject_id=run.pk))
print(json.dumps([run.error, run.status, run.attempts, run.seconds - charged]))
"""
MADE_RUN = """
from django.test import Client
from tests import things
from webapp.accounts.models import Membership, User
workspace = User.objects.get(email="tester@example.org").workspaces.get()
run = things.run(things.prototype(workspace), status="running")
people = [User.objects.create_user(f"watcher{number}@example.org") for number in range(4)]
for person in people:
    Membership.objects.create(workspace=workspace, user=person)
clients = [Client() for _person in people]
for client, person in zip(clients, people):
    client.force_login(person)
print(run.pk, *(client.session.session_key for client in clients))
"""


MADE_ARTIFACT = """
from tests import things
from webapp.accounts.models import User
run = things.run(things.prototype(User.objects.get(email="tester@example.org").workspaces.get()))
run.artifact.mkdir(parents=True)
(run.artifact / "manifest.json").write_text("{}")
(run.artifact / "weights.bin").write_bytes(bytes(40 * 2**20))
things.endpoint(run, slug="slow-demo")
print(run.pk)
"""


class Web:
    """The web process alone, over one database; neither Redis nor workers."""

    def __init__(self, folder: Path, database: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.serving_port = free_port()
        kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
        self.environment = kept | {
            "DATABASE_URL": database,
            "LIMIT_REQUESTS_MINUTE": "unlimited",
            "MAQUETTE_DATA": str(folder / "data"),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "SERVING_URL": f"http://127.0.0.1:{self.serving_port}",
        }
        self.log = folder / "web.log"

    def manage(self, *words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip().rpartition("\n")[2]

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "uvicorn", "webapp.asgi:application", f"--port={self.port}", "--no-access-log"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        wait(lambda: process.poll() is not None or self.answers(), 60, "the web process answers")
        assert process.poll() is None, self.log.read_text()
        return process

    def answers(self) -> bool:
        try:
            return httpx.get(self.url + "/healthz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster(connections=CONNECTIONS) as running:
        yield running


@pytest.fixture(scope="module")
def web(cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    made = Web(tmp_path_factory.mktemp("web"), cluster.url)
    made.manage("migrate", "--noinput")
    process = made.start()
    yield made
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def token(web: Web) -> str:
    return web.manage("api_token", "--email", "tester@example.org")


def connections(cluster: postgres.Cluster) -> int:
    """Of clients; the server's own processes and this question do not count."""
    with psycopg.connect(host=str(cluster.folder), user="maquette", dbname="postgres") as asking:
        row = asking.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    return int(row[0]) if row else 0


def test_twenty_clients_at_once_meet_no_error(cluster: postgres.Cluster, web: Web, token: str) -> None:
    """Each request has a thread of its own under ASGI: a connection kept for a thread was used by nobody again."""

    def read(_number: int) -> list[int]:
        with httpx.Client(base_url=web.url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
            return [client.get("/api/v1/datasets").status_code for _read in range(READS)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = Counter(status for answers in pool.map(read, range(CLIENTS)) for status in answers)
    assert statuses == {200: CLIENTS * READS}, web.log.read_text()[-2000:]
    assert connections(cluster) <= 20


def test_watching_many_live_runs_takes_no_connections(cluster: postgres.Cluster, web: Web, token: str) -> None:
    """Open event streams hold none, so the pages go on: more of them than the pool has connections, as many as four people
    may have."""
    run, *sessions = web.manage("shell", "--no-imports", "--command", MADE_RUN).split()
    opened = []
    with httpx.Client(base_url=web.url, timeout=60, limits=httpx.Limits(max_connections=None)) as client:
        try:
            for number in range(STREAMS):
                cookies = {"sessionid": sessions[number % len(sessions)]}
                request = client.build_request("GET", f"/runs/{run}/stream", cookies=cookies)
                opened.append(client.send(request, stream=True))
            assert {response.status_code for response in opened} == {200}
            assert client.get("/api/v1/datasets", headers={"Authorization": f"Bearer {token}"}).status_code == 200
            assert connections(cluster) <= 20
        finally:
            for response in opened:
                response.close()


def test_downloads_that_stall_take_no_connections(cluster: postgres.Cluster, web: Web, token: str) -> None:
    """Clients that read the first bytes of an artifact and then wait: everybody else goes on."""
    api = {"Authorization": f"Bearer {token}"}
    run = web.manage("shell", "--no-imports", "--command", MADE_ARTIFACT)
    opened = []
    with httpx.Client(base_url=web.url, timeout=30, limits=httpx.Limits(max_connections=None), headers=api) as client:
        try:
            for _number in range(SLOW):
                opened.append(client.send(client.build_request("GET", f"/api/v1/runs/{run}/artifact"), stream=True))
            assert {response.status_code for response in opened} == {200}
            assert client.get("/api/v1/datasets").status_code == 200
            assert connections(cluster) < SLOW
        finally:
            for response in opened:
                response.close()


def test_visitors_of_a_slow_model_take_no_connections(cluster: postgres.Cluster, web: Web, token: str) -> None:
    """The model server takes their requests and does not answer."""
    web.manage("shell", "--no-imports", "--command", MADE_ARTIFACT.replace("slow-demo", "slower-demo"))

    def ask(_number: int) -> int:
        return httpx.post(web.url + "/d/slower-demo", data={"text": "one"}, timeout=60).status_code

    address = ("127.0.0.1", web.serving_port)
    with socket.create_server(address, backlog=2 * SLOW) as serving, ThreadPoolExecutor(SLOW) as pool:
        asking = [pool.submit(ask, number) for number in range(SLOW)]
        taken = [serving.accept()[0] for _visitor in asking]
        answer = httpx.get(web.url + "/api/v1/datasets", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        for one in taken:
            one.sendall(BUSY)
            one.close()
        assert answer.status_code == 200
        assert connections(cluster) < SLOW
        assert {one.result() for one in asking} == {429}


def test_a_database_away_is_told_as_such_and_soon_back(cluster: postgres.Cluster, web: Web, token: str) -> None:
    """Not as a fault of ours: 503 with Retry-After, problem+json for programs; nothing has to be started again."""
    api = {"Authorization": f"Bearer {token}"}
    session = web.manage("shell", "--no-imports", "--command", MADE_SESSION)
    asked = {
        "page": ("GET", "/costs", {"Cookie": f"sessionid={session}"}),
        "API": ("GET", "/api/v1/datasets", api),
        "upload": ("POST", "/uploads/", api | {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}),
        "large body": ("POST", "/api/v1/datasets", api),
    }

    def ask(name: str) -> httpx.Response:
        method, path, headers = asked[name]
        content = b"x" * 100_000 if name == "large body" else None
        return httpx.request(method, web.url + path, headers=headers, content=content, timeout=60)

    cluster.stop()
    try:
        with ThreadPoolExecutor(len(asked)) as pool:
            answers = dict(zip(asked, pool.map(ask, asked), strict=True))
    finally:
        cluster.start()
    for name, answer in answers.items():
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "5"), (name, answer.text[:500])
        if name != "page":
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] == "database_away"
    assert "The database is not responding" in answers["page"].text
    wait(lambda: ask("API").status_code == 200, 8, "the site is back by itself")
    assert ask("page").status_code == 200


def test_training_goes_on_while_the_database_is_away(
    cluster: postgres.Cluster, web: Web, token: str, tmp_path: Path
) -> None:
    """For longer than a lease, and not even an attempt is lost: what could not be stored is stored afterwards."""
    environment = web.environment | {"MAQUETTE_MODELS_DIR": str(build(tmp_path)), "HF_HUB_OFFLINE": "1"}
    environment |= {"RUN_HEARTBEAT_SECONDS": "0.5", "RUN_LEASE_SECONDS": "3", "MAQUETTE_CHECKPOINT_SECONDS": "1"}
    web.environment.update(environment)
    run = web.manage("shell", "--no-imports", "--command", WAITING_RUN)
    events = Path(environment["MAQUETTE_DATA"]) / "runs" / run / "events.jsonl"

    def count(kind: str = "") -> int:
        return sum(f'"type": "{kind}' in line for line in events.read_text().splitlines()) if events.exists() else 0

    command = [sys.executable, "manage.py", "shell", "--no-imports", "--command", SUPERVISED.format(run=run)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as worker:
        wait(lambda: count("checkpoint") or worker.poll() is not None, 120, "training has begun")
        assert worker.poll() is None, events.read_text()[-2000:]
        cluster.stop("immediate")
        before, down_since = count(), time.monotonic()
        try:
            wait(lambda: count() > before + 1 or worker.poll() is not None, 60, "training goes on")
            time.sleep(max(0.0, 4 - (time.monotonic() - down_since)))  # longer than the lease
            assert worker.poll() is None
            worker.send_signal(signal.SIGSTOP)
        finally:
            cluster.start()
        web.manage("shell", "--no-imports", "--command", SWEEP)  # before the worker can renew its lease
        worker.send_signal(signal.SIGCONT)
        worker.communicate(timeout=200)
    error, status, attempts, missing = json.loads(
        web.manage("shell", "--no-imports", "--command", HOW_IT_ENDED.format(run=run))
    )
    assert (status, attempts) == ("succeeded", 1), error
    assert abs(missing) < 1, "every second is charged, once"


def has_ended(process: psutil.Process) -> bool:
    """Whether it has, waited for or not."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_reading_goes_on_while_the_database_is_away(cluster: postgres.Cluster, web: Web, token: str) -> None:
    """It restarts in the middle, and the reader is done before it is back: nothing is read twice."""
    version = web.manage("shell", "--no-imports", "--command", UNREAD)
    command = [sys.executable, "manage.py", "shell", "--no-imports", "--command", READ.format(version=version)]
    with subprocess.Popen(command, cwd=ROOT, env=web.environment, stderr=subprocess.PIPE, text=True) as worker:

        def readers() -> list[psutil.Process]:
            return [child for child in psutil.Process(worker.pid).children() if "inspect" in child.cmdline()]

        (reader,) = wait(readers, 60, "the reader has begun")
        reader.suspend()
        cluster.stop("immediate")
        try:
            reader.resume()
            wait(lambda: has_ended(reader), 60, "the reader is done")
        finally:
            cluster.start()
        errors = worker.communicate(timeout=60)[1]
    ended = web.manage("shell", "--no-imports", "--command", HOW_IT_WAS_READ.format(version=version))
    assert json.loads(ended) == ["ready", 1], errors


@pytest.mark.timeout(900)
def test_what_a_database_can_break_holds_on_postgres() -> None:
    done = postgres.run_pytest([], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-8000:]
