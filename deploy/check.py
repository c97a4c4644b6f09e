"""Does docker-compose.yml work here? Builds the images, brings the set up under a name, ports and volumes of its own, and
uses it through Caddy: sign-in link, upload, run, demo, prediction, doctor. Takes everything down again but the images.

    deploy/check [--port 8080] [--no-build] [--restarts] [--keep]
    deploy/check --down

Needs a container engine with Compose 2.20 or newer, two free ports, and the base images, here already or to be fetched. Where
one of these is missing it says which, and ends with 77. Ends with 0 when everything was as it should be, else with 1.
Each check has a project name and volumes of its own: several may run at once, on ports of their own.
Only the standard library: the machine needs Python, not Maquette.
"""

import argparse
import contextlib
import http.client
import http.cookiejar
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine import (
    HOST,
    Compose,
    FailedError,
    MissingError,
    check_built,
    check_engine,
    check_ports,
    fetch_images,
    need,
    running,
    say,
    take_down,
)

EMAIL = "check@example.org"
NOT_POSSIBLE = 77
RUN_SECONDS = 1800
# A run that lasts, however fast the machine.
LONG, LONG_SECONDS = {"epochs": 100, "patience": 100, "batch_size": 4}, 150
AWAY_SECONDS = 10
TRAINER_UID = 10002
TRAINERS = """
import glob, os
for folder in glob.glob("/proc/[0-9]*"):
    try:
        words = open(f"{folder}/cmdline", "rb").read().split(b"\\0")
    except OSError:
        continue
    if b"trainer" in words and b"-m" in words:
        print(os.stat(folder).st_uid)
"""
WORDS = {"late": "The parcel is three days late, where is it?", "money": "You took the money twice, please pay it back"}


class Browser:
    """Asks Caddy on this machine by the name that PUBLIC_URL gives the site."""

    def __init__(self, port: int, token: str = "") -> None:
        self.base, self.token = f"http://127.0.0.1:{port}", token
        self.host = f"{HOST}:{port}"
        jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=["127.0.0.1"]))
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def ask(
        self, path: str, body: bytes | None = None, kind: str = "application/json", **headers: str
    ) -> tuple[int, bytes]:
        """(status, body); a redirect is followed."""
        headers |= {"Host": self.host, "Content-Type": kind}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.base + path, data=body, headers=headers)
        try:
            with self.opener.open(request, timeout=120) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def api(self, path: str, body: Any = None, *, expect: int = 200) -> Any:
        status, answer = self.ask(f"/api/v1{path}", None if body is None else json.dumps(body).encode())
        return json.loads(need(status == expect, f"{path} answered {status}: {answer[:500]!r}") and answer)

    def upload(self, name: str, content: bytes) -> Any:
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
        status, answer = self.ask("/api/v1/datasets", body, f"multipart/form-data; boundary={mark}")
        need(status == 201, f"the upload was answered with {status}: {answer[:500]!r}")
        return json.loads(answer)


