"""The container engine as deploy/check uses it: what the machine lacks, the images, the set under names of its own."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT, HOST = "maquette-check-", "maquette.test"
OLDEST_COMPOSE = (2, 20)
PULL_SECONDS, BUILD_SECONDS, UP_SECONDS = 600, 5400, 600


class MissingError(Exception):
    """Something that this machine lacks: what, and what to do."""


class FailedError(Exception):
    """The set does not do what it should."""


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def need(condition: bool, otherwise: str) -> bool:
    if not condition:
        raise FailedError(otherwise)
    return True


class Compose:
    """The set under a project name of its own, with secrets made for this check."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.project = PROJECT + secrets.token_hex(3)
        self.env_file = folder / "env"
        names = ("SECRET_KEY", "MAQUETTE_INTERNAL_TOKEN", "POSTGRES_PASSWORD", "REDIS_PASSWORD")
        lines = [f"{name}={secrets.token_hex(24)}" for name in names]
        lines += [f"PUBLIC_URL=http://{HOST}:{port}", f"ALLOWED_HOSTS={HOST}", f"HTTP_PORT={port}"]
        lines += [f"HTTPS_PORT={port + 1}", "SIGN_UP=invited", "HF_HUB_OFFLINE=1"]
        lines += [f"{name}={image}" for name, image in own_images().items()]
        if index := torch_index():
            lines.append(f"MAQUETTE_TORCH_INDEX={index}")
        self.env_file.write_text("\n".join(lines) + "\n")

    def __call__(self, *words: str, seconds: float, quiet: bool = False) -> str:
        named = ["--project-name", self.project, "--file", "docker-compose.yml", "--env-file", str(self.env_file)]
        return run_compose(*named, *words, seconds=seconds, quiet=quiet, folder=ROOT)


