"""The whole site, really running: `manage.py up` on a data folder and ports of its own, driven over HTTP."""

import copy
import csv
import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = {
    "REDIS_URL",
    "DATABASE_URL",
    "SECRET_KEY",
    "DJANGO_SETTINGS_MODULE",
    "PUBLIC_URL",
    "ALLOWED_HOSTS",
    "MAQUETTE_DATA",
}
WORDS = (
    "card",
    "money",
    "refund",
    "parcel",
    "late",
    "bike",
    "helmet",
    "login",
    "invoice",
    "broken",
    "please",
    "today",
    "why",
    "help",
)
ENDED = ("succeeded", "failed", "cancelled")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(condition: Callable[[], Any], seconds: float, what: str = "") -> Any:
    """The condition's first true value; an assertion error with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def rows_of(count: int) -> bytes:
    """A CSV of texts that a tiny model can tell apart, no two alike."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["text", "label"])
    for number in range(count):
        words = [WORDS[(number * 7 + step * (number % 5 + 1)) % len(WORDS)] for step in range(4 + number % 9)]
        writer.writerow([" ".join(words) + f" {number}", "odd" if number % 2 else "even"])
    return out.getvalue().encode()


class Site:
    """One running site. Leases and checkpoints are short, so that deaths are noticed within seconds."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder, self.models = folder, models
        self.port, self.serving_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._token = ""

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
        return kept | {
            "PORT": str(self.port),
            "SERVING_PORT": str(self.serving_port),
            "MAQUETTE_DATA": str(self.folder / "data"),
            "MAQUETTE_MODELS_DIR": str(self.models),
            "MAQUETTE_SAMPLE": "0",
            "LIMIT_REQUESTS_MINUTE": "unlimited",  # tests ask more often than people
            "MAQUETTE_CHECKPOINT_SECONDS": "1",
            "RUN_HEARTBEAT_SECONDS": "1",
            "RUN_LEASE_SECONDS": "6",
            "HF_HUB_OFFLINE": "1",
        }

    @property
    def output(self) -> Path:
        return self.folder / "up.out"

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait(lambda: self.ready() or self.process.poll() is not None, 120, "the site is ready")
        assert self.process.poll() is None, self.output.read_text()

    def ready(self) -> bool:
        try:
            return httpx.get(self.url + "/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(40)

    def manage(self, *arguments: str) -> str:
        """The last line that a command prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip().splitlines()[-1]

    @property
    def token(self) -> str:
        if not self._token:
            self._token = self.manage("api_token", "--email", "tester@example.org")
        return self._token

    def as_somebody(self, email: str) -> "Site":
        """The same site, driven by another person in a workspace of their own."""
        other = copy.copy(self)
        other._token = self.manage("api_token", "--email", email)
        vars(other).pop("_deployed", None)
        return other

    def sign_in_link(self, email: str) -> str:
        code = (
            "from webapp.accounts.actions import ensure_user; from webapp.accounts.models import SignInLink; "
            f"print(SignInLink.issue(ensure_user('{email}')[0]))"
        )
        return f"{self.url}/signin/{self.manage('shell', '-c', code)}"

    # The API

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return httpx.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=120, **options)

    def get(self, path: str) -> Any:
        """JSON of a GET; a web process that is just being restarted is asked again."""

        def ask() -> httpx.Response | None:
            try:
                return self.api("GET", path)
            except httpx.TransportError:
                return None

        return wait(ask, 30, f"GET {path}").json()

    def upload(self, content: bytes | None = None, name: str = "rows.csv") -> str:
        """The id of a dataset that has been read."""
        answer = self.api("POST", "/datasets", files={"file": (name, content or rows_of(300))})
        assert answer.status_code == 201, answer.text
        pk = answer.json()["id"]
        wait(lambda: self.get(f"/datasets/{pk}")["status"] != "processing", 120, "the file is read")
        return pk

    def train(self, dataset: str, **body: Any) -> str:
        fields = {"dataset": dataset, "model": "local:tiny", "method": "full"} | body
        answer = self.api("POST", "/runs", json=fields)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def run(self, pk: str) -> dict[str, Any]:
        return self.get(f"/runs/{pk}")

    def wait_run(self, pk: str, *statuses: str, seconds: float = 240) -> dict[str, Any]:
        wanted = statuses or ENDED
        found = wait(
            lambda: (run := self.run(pk))["status"] in (*wanted, *ENDED) and run, seconds, f"run {pk} is {wanted}"
        )
        assert found["status"] in wanted, found
        return found

    def events(self, pk: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/runs/{pk}/events?after={found[-1]['id'] if found else 0}")
            found += page["items"]
            if not page["next"]:
                return found

    def wait_event(self, pk: str, kind: str, seconds: float = 120, **fields: Any) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            items = (one for one in self.events(pk) if one["type"] == kind)
            return next((one for one in items if all(one.get(name) == value for name, value in fields.items())), None)

        return wait(look, seconds, f"event {kind} of run {pk}")

    def deployed(self) -> dict[str, Any]:
        """An endpoint on a quickly trained model, open to everybody; made once."""
        if not hasattr(self, "_deployed"):
            run = self.train(self.upload(), method="probe")
            self.wait_run(run, "succeeded")
            answer = self.api("POST", "/endpoints", json={"run": run, "visibility": "public"})
            assert answer.status_code == 201, answer.text
            self._deployed = answer.json()
            wait(
                lambda: self.api("GET", f"/endpoints/{self._deployed['slug']}").json()["status"] == "live",
                60,
                "the demo is live",
            )
        return self._deployed

    # Processes

    def processes(self, text: str) -> list[psutil.Process]:
        """Processes below `up` whose command line holds `text`."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if text in command_of(one)]

    def pid(self, text: str) -> int:
        return wait(lambda: self.processes(text), 30, f"a process with {text}")[0].pid

    def kill(self, text: str) -> int:
        """SIGKILL the first process whose command line holds `text`, and see it go; its pid."""
        pid = self.pid(text)
        os.kill(pid, signal.SIGKILL)
        wait(
            lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, 10, "it is gone"
        )
        return pid

    def trainers(self, run: str) -> list[int]:
        """Every process of this machine that trains the run, whoever its parent is."""
        return [one.pid for one in psutil.process_iter() if re.search(rf"trainer run .*{run}", command_of(one))]


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
