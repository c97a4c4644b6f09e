"""Does docker-compose.yml work here? Builds the images, brings the set up under a name, ports and volumes of its own, and
uses it through Caddy: sign-in link, upload, run, demo, prediction, doctor. Takes everything down again but the images.

    deploy/check [--port 8080] [--keep] [--no-build]

Needs a container engine with Compose 2.20 or newer, and the base images, here already or to be fetched. Where one of these is
missing it says which, and ends with 77. Ends with 0 when everything was as it should be, else with 1.
Only the standard library: the machine needs Python, not Maquette.
"""

import argparse
import contextlib
import http.cookiejar
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROJECT, HOST, EMAIL = "maquette-check", "maquette.test", "check@example.org"
NOT_POSSIBLE = 77
PULL_SECONDS, BUILD_SECONDS, UP_SECONDS, RUN_SECONDS = 600, 5400, 600, 1800
WORDS = {"late": "The parcel is three days late, where is it?", "money": "You took the money twice, please pay it back"}


class MissingError(Exception):
    """Something that this machine lacks: what, and what to do."""


class FailedError(Exception):
    """The set does not do what it should."""


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


class Compose:
    """The set under a project name of its own, with secrets made for this check."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.env_file = folder / "env"
        names = ("SECRET_KEY", "MAQUETTE_INTERNAL_TOKEN", "POSTGRES_PASSWORD", "REDIS_PASSWORD")
        lines = [f"{name}={secrets.token_hex(24)}" for name in names]
        lines += [f"PUBLIC_URL=http://{HOST}:{port}", f"ALLOWED_HOSTS={HOST}", f"HTTP_PORT={port}"]
        lines += [f"HTTPS_PORT={port + 1}", "SIGN_UP=invited", "HF_HUB_OFFLINE=1"]
        if index := os.environ.get("MAQUETTE_TORCH_INDEX"):
            lines.append(f"MAQUETTE_TORCH_INDEX={index}")
        self.env_file.write_text("\n".join(lines) + "\n")

    def __call__(self, *words: str, seconds: float, quiet: bool = False) -> str:
        command = ["docker", "compose", "--project-name", PROJECT, "--env-file", str(self.env_file), *words]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=quiet, text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            raise FailedError(f"docker compose {' '.join(words)} ended with {done.returncode}. {done.stderr or ''}")
        return done.stdout or ""


def check_engine() -> None:
    if not shutil.which("docker"):
        raise MissingError("There is no container engine here. Install one (Debian: docker.io and docker-compose-v2).")
    for words, what in ((["info"], "No container engine answers"), (["compose", "version"], "Docker has no Compose")):
        done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise MissingError(f"{what}: {last}")


def base_images() -> list[str]:
    """What the Dockerfile and the compose file take from others."""
    images = re.findall(r"^ARG \w+_IMAGE=(\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    named = re.findall(r"^    image: (\S+)", (ROOT / "docker-compose.yml").read_text(), re.M)
    return [*images, *(image for image in named if not image.startswith("maquette-"))]


def fetch_images() -> None:
    missing = []
    for image in base_images():
        known = subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False)
        if known.returncode:
            say(f"fetching {image}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                known = subprocess.run(["docker", "pull", "--quiet", image], capture_output=True, timeout=PULL_SECONDS)
        if known.returncode:
            missing.append(image)
    if missing:
        raise MissingError(f"These images are neither here nor can be fetched: {', '.join(missing)}.")


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


def need(condition: bool, otherwise: str) -> bool:
    if not condition:
        raise FailedError(otherwise)
    return True


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


def rows(count: int = 120) -> bytes:
    lines = ["text,label"]
    for number in range(count):
        label = sorted(WORDS)[number % 2]
        lines.append(f'"{WORDS[label]} Case {number}",{label}')
    return "\n".join(lines).encode()


def drive(compose: Compose) -> None:
    """As a founder: in by a link, a file, a model, a demo, an answer."""
    manage = ("exec", "-T", "web", "python", "manage.py")
    link = re.search(r"https?://\S+", compose(*manage, "invite", "--email", EMAIL, seconds=120, quiet=True))
    need(link is not None, "manage.py invite printed no link")
    assert link
    need(link[0].startswith(f"http://{HOST}:{compose.port}/"), f"the sign-in link leads elsewhere: {link[0]}")
    visitor = Browser(compose.port)
    status, page = visitor.ask("/" + link[0].split("/", 3)[3])
    need(
        status == 200 and EMAIL.encode() in visitor.ask("/settings")[1],
        f"the link signs nobody in: {status} {page[:300]!r}",
    )
    say("signed in by the link")
    token = compose(*manage, "api_token", "--email", EMAIL, seconds=120, quiet=True).strip().splitlines()[-1]
    founder = Browser(compose.port, token)
    dataset = founder.upload("messages.csv", rows())["id"]
    wait(lambda: founder.api(f"/datasets/{dataset}"), ("ready", "failed"), RUN_SECONDS, "reading the file")
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


def answered(program: Browser, path: str, body: Any) -> tuple[int, bytes]:
    """The model server hears of a new demo within a second, and opens its model at the first question."""
    for _try in range(15):
        status, answer = program.ask(path, json.dumps(body).encode())
        if status != 503:
            break
        time.sleep(2)
    return status, answer


@contextlib.contextmanager
def running(compose: Compose, *, keep: bool, build: bool) -> Iterator[None]:
    """The set, healthy; its containers and volumes are gone afterwards unless they are to be kept."""
    try:
        if build:
            say("building the images (several minutes the first time)")
            compose("build", seconds=BUILD_SECONDS)
        say("bringing the set up")
        compose("up", "--detach", "--wait", "--wait-timeout", str(UP_SECONDS), seconds=UP_SECONDS + 60)
        say("every service is healthy")
        yield
    except FailedError:
        with contextlib.suppress(FailedError, subprocess.TimeoutExpired):
            compose("ps", "--all", seconds=60)
            compose("logs", "--no-color", "--tail", "30", seconds=60)
        raise
    finally:
        if keep:
            say(f"kept; take it down with: docker compose -p {PROJECT} down --volumes")
        else:
            compose("down", "--volumes", "--remove-orphans", seconds=300)


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds, starts and uses the compose set on this machine.")
    parser.add_argument(
        "--port", type=int, default=8080, help="Caddy's port on this machine; the next one is for https"
    )
    parser.add_argument("--keep", action="store_true", help="leave the set running")
    parser.add_argument("--no-build", action="store_true", help="use the images that are here")
    options = parser.parse_args()
    try:
        check_engine()
        fetch_images()
        with tempfile.TemporaryDirectory() as folder:
            compose = Compose(Path(folder), options.port)
            with running(compose, keep=options.keep, build=not options.no_build):
                drive(compose)
    except MissingError as error:
        say(f"Not possible here. {error}")
        return NOT_POSSIBLE
    except (FailedError, OSError, subprocess.TimeoutExpired) as error:
        say(f"FAILED. {error}")
        return 1
    say("The compose set works here.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
