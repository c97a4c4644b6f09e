"""The supervisor with real processes: what is killed comes back, and nothing is left behind."""

import errno
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from webapp.host.management.commands.up import say
from webapp.host.preflight import StartError
from webapp.host.supervisor import LOG_BYTES, Program, RotatingLog, Supervisor

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
# A stubborn parent with a child in a process group of its own, as a worker with a training run.
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)\n",
]


class Said(list[str]):
    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def supervisor(tmp_path: Path, said: Said) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "logs", said)
    yield supervisor
    supervisor.stop(grace=1)


def turn_until(supervisor: Supervisor, condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        supervisor.turn()


def pid_of(supervisor: Supervisor, name: str) -> int | None:
    process = supervisor.children[name].process
    return process.pid if process else None


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_killed_child_comes_back(supervisor: Supervisor, said: Said) -> None:
    supervisor.start(Program("sleeper", SLEEPER))
    first = pid_of(supervisor, "sleeper")
    assert first
    os.kill(first, signal.SIGKILL)
    turn_until(supervisor, lambda: pid_of(supervisor, "sleeper") not in (None, first))
    assert not alive(first)
    assert "sleeper was ended by SIGKILL; starting it again in 0.2 s" in said[0]


def test_the_wait_grows_and_a_hopeless_start_ends_with_its_last_words(supervisor: Supervisor, said: Said) -> None:
    failing = [sys.executable, "-c", "print('I have no bread'); raise SystemExit(3)"]
    supervisor.start(Program("baker", failing, back_off=(0.1, 0.2, 0.3)))
    with pytest.raises(StartError, match="I have no bread") as caught:
        turn_until(supervisor, lambda: False, seconds=30)
    assert "exit code 3, 5 times" in caught.value.message
    assert [line.split(" in ")[1].split(" s.")[0] for line in said] == ["0.1", "0.2", "0.3", "0.3"]


def test_once_ready_it_never_gives_up(supervisor: Supervisor, said: Said) -> None:
    supervisor.ready = True
    supervisor.start(Program("moth", [sys.executable, "-c", ""], back_off=(0.01,)))
    turn_until(supervisor, lambda: len(said) > 7, seconds=30)
    child = supervisor.children["moth"]
    assert child.process or child.due is not None
    assert sum("starting it again" in line for line in said) > 2


def test_what_a_child_says_is_in_its_log_and_trouble_on_the_terminal(supervisor: Supervisor, said: Said) -> None:
    program = (
        "import sys, time\n"
        "print('calm')\n"
        "print('ERROR no flour', file=sys.stderr)\n"
        "print('last', end='', flush=True)\n"
        "time.sleep(60)\n"
    )
    supervisor.ready = True
    supervisor.start(Program("mill", [sys.executable, "-c", program]))
    turn_until(supervisor, lambda: supervisor.children["mill"].rest == b"last")
    assert said == ["    mill | ERROR no flour"]
    turn_until(supervisor, lambda: supervisor.children["mill"].rest == b"last")
    os.kill(pid_of(supervisor, "mill") or 0, signal.SIGKILL)
    turn_until(supervisor, lambda: len(said) > 1)
    assert sorted((supervisor.logs / "mill.log").read_text().split("\n")) == ["", "ERROR no flour", "calm", "last"]


def test_verbose_shows_everything(tmp_path: Path, said: Said) -> None:
    supervisor = Supervisor(tmp_path, said, verbose=True)
    supervisor.start(Program("sleeper", SLEEPER))
    turn_until(supervisor, lambda: " sleeper | up" in said)
    supervisor.stop(grace=1)


def test_stopping_ends_the_stubborn_and_their_children(supervisor: Supervisor) -> None:
    supervisor.adopt_orphans()
    supervisor.start(Program("stubborn", STUBBORN))
    log = supervisor.logs / "stubborn.log"
    turn_until(supervisor, lambda: log.read_text().strip().isdigit())
    parent, child = pid_of(supervisor, "stubborn"), int(log.read_text())
    assert parent
    began = time.monotonic()
    supervisor.stop(grace=0.5)
    assert time.monotonic() - began < 5
    assert not alive(parent)
    assert not alive(child)


def test_stopping_is_quick_when_all_are_polite(supervisor: Supervisor) -> None:
    for name in ("one", "two", "three"):
        supervisor.start(Program(name, SLEEPER))
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 2


def test_the_last_outlives_the_others(supervisor: Supervisor) -> None:
    """Redis must be there while the workers put down what they hold."""
    witness = (
        "import os, signal, sys, time\n"
        "def leave(*_):\n"
        "    time.sleep(0.5)\n"
        "    print(os.path.exists(f'/proc/{sys.argv[1]}'), flush=True)\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    supervisor.start(Program("base", SLEEPER, last=True))
    supervisor.start(Program("witness", [sys.executable, "-c", witness, str(pid_of(supervisor, "base"))]))
    log = supervisor.logs / "witness.log"
    turn_until(supervisor, lambda: "up" in log.read_text())
    supervisor.stop()
    assert log.read_text().split() == ["up", "True"]


def test_nothing_survives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from webapp.host.supervisor import Program, Supervisor\n"
        "supervisor = Supervisor(Path(sys.argv[1]), print)\n"
        f"supervisor.start(Program('a', {SLEEPER!r})); supervisor.start(Program('b', {SLEEPER!r}))\n"
        "print(*(child.process.pid for child in supervisor.children.values()), flush=True)\n"
        "supervisor.run()\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    pids = [int(pid) for pid in owner.stdout.readline().split()]
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 5
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a child outlived its supervisor"
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_costs_lines_and_no_process(supervisor: Supervisor) -> None:
    program = "import time\nfor at in range(1000):\n    print('line', at, flush=True)\n    time.sleep(0.05)"
    supervisor.start(Program("talker", [sys.executable, "-c", program]))
    log = supervisor.children["talker"].log
    there = log.file
    with Path("/dev/full").open("ab", buffering=0) as log.file:
        turn_until(supervisor, lambda: log.lost > 2)
    log.file = there
    turn_until(supervisor, lambda: not log.lost)
    assert pid_of(supervisor, "talker")
    assert re.search(r"\(\d+ lines are missing here", log.path.read_text())


def test_what_cannot_be_said_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        refused = 0

        def flush(self) -> None:
            self.refused += 1
            raise OSError(errno.ENOSPC, "No space left on device")

    full = Full()
    monkeypatch.setattr(sys, "stdout", full)
    say("Nobody hears this.")
    assert full.refused == 1


def test_logs_are_rotated(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "web.log")
    line = b"x" * (LOG_BYTES // 4)
    for _ in range(22):
        log.write(line)
    log.file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web.log", "web.log.1", "web.log.2"]
    assert all(path.stat().st_size < 1.3 * LOG_BYTES for path in tmp_path.iterdir())
