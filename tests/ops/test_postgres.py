"""The site over PostgreSQL: the tests that a database can break, and more clients at once than it has connections."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from tests import postgres
from tests.site import HIDDEN, ROOT, free_port, wait

pytestmark = pytest.mark.skipif(postgres.find_binaries() is None, reason="PostgreSQL is not installed here")
CLIENTS, READS, CONNECTIONS, STREAMS = 20, 10, 30, 40
MADE_RUN = """
from django.test import Client
from tests import things
from webapp.accounts.models import User
user = User.objects.get()
run = things.run(things.prototype(user.workspaces.get()), status="running")
client = Client()
client.force_login(user)
print(run.pk, client.session.session_key)
"""


class Web:
    """The web process alone, over one database; neither Redis nor workers."""

    def __init__(self, folder: Path, database: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
        self.environment = kept | {
            "DATABASE_URL": database,
            "MAQUETTE_DATA": str(folder / "data"),
            "REDIS_URL": "redis://127.0.0.1:1/0",
        }
        self.log = folder / "web.log"

    def manage(self, *words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True)
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
    """Open event streams hold none, so the pages go on: more of them than the pool has connections."""
    run, session = web.manage("shell", "--no-imports", "--command", MADE_RUN).split()
    opened = []
    with httpx.Client(base_url=web.url, timeout=60, limits=httpx.Limits(max_connections=None)) as client:
        try:
            for _number in range(STREAMS):
                request = client.build_request("GET", f"/runs/{run}/stream", cookies={"sessionid": session})
                opened.append(client.send(request, stream=True))
            assert {response.status_code for response in opened} == {200}
            assert client.get("/api/v1/datasets", headers={"Authorization": f"Bearer {token}"}).status_code == 200
            assert connections(cluster) <= 20
        finally:
            for response in opened:
                response.close()


@pytest.mark.timeout(900)
def test_what_a_database_can_break_holds_on_postgres() -> None:
    done = postgres.run_pytest([], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-8000:]