def run_compose(*words: str, seconds: float, folder: Path, quiet: bool = False) -> str:
    """What it printed, if `quiet`. Never left running: a process group of its own is ended with this call."""
    pipe = subprocess.PIPE if quiet else None
    with subprocess.Popen(
        ["docker", "compose", *words],
        cwd=folder,
        env=surroundings(),
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed, complaint = process.communicate(timeout=seconds)
        except BaseException as error:
            end_group(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise FailedError(f"docker compose {' '.join(words)} did not end within {seconds:.0f} s.") from error
            raise
    if process.returncode:
        raise FailedError(f"docker compose {' '.join(words)} ended with {process.returncode}. {complaint or ''}")
    return printed or ""


def end_group(process: subprocess.Popen[str]) -> None:
    """Compose is a child of `docker`, which passes no signal on."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=15)
            return


def real_setting(name: str) -> str:
    """As the real set has it, since the images are the same ones."""
    written = ROOT / ".env"
    found = re.search(rf"^{name}=(\S+)", written.read_text(), re.M) if written.exists() else None
    return os.environ.get(name) or (found[1].strip("\"'") if found else "")


def torch_index() -> str:
    return real_setting("MAQUETTE_TORCH_INDEX")


def image_defaults() -> dict[str, str]:
    """Images of others by the setting that names another, as the compose file and the Dockerfile have them."""
    named = re.findall(r"^    image: \$\{(\w+_IMAGE):-(\S+)\}$", (ROOT / "docker-compose.yml").read_text(), re.M)
    bases = re.findall(r"^ARG (\w+_IMAGE)=(\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    return dict([*bases, *named])


def own_images() -> dict[str, str]:
    return {name: image for name in image_defaults() if (image := real_setting(name))}


def surroundings() -> dict[str, str]:
    """This shell's variables, but those that Compose would prefer to the values made for this check."""
    text = (ROOT / "docker-compose.yml").read_text()
    settings = {*re.findall(r"\$\{(\w+)", text), *re.findall(r"^ +([A-Z]\w+):$", text, re.M)}
    return {key: value for key, value in os.environ.items() if key not in settings and not key.startswith("COMPOSE_")}


def docker(*words: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, timeout=seconds, check=False)


def check_engine() -> None:
    if not shutil.which("docker"):
        raise MissingError("There is no container engine here. Install one (Debian: docker.io and docker-compose-v2).")
    version = ("compose", "version", "--short")
    for words, what in ((("info",), "No container engine answers"), (version, "Docker has no Compose")):
        done = docker(*words)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise MissingError(f"{what}: {last}")
    found = tuple(int(part) for part in re.findall(r"\d+", done.stdout)[:2])
    if found < OLDEST_COMPOSE:
        raise MissingError(f"Compose is {done.stdout.strip()} here; 2.20 or newer is needed.")


def check_ports(*ports: int) -> None:
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError as error:
                # The engine may open ports that are not ours to open.
                if error.errno != errno.EADDRINUSE:
                    continue
                raise MissingError(
                    f"Port {port} is in use. Name another with --port: that one and the next must be free. "
                    "A set that an earlier check left goes with deploy/check --down."
                ) from error


def base_images(*, build: bool) -> list[str]:
    """What the compose file and, where something is built, the Dockerfile take from others."""
    images = image_defaults() | own_images()
    return [image for name, image in images.items() if build or name != "PYTHON_IMAGE"]


def fetch_images(*, build: bool) -> None:
    missing, last = [], ""
    for image in base_images(build=build):
        if docker("image", "inspect", image).returncode == 0:
            continue
        say(f"fetching {image}")
        try:
            fetched = docker("pull", "--quiet", image, seconds=PULL_SECONDS)
        except subprocess.TimeoutExpired:
            missing, last = [*missing, image], f"not within {PULL_SECONDS} s"
            continue
        if fetched.returncode:
            missing, last = [*missing, image], (fetched.stderr.strip().splitlines() or ["it said nothing"])[-1]
    if missing:
        raise MissingError(
            f"These images are neither here nor can be fetched: {', '.join(missing)}. The last fault: {last}"
        )


def check_built(compose: Compose) -> None:
    named = sorted(set(compose("config", "--images", seconds=60, quiet=True).split()))
    missing = [one for one in named if one.startswith("maquette-") and docker("image", "inspect", one).returncode]
    if missing:
        raise MissingError(f"Not built yet: {', '.join(missing)}. Leave out --no-build.")


@contextlib.contextmanager
def running(compose: Compose, *, keep: bool, build: bool) -> Iterator[None]:
    """The set, healthy; its containers and volumes are gone afterwards unless they are to be kept."""
    try:
        if build:
            say("building the images (several minutes the first time)")
            compose("build", seconds=BUILD_SECONDS)
        say("bringing the set up")
        waiting = ("--detach", "--wait", "--wait-timeout", str(UP_SECONDS))
        compose("up", "--no-build", "--pull", "never", *waiting, seconds=UP_SECONDS + 60)
        say("every service is healthy")
        yield
    except Exception:
        with contextlib.suppress(FailedError):
            compose("ps", "--all", seconds=60)
            compose("logs", "--no-color", "--tail", "30", seconds=60)
        raise
    finally:
        if keep:
            say(f"kept as {compose.project}; deploy/check --down takes it down")
        else:
            compose("down", "--volumes", "--remove-orphans", seconds=300)


def take_down() -> None:
    """Every set that a check has left, found by its labels, since its secrets are gone."""
    label = '{{.Label "com.docker.compose.project"}}'
    kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
    found = {name for kind in kinds for name in docker(*kind, "--format", label).stdout.split()}
    projects = sorted(name for name in found if name.startswith(PROJECT))
    with tempfile.TemporaryDirectory() as folder:
        for project in projects:
            say(f"taking {project} down")
            words = ("--project-name", project, "down", "--volumes", "--remove-orphans")
            run_compose(*words, seconds=300, folder=Path(folder))
    say("Nothing of any check is left." if projects else "No check has left anything.")