def wait(look: Callable[[], Any], done: tuple[str, ...], seconds: float, what: str) -> Any:
    """What `look` gives once its status is one of `done`, the first of which is the good one."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found["status"] in done:
            need(found["status"] == done[0], f"{what}: {found['status']}, {found.get('error')}")
            return found
        need(time.monotonic() < deadline, f"{what}: still {found['status']} after {seconds:.0f} s")
        time.sleep(2)


def until(true: Callable[[], Any], seconds: float, what: str) -> float:
    """The seconds until it was."""
    began = time.monotonic()
    while not true():
        need(time.monotonic() - began < seconds, f"{what}: not within {seconds:.0f} s")
        time.sleep(1)
    return time.monotonic() - began


def prepared(founder: Browser, content: bytes) -> str:
    dataset: str = founder.upload("messages.csv", content)["id"]
    wait(lambda: founder.api(f"/datasets/{dataset}"), ("ready", "failed"), RUN_SECONDS, "reading the file")
    return dataset


def rows(count: int) -> bytes:
    lines = ["text,label"]
    for number in range(count):
        label = sorted(WORDS)[number % 2]
        lines.append(f'"{WORDS[label]} Case {number}",{label}')
    return "\n".join(lines).encode()


def sign_in(visitor: Browser, path: str) -> None:
    """The link leads to a button; its form is sent as a browser would."""
    status, page = visitor.ask(path)
    mark = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page)
    need(status == 200 and mark is not None, f"the link shows no button: {status} {page[:300]!r}")
    assert mark
    visitor.ask(path, b"csrfmiddlewaretoken=" + mark[1], "application/x-www-form-urlencoded")
    status, page = visitor.ask("/settings")
    need(status == 200 and EMAIL.encode() in page, f"the link signs nobody in: {status} {page[:300]!r}")


def drive(compose: Compose, *, restarts: bool) -> None:
    """As a founder: in by a link, a file, a model, a demo, an answer."""
    manage = ("exec", "-T", "web", "python", "manage.py")
    link = re.search(r"https?://\S+", compose(*manage, "invite", "--email", EMAIL, seconds=120, quiet=True))
    need(link is not None, "manage.py invite printed no link")
    assert link
    need(link[0].startswith(f"http://{HOST}:{compose.port}/"), f"the sign-in link leads elsewhere: {link[0]}")
    visitor = Browser(compose.port)
    sign_in(visitor, "/" + link[0].split("/", 3)[3])
    say("signed in by the link")
    token = compose(*manage, "api_token", "--email", EMAIL, seconds=120, quiet=True).strip().splitlines()[-1]
    founder = Browser(compose.port, token)
    dataset = prepared(founder, rows(120))
    say("the file is read")
    run = founder.api("/runs", {"dataset": dataset, "method": "probe"}, expect=201)["id"]
    done = wait(lambda: founder.api(f"/runs/{run}"), ("succeeded", "failed", "cancelled"), RUN_SECONDS, "training")
    say(f"trained: {done['headline']['name']} {done['headline']['value']:.3f} in {done['seconds']:.0f} s")
    made = founder.api("/endpoints", {"run": run, "visibility": "public"}, expect=201)
    slug = made["slug"]
    wait(lambda: founder.api(f"/endpoints/{slug}"), ("live", "failed"), RUN_SECONDS, "the demo")
    need(visitor.ask(f"/d/{slug}")[0] == 200, "the demo page does not open")
    program = Browser(compose.port, made["key"])
    status, answer = answered(program, f"/e/{slug}/predict", {"inputs": [WORDS["late"]]})
    need(status == 200, f"the prediction was answered with {status}: {answer[:500]!r}")
    need(json.loads(answer)["outputs"][0]["label"] == "late", f"the prediction is wrong: {answer[:500]!r}")
    say("the demo answers through Caddy")
    need(visitor.ask("/metrics")[0] == 404, "/metrics is open to the outside")
    compose(*manage, "doctor", seconds=120)
    say("the doctor in the container `web` misses nothing")
    confined(compose)
    if restarts:
        restart(compose, founder, {"page": (visitor, "/settings"), "demo": (program, f"/e/{slug}/predict")})


def confined(compose: Compose) -> None:
    """Whatever reads people's files does so confined, and as a user of its own."""
    as_site = ("python", "-m", "sandbox.user", "10001:10001", "--")
    for service in ("reader", "worker", "train"):
        told = compose("exec", "-T", service, *as_site, "python", "manage.py", "doctor", seconds=120, quiet=True)
        line = next((line for line in told.splitlines() if "confined by" in line), "")
        need(f"as user {TRAINER_UID}" in line, f"trainers in the container `{service}`: {line.strip() or told[-500:]}")
    say(f"the containers that read files are {line.split('trainers are ')[-1].strip()}")


def trainer_users(compose: Compose) -> set[int]:
    """The users of the trainers at work in the container that trains."""
    told = compose("exec", "-T", "train", "python", "-c", TRAINERS, seconds=60, quiet=True)
    return {int(word) for word in told.split()}


def answered(program: Browser, path: str, body: Any) -> tuple[int, bytes]:
    """The model server hears of a new demo within a second, and opens its model at the first question."""
    for _try in range(15):
        status, answer = program.ask(path, json.dumps(body).encode())
        if status != 503:
            break
        time.sleep(2)
    return status, answer


