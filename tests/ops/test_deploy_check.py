"""deploy/check over an engine that only plays its part: what it says of a machine, and what it leaves behind.

That the set works is for deploy/check itself to show, on a real engine.
"""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
OTHERS = {
    name: image
    for image, name in re.findall(r"_IMAGE:-((?:\w+/)?(\w+):\S+)\}", (ROOT / "docker-compose.yml").read_text())
}
PYTHON = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", (ROOT / "Dockerfile").read_text(), re.M)[0]
OURS = ("maquette-serving:0.1.0", "maquette-web:0.1.0", "maquette-worker:0.1.0")
ENGINE = r"""#!/bin/sh
# Knows the images in $FOLDER/images, brings up what it is told to, and writes down how it was asked.
FOLDER=$(dirname "$0")
echo "$*" >> "$FOLDER/asked"
case "$*" in
"compose version"*) cat "$FOLDER/version" ;;
"image inspect "*) grep -qx "$3" "$FOLDER/images" ;;
pull*) echo "no such host" >&2; exit 1 ;;
"ps --all"*) echo maquette-check-0a1b2c; echo maquette ;;
"volume ls"*) echo maquette-check-3d4e5f ;;
*" config --images") printf 'caddy:2\nmaquette-web:0.1.0\nmaquette-worker:0.1.0\nmaquette-serving:0.1.0\n' ;;
*" up "*) env > "$FOLDER/env"; cat "$FOLDER/up.sh" > "$FOLDER/running.sh"; . "$FOLDER/running.sh" ;;
esac
"""


class Machine:
    """A PATH with Python and this engine alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("docker", ENGINE), ("version", "2.26.1-4\n"), ("up.sh", "exit 1\n")):
            (folder / name).write_text(text)
        (folder / "docker").chmod(0o755)
        (folder / "python3").symlink_to(sys.executable)
        self.have(*OURS, *OTHERS.values(), PYTHON)

    def have(self, *images: str) -> None:
        (self.folder / "images").write_text("\n".join(images) + "\n")

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()

    def start(self, *words: str, **settings: str) -> subprocess.Popen[str]:
        path = f"{self.folder}:/usr/bin:/bin"
        return subprocess.Popen(
            [ROOT / "deploy/check", *words],
            env={"PATH": path} | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def check(self, *words: str, **settings: str) -> tuple[int, str]:
        process = self.start(*words, **settings)
        printed, _ = process.communicate(timeout=60)
        return process.returncode, printed


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def ports() -> Iterator[tuple[str, socket.socket]]:
    """Two free ones that follow each other, the second held."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            first.close()
            second.listen()
            yield str(port), second
            return


@pytest.fixture
def port(ports: tuple[str, socket.socket]) -> str:
    ports[1].close()
    return ports[0]


def test_a_compose_that_is_too_old_is_named(machine: Machine) -> None:
    (machine.folder / "version").write_text("v2.17.3\n")
    code, printed = machine.check()
    assert code == 77
    assert "Compose is v2.17.3 here; 2.20 or newer is needed." in printed


def test_a_port_in_use_is_named_before_anything_is_built(machine: Machine, ports: tuple[str, socket.socket]) -> None:
    code, printed = machine.check("--port", ports[0])
    assert code == 77
    assert f"Port {int(ports[0]) + 1} is in use." in printed
    assert not [line for line in machine.asked if " build" in line or line.startswith("pull")]


def test_images_that_cannot_be_had_are_named(machine: Machine, port: str) -> None:
    machine.have(OTHERS["caddy"], OTHERS["postgres"])
    code, printed = machine.check("--port", port)
    assert code == 77
    assert f"can be fetched: {PYTHON}, {OTHERS['valkey']}. The last fault: no such host" in printed


def test_a_mirrors_image_is_fetched_in_place_of_ours(machine: Machine, port: str) -> None:
    mirror = "mirror.example.test/caddy:2.10.2"
    machine.have(PYTHON, *(image for name, image in OTHERS.items() if name != "caddy"))
    code, printed = machine.check("--port", port, CADDY_IMAGE=mirror)
    assert code == 77
    assert f"neither here nor can be fetched: {mirror}. The last fault" in printed


def test_without_a_build_the_images_of_the_build_must_be_there_and_its_base_need_not(
    machine: Machine, port: str
) -> None:
    machine.have(*OTHERS.values(), OURS[1])
    code, printed = machine.check("--no-build", "--port", port)
    assert code == 77
    assert "Not built yet: maquette-serving:0.1.0, maquette-worker:0.1.0. Leave out --no-build." in printed
    assert "python:" not in printed
    assert not [line for line in machine.asked if " up " in line]


def test_the_shells_own_settings_stay_out(machine: Machine, port: str) -> None:
    """Compose prefers them to those of the file that it is given."""
    theirs = {
        "SIGN_UP": "closed",
        "SECRET_KEY": "theirs",
        "HTTP_PORT": "80",
        "MAX_UPLOAD_MB": "1",
        "DOCKER_HOST": "unix:///x",
    }
    code, _printed = machine.check("--no-build", "--port", port, **theirs, COMPOSE_PROFILES="gpu")
    assert code == 1
    seen = dict(line.split("=", 1) for line in (machine.folder / "env").read_text().splitlines() if "=" in line)
    assert seen["DOCKER_HOST"] == "unix:///x"
    assert not seen.keys() & {*theirs, "COMPOSE_PROFILES"} - {"DOCKER_HOST"}


def of_projects(asked: list[str], word: str) -> list[str]:
    return [
        line.split()[2] for line in asked if f" {word} " in f"{line} " and line.startswith("compose --project-name")
    ]


def test_a_set_that_does_not_come_up_is_shown_and_taken_down(machine: Machine, port: str) -> None:
    code, printed = machine.check("--no-build", "--port", port)
    assert code == 1
    assert "FAILED. docker compose" in printed
    assert machine.asked[-1].endswith(" down --volumes --remove-orphans")
    (project,) = of_projects(machine.asked, "up")
    assert project.startswith("maquette-check-")
    assert of_projects(machine.asked, "logs") == of_projects(machine.asked, "down") == [project]


def test_two_checks_share_no_project(machine: Machine, port: str) -> None:
    for _time in range(2):
        machine.check("--no-build", "--port", port)
    assert len(set(of_projects(machine.asked, "up"))) == 2


def is_running(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_from_outside_it_takes_its_set_down(machine: Machine, port: str, number: signal.Signals) -> None:
    """And what it had started with it: `docker` has Compose as a child, which would go on bringing the set up."""
    (machine.folder / "up.sh").write_text('sh -c \'echo $$ > "$0/child"; exec sleep 60\' "$FOLDER" &\nwait\n')
    process = machine.start("--no-build", "--port", port)
    child = machine.folder / "child"
    deadline = time.monotonic() + 30
    while not (child.exists() and child.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert machine.asked[-1].endswith(" down --volumes --remove-orphans")
    deadline = time.monotonic() + 10
    while is_running(int(child.read_text())):  # signalled, and not yet gone on a busy machine
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_earlier_checks_left_is_taken_down_and_nothing_else(machine: Machine) -> None:
    code, _printed = machine.check("--down")
    assert code == 0
    assert of_projects(machine.asked, "down") == ["maquette-check-0a1b2c", "maquette-check-3d4e5f"]