def restart(compose: Compose, founder: Browser, asked: dict[str, tuple[Browser, str]]) -> None:
    """Under a run: its worker is stopped and started, then the database, while a client of each kind asks twice a second."""
    dataset = prepared(founder, rows(1200))
    body = {"dataset": dataset, "method": "full", "params": LONG, "limits": {"seconds": LONG_SECONDS}}
    run = founder.api("/runs", body, expect=201)["id"]

    def seen(kind: str, **fields: Any) -> int:
        number, after = 0, "0"
        while after is not None:
            page = founder.api(f"/runs/{run}/events?after={after}")
            number += sum(one["type"] == kind and fields.items() <= one.items() for one in page["items"])
            after = page["next"]
        return number

    until(lambda: seen("progress", stage="train") > 2, RUN_SECONDS, "training")
    users = trainer_users(compose)
    need(users == {TRAINER_UID}, f"the trainer runs as {users or 'nobody'}")
    began = time.monotonic()
    compose("stop", "train", seconds=120)
    stopped = time.monotonic() - began
    compose("start", "train", seconds=120)
    again = until(lambda: seen("checkpoint", resumed=True), 180, "going on from the checkpoint")
    say(f"the training worker stopped in {stopped:.1f} s; the run went on {again:.1f} s after its start")
    attempts, steps = founder.api(f"/runs/{run}")["attempts"], seen("progress")
    with asking(asked | {"api": (founder, f"/api/v1/runs/{run}")}) as answers:
        time.sleep(5)
        compose("stop", "postgres", seconds=120)
        time.sleep(AWAY_SECONDS)
        compose("start", "postgres", seconds=120)
        time.sleep(25)
    for name, found in answers.items():
        wrong = {status: found.count(status) for status in sorted(set(found)) if status != 200}
        say(f"the database was away: {name} asked {len(found)} times, answers other than 200: {wrong or 'none'}")
        need(set(wrong) <= (set() if name == "demo" else {503}), f"{name} answered {wrong}")
        need(found[-5:] == [200] * 5, f"{name} does not come back: {found[-5:]}")
    until(lambda: seen("progress") > steps, 120, "training on")
    done = wait(lambda: founder.api(f"/runs/{run}"), ("succeeded", "failed", "cancelled"), RUN_SECONDS, "training on")
    need(done["attempts"] == attempts, f"the run began again: {attempts} attempts, then {done['attempts']}")
    say(f"the run did not notice, and succeeded: {done['headline']['value']:.3f} in {done['seconds']:.0f} s")


@contextlib.contextmanager
def asking(asked: dict[str, tuple[Browser, str]]) -> Iterator[dict[str, list[int]]]:
    """Each address twice a second; the statuses of its answers, 0 for none."""
    ended = threading.Event()
    answers: dict[str, list[int]] = {name: [] for name in asked}

    def ask(name: str, browser: Browser, path: str) -> None:
        body = json.dumps({"inputs": [WORDS["late"]]}).encode() if path.endswith("/predict") else None
        while not ended.wait(0.5):
            try:
                answers[name].append(browser.ask(path, body)[0])
            except OSError:
                answers[name].append(0)

    threads = [threading.Thread(target=ask, args=(name, *what)) for name, what in asked.items()]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def check(options: argparse.Namespace) -> None:
    check_engine()
    if options.down:
        return take_down()
    check_ports(options.port, options.port + 1)
    fetch_images(build=not options.no_build)
    with tempfile.TemporaryDirectory() as folder:
        compose = Compose(Path(folder), options.port)
        if options.no_build:
            check_built(compose)
        with running(compose, keep=options.keep, build=not options.no_build):
            drive(compose, restarts=options.restarts)
    say("The compose set works here.")
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds, starts and uses the compose set on this machine.")
    parser.add_argument(
        "--port", type=int, default=8080, help="Caddy's port on this machine; the next one is for https"
    )
    parser.add_argument("--no-build", action="store_true", help="use the images that are here")
    parser.add_argument(
        "--restarts", action="store_true", help="also stop the training worker and the database under a run"
    )
    parser.add_argument("--keep", action="store_true", help="leave the set running")
    parser.add_argument("--down", action="store_true", help="take down what earlier checks have left, and nothing else")
    options = parser.parse_args()
    # Ended from outside, it takes its set down as well.
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # SIGINT too: a shell that starts it in the background has it ignored
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    try:
        check(options)
    except MissingError as error:
        say(f"Not possible here. {error}")
        return NOT_POSSIBLE
    except (FailedError, OSError, ValueError, http.client.HTTPException, subprocess.TimeoutExpired) as error:
        say(f"FAILED. {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
