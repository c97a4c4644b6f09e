"""What a trainer cannot reach, tried from inside one, under each means of confinement that this machine has."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings

from sandbox import modes
from sandbox.user import KEPT
from webapp.core import confinement, hub_gate
from webapp.core.confinement import Access, environment
from webapp.core.problems import Problem
from webapp.core.trainer_process import TrainerProcess, last_words

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no confinement elsewhere")
INTRUDER = Path(__file__).with_name("intruder.py")
SECRETS = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PGPASSWORD")


class Intrusion(TrainerProcess):
    PROGRAM = (sys.executable, "-c", INTRUDER.read_text("utf-8"))


@pytest.fixture(params=modes.PREFERRED)
def mode(request: pytest.FixtureRequest, settings: Any) -> str:
    probe = modes.probe(request.param, confinement.hidden())
    if not probe.works:
        pytest.skip(f"{request.param}: {probe.reason}")
    settings.MAQUETTE_SANDBOX = request.param
    return request.param


@pytest.fixture
def listeners() -> Iterator[dict[str, Any]]:
    """Somebody who answers by TCP, by UDP, at a path and at an abstract name."""
    folder = site_settings.MAQUETTE_DATA / "redis"
    folder.mkdir(exist_ok=True)
    path, abstract = str(folder / "t.sock"), f"maquette-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram,
        socket.socket(socket.AF_UNIX) as unnamed,
    ):
        udp.bind(("127.0.0.1", 0))
        for listener, place in ((unix, path), (unnamed, f"\0{abstract}")):
            listener.bind(place)
            listener.listen()
        datagram.bind(f"{path}.dgram")
        yield {
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": path,
            "datagram": f"{path}.dgram",
            "abstract": f"@{abstract}",
        }
    for name in (path, f"{path}.dgram"):
        os.unlink(name)


def intrude(attempts: dict[str, list[Any]], access: Access, tmp_path: Path) -> dict[str, str]:
    log = tmp_path / "stderr.log"
    process = Intrusion([json.dumps(attempts)], stderr=log, access=access)
    try:
        events = [event for event in process.events() if event]
    finally:
        process.end()
    assert events, last_words(log)
    return events[-1]["came_to"]


def test_nothing_but_its_own_is_reached(
    mode: str, listeners: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "sesame")
    data = site_settings.MAQUETTE_DATA
    own, version, other = data / "runs" / "mine", data / "datasets" / "mine" / "v1", data / "datasets" / "theirs" / "v1"
    secret = data / "a-secret"
    for folder in (own, version, other):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rows").write_text("rows")
    secret.write_text("sesame")
    attempts: dict[str, list[Any]] = {
        "the secret": ["read", str(secret)],
        "the database": ["read", str(site_settings.DATABASES["default"]["NAME"])],
        "another tenant's rows": ["read", str(other / "rows")],
        "another tenant's folder": ["listed", str(other)],
        "the site's code": ["read", str(site_settings.BASE_DIR / "webapp" / "settings.py")],
        "what the site was told": ["read", f"/proc/{os.getpid()}/environ"],
        "what the first process was told": ["read", f"/proc/{os.getppid()}/environ"],
        "the parent's memory": ["read", f"/proc/{os.getpid()}/mem"],
        "the parent's command line": ["read", f"/proc/{os.getpid()}/cmdline"],
        "the parent's files": ["listed", f"/proc/{os.getpid()}/root"],
        "passwords": ["read", "/etc/shadow"],
        "the rows changed": ["write", str(version / "rows")],
        "the trainer changed": ["write", str(site_settings.BASE_DIR / "trainer" / "events.py")],
        "a file beside": ["write", str(data / "runs" / "x")],
        "a file in /tmp": ["write", f"/tmp/maquette-{os.getpid()}"],
        "a link": ["link", str(own / "report.json"), str(secret)],
        "a second name": ["hard_link", str(own / "second"), str(secret)],
        "tcp": ["tcp", listeners["tcp"]],
        "udp": ["udp", listeners["udp"]],
        "a socket's path": ["unix", listeners["unix"]],
        "a socket's name": ["unix", listeners["abstract"]],
        "a datagram": ["datagram", listeners["datagram"]],
        "a signal": ["signal", os.getpid()],
        "a debugger": ["attach", os.getpid()],
        "a namespace": ["namespace"],
    }
    allowed: dict[str, list[Any]] = {
        "own rows": ["read", str(version / "rows")],
        "own run": ["write", str(own / "rows")],
        "own memory": ["read", "/proc/self/maps"],
        "this machine": ["read", "/proc/meminfo"],
        "no device": ["write", "/dev/null"],
    }
    told = {"environment": ["environment"], "status": ["status"], "limits": ["limits"]}
    told["who else is here"] = ["listed", str(data / "datasets")]
    came_to = intrude(attempts | allowed | told, Access(readable=(version,), writable=(own,)), tmp_path)
    assert {name: came_to[name] for name in attempts} == dict.fromkeys(attempts, "refused")
    assert "refused" not in {came_to[name] for name in allowed}, came_to
    assert came_to["who else is here"] in ("refused", "['mine']")
    assert "sesame" not in came_to["environment"]
    status, limits = json.loads(came_to["status"]), json.loads(came_to["limits"])
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    most = confinement.LIMITS
    assert limits.pop("oom_score") == own_score() + confinement.OOM_SCORE
    assert limits == {"core": 0, "files": most["NOFILE"], "size": most["FSIZE"]}
    assert (version / "rows").read_text() == "rows"
    assert secret.read_text() == "sesame"


def own_score() -> int:
    return int(Path("/proc/self/oom_score_adj").read_text())


def test_processes_on_several_devices_talk_to_each_other_and_to_nobody_else(
    mode: str, listeners: dict[str, Any], tmp_path: Path
) -> None:
    attempts = {
        "each other": ["talk"],
        "tcp": ["tcp", listeners["tcp"]],
        "udp": ["udp", listeners["udp"]],
        "outside": ["tcp_to", "192.0.2.1", 443],
        "unix": ["unix", listeners["unix"]],
        "abstract": ["unix", listeners["abstract"]],
        "datagram": ["datagram", listeners["datagram"]],
        "a namespace": ["namespace"],
        "status": ["status"],
    }
    came_to = intrude(attempts, Access(loopback=True), tmp_path)
    status = json.loads(came_to["status"])
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    if mode == "landlock" and came_to["each other"] == "refused":
        pytest.skip("nobody may make a network of its own here")
    found = {name: came_to[name] for name in attempts if name != "status"}
    assert found == dict.fromkeys(found, "refused") | {"each other": "talked"}


def test_without_confinement_all_of_it_is_reached(settings: Any, listeners: dict[str, Any], tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    settings.MAQUETTE_SANDBOX = "off"
    (tmp_path / "secret").write_text("sesame")
    attempts = {
        "secret": ["read", str(tmp_path / "secret")],
        "parent": ["read", f"/proc/{os.getpid()}/environ"],
        "tcp": ["tcp", listeners["tcp"]],
        "udp": ["udp", listeners["udp"]],
        "unix": ["unix", listeners["unix"]],
        "abstract": ["unix", listeners["abstract"]],
        "datagram": ["datagram", listeners["datagram"]],
        "signal": ["signal", os.getpid()],
        "link": ["link", str(tmp_path / "link"), "/"],
    }
    assert "refused" not in intrude(attempts, Access(), tmp_path).values()


def test_what_fetches_from_the_hub_has_a_network_and_no_data(
    mode: str, listeners: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{listeners['tcp']}")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    theirs = site_settings.MAQUETTE_DATA / "datasets" / "theirs"
    theirs.mkdir(parents=True, exist_ok=True)
    attempts = {
        "hub": ["tcp", listeners["tcp"]],
        "cache": ["write", str(tmp_path / "hub" / "a-model")],
        "data": ["listed", str(theirs)],
        "unix": ["unix", listeners["unix"]],
        "redis": ["datagram", listeners["datagram"]],
    }
    came_to = intrude(attempts, Access(hub=True), tmp_path)
    assert {name: came_to[name] for name in attempts} == {
        "hub": "connected",
        "cache": "written",
        "data": "refused",
        "unix": "refused",
        "redis": "refused",
    }


def test_what_fetches_from_the_hub_reaches_no_other_port_and_sends_no_datagram(
    listeners: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    if not modes.probe("landlock").works or modes.landlock_version() < modes.ABI_NET:
        pytest.skip("Landlock knows no network here")
    settings.MAQUETTE_SANDBOX = "auto"
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    attempts = {"tcp": ["tcp", listeners["tcp"]], "udp": ["udp", listeners["udp"]]}
    came_to = intrude(attempts, Access(hub=True), tmp_path)
    assert {name: came_to[name] for name in attempts} == {"tcp": "refused", "udp": "refused"}


def test_the_fetcher_asks_for_the_hub_at_the_gate(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer's own command, its own client: what it connects to comes by the gate."""
    asked: list[tuple[str, int]] = []

    def away(host: str, port: int, _endpoint: object) -> None:
        asked.append((host, port))
        raise ConnectionRefusedError

    for name in ("HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub_gate, "connect", away)
    process = TrainerProcess(
        ["fetch-model", "hub:somebody/some-model"], stderr=tmp_path / "stderr.log", access=Access(hub=True)
    )
    try:
        events = [event for event in process.events() if event]
    finally:
        process.end()
    assert set(asked) == {("huggingface.co", 443)}
    assert events[-1]["type"] == "error"


def test_a_server_reads_artifacts_and_reaches_redis_and_nothing_else(
    listeners: dict[str, Any], tmp_path: Path, settings: Any
) -> None:
    probe = modes.probe("landlock")
    if not probe.works or modes.landlock_version() < modes.ABI_NET:
        pytest.skip(probe.reason or "Landlock knows no network here")
    data = site_settings.MAQUETTE_DATA
    artifact = data / "runs" / "a" / "manifest.json"
    artifact.parent.mkdir(parents=True, exist_ok=True)
    for path in (artifact, data / "a-secret"):
        path.write_text("sesame")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    attempts = {
        "artifact": ["read", str(artifact)],
        "redis": ["unix", listeners["unix"]],
        "own port": ["listen", port],
        "a change": ["write", str(artifact)],
        "secret": ["read", str(data / "a-secret")],
        "database": ["read", str(site_settings.DATABASES["default"]["NAME"])],
        "parent": ["read", f"/proc/{os.getpid()}/environ"],
        "other port": ["listen", listeners["tcp"] - 1],
        "tcp": ["tcp", listeners["tcp"]],
        "abstract": ["unix", listeners["abstract"]],
        "debugger": ["attach", os.getpid()],
    }
    options = [f"--read={data / 'runs'}", f"--hide={data}", f"--listen={port}", f"--scratch={tmp_path / 'own'}"]
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", *options, "--", "python", *Intrusion.PROGRAM[1:], json.dumps(attempts)],
        env=os.environ
        | {"REDIS_URL": f"unix://:p@{listeners['unix']}", "MAQUETTE_SANDBOX": "require"}
        | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        cwd=site_settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
    )
    came_to = json.loads(done.stdout)["came_to"] if done.stdout else done.stderr
    allowed = {"artifact": repr(b"sesame"), "redis": "connected", "own port": "listening"}
    assert {name: came_to[name] for name in attempts} == dict.fromkeys(attempts, "refused") | allowed


def test_an_environment_holds_what_is_listed_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *SECRETS,
        "HTTPS_PROXY",
        "SOME_NEW_SECRET",
        "MAQUETTE_INTERNAL_TOKEN",
        "XDG_RUNTIME_DIR",
        "SSH_AUTH_SOCK",
    ):
        monkeypatch.setenv(name, "sesame")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    confined = environment(Access(), tmp_path, {"MAQUETTE_PSEUDONYM_KEY": "key"})
    assert "sesame" not in confined.values()
    assert {confined[name] for name in ("CUDA_VISIBLE_DEVICES", "HF_HUB_OFFLINE", "MAQUETTE_PSEUDONYM_KEY")} == {
        "0",
        "1",
        "key",
    }
    fetcher = environment(Access(hub=True), tmp_path, {})
    assert {name for name, value in fetcher.items() if value == "sesame"} == {"HTTPS_PROXY"}


def test_what_is_required_and_not_there_is_refused(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAQUETTE_SANDBOX = "require"
    monkeypatch.setattr(modes, "probe", lambda mode, hidden=(): modes.Probe(mode, False, "not on this kernel"))
    confinement.mode.cache_clear()
    try:
        with pytest.raises(Problem) as problem:
            TrainerProcess(["tasks"], stderr=tmp_path / "stderr.log", access=Access())
        assert problem.value.code == "not_confined"
        settings.MAQUETTE_SANDBOX = "auto"
        assert confinement.current_mode() == "off"
    finally:
        confinement.mode.cache_clear()


def test_signals_reach_the_command_and_nothing_stays(mode: str, tmp_path: Path) -> None:
    """As a run is stopped: it is told, says so, and ends by itself; its temporary folder goes with it."""

    class Patient(TrainerProcess):
        PROGRAM = (
            sys.executable,
            "-c",
            "import json, os, signal, sys, time\n"
            "def stop(*_): print(json.dumps({'type': 'stopped'}), flush=True); sys.exit(3)\n"
            "signal.signal(signal.SIGTERM, stop)\n"
            "print(json.dumps({'type': 'ready', 'folder': os.environ['TMPDIR']}), flush=True)\n"
            "time.sleep(60)",
        )

    process = Patient([], stderr=tmp_path / "stderr.log", access=Access())
    heard: list[str] = []
    watchdog = threading.Timer(20, process.end)
    watchdog.start()
    for event in process.events():
        if event:
            heard.append(event["type"])
        if event and event["type"] == "ready":
            folder = Path(event["folder"])
            assert folder.is_dir()
            process.signal(15)
    watchdog.cancel()
    process.end()
    assert heard == ["ready", "stopped"]
    assert process.process.returncode == 3
    assert not folder.exists()


def test_a_killed_command_takes_all_with_it(mode: str, tmp_path: Path) -> None:
    class Parent(TrainerProcess):
        PROGRAM = (
            sys.executable,
            "-c",
            "import json, subprocess, sys, time\n"
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(61.25)'])\n"
            "print(json.dumps({'type': 'ready'}), flush=True)\n"
            "time.sleep(61.25)",
        )

    process = Parent([], stderr=tmp_path / "stderr.log", access=Access())
    for event in process.events():
        if event:
            process.end()
    assert b"61.25" not in command_lines()


def test_what_a_dead_worker_left_is_removed_and_what_is_used_stays() -> None:
    (left, hold), (used, still) = confinement.own_folder(), confinement.own_folder()
    os.close(hold)
    for folder in (left, used):
        os.utime(folder, (0, 0))
    (young, held) = confinement.own_folder()
    os.close(held)
    confinement.sweep()
    assert [folder.exists() for folder in (left, used, young)] == [False, True, True]
    os.close(still)
    os.utime(young, (0, 0))
    confinement.sweep()
    assert not used.exists()
    assert not young.exists()


def command_lines() -> bytes:
    """Of all processes; one may end while they are read."""
    lines = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines += path.read_bytes()
    return lines


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can be somebody else")
@pytest.mark.parametrize("mode", modes.PREFERRED)
def test_it_works_for_an_ordinary_user(mode: str, tmp_path: Path) -> None:
    """By the system's own Python, since those of a home are not everybody's to run."""
    python = next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if os.access(path, os.X_OK)), None)
    version = python and subprocess.run(
        [python, "-c", "import sys; print(sys.version_info >= (3, 11))"], capture_output=True
    )
    if version is None or version.stdout.strip() != b"True":
        pytest.skip("no Python for everybody")
    code = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        for name in ("sandbox", "py_landlock", "pyseccomp"):
            spec = __import__(name).__file__
            source = Path(spec).parent if Path(spec).name == "__init__.py" else Path(spec)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, code / source.name)
        (code / "secret").write_text("sesame")
        subprocess.run(["chmod", "-R", "a+rX", code], check=True)
        steal = f"print(open({str(code / 'secret')!r}).read())"
        script = (
            "import subprocess, sys; from pathlib import Path; from sandbox import modes; from sandbox.policy import Policy\n"
            f"probe = modes.probe({mode!r}); print(probe)\n"
            f"words = [sys.executable, '-c', {steal!r}]\n"
            f"line = modes.command({mode!r}, Policy(hidden=(Path({str(code)!r}),)), words, Path('/'))\n"
            "print(subprocess.run(line, capture_output=True, text=True))"
        )
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(code)}
        done = subprocess.run([*user, python, "-c", script], capture_output=True, text=True, env=environment, cwd="/")
    finally:
        shutil.rmtree(code)
    if "works=False" in done.stdout:
        pytest.skip(done.stdout)
    assert "sesame" not in done.stdout, done.stdout
    assert "No such file" in done.stdout or "Permission denied" in done.stdout, done.stdout + done.stderr


TRAINER_UID, TRAINER_GID = 10002, 10001
PLANTED = """
import json, os, sys
os.mkdir("mine", 0o700)
open("mine/hidden", "w").close()
with open(os.path.join(sys.argv[2], "made"), "w") as made:
    made.write("by the trainer")
print(json.dumps({"type": "log", "uid": os.getuid(), "rows": open(sys.argv[1]).read()}))
"""
WORKER = """
import json, os, subprocess, sys
from pathlib import Path
from sandbox import modes
from sandbox.policy import Policy
own = open("/proc/self/status").read()
look = [sys.executable, "-c", "print(open('/proc/self/status').read())"]
child = subprocess.run(modes.command(sys.argv[1], Policy(), look, Path("/")), user=10002, capture_output=True, text=True)
sleeper = subprocess.Popen(["sleep", "60"], user=10002)
sleeper.kill()
reading = subprocess.run(["cat", f"/proc/{os.getpid()}/environ"], user=10002, capture_output=True)
print(json.dumps([own, child.stdout, child.stderr, sleeper.wait(), reading.returncode]))
"""


class Planted(TrainerProcess):
    PROGRAM = (sys.executable, "-c", PLANTED)


def others_may_run(program: str) -> bool:
    """Whether a user without rights of root's can start it."""
    done = subprocess.run(["/bin/sh", "-c", f"test -x {program}"], user=TRAINER_UID, check=False)
    return done.returncode == 0


@pytest.fixture
def own_user(settings: Any) -> Iterator[Path]:
    """The data folder of a site whose trainers have a user of their own."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a program as somebody else")
    if not others_may_run(sys.executable):
        pytest.skip("this Python lies in a folder that other users may not enter")
    folder = Path(tempfile.mkdtemp(prefix="maquette-user-", dir="/tmp"))  # pytest's own folders let nobody through
    settings.MAQUETTE_DATA, settings.MAQUETTE_TRAINER_UID = folder, TRAINER_UID
    settings.FILE_UPLOAD_TEMP_DIR = folder / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(mode=0o700)
    before = os.umask(0o007)
    yield folder
    os.umask(before)
    shutil.rmtree(folder)


def test_trainers_have_a_user_of_their_own_where_the_site_may_give_them_one(
    mode: str, own_user: Path, tmp_path: Path
) -> None:
    """What was written before there was such a user is opened to it, and what it leaves can be read and removed."""
    version, run = own_user / "datasets" / "mine", own_user / "runs" / "mine"
    for folder in (version, run):
        folder.mkdir(parents=True)
    rows = version / "rows"
    rows.write_text("rows")
    for path in (rows, version, run, version.parent, run.parent):
        path.chmod(0o700)
    log = tmp_path / "stderr.log"
    process = Planted([str(rows), str(run)], stderr=log, access=Access(readable=(version,), writable=(run,)))
    events = [event for event in process.events() if event]
    process.end()
    assert events, last_words(log)
    assert (events[0]["uid"], events[0]["rows"]) == (TRAINER_UID, "rows")
    made = (run / "made").stat()
    assert (made.st_uid, made.st_mode & 0o777) == (TRAINER_UID, 0o660)
    assert list((own_user / "tmp").iterdir()) == [], "its own folder goes, with what it kept to itself"


@pytest.mark.parametrize("confined_by", ["off", "landlock"])
def test_a_worker_begun_as_root_keeps_what_it_needs_and_its_trainers_nothing(confined_by: modes.Mode) -> None:
    python = next(
        (
            path
            for path in (sys.executable, "/usr/bin/python3")
            if os.path.exists(path) and os.geteuid() == 0 and others_may_run(path)
        ),
        None,
    )
    if python is None:
        pytest.skip("only root can become somebody else, by a Python that others may start")
    if confined_by != "off" and not modes.probe(confined_by, ()).works:
        pytest.skip(modes.probe(confined_by, ()).reason)
    user = f"{TRAINER_GID}:{TRAINER_GID}"
    done = subprocess.run(
        [python, "-m", "sandbox.user", user, "--", python, "-c", WORKER, confined_by],
        env={
            "PYTHONPATH": os.pathsep.join([str(site_settings.BASE_DIR), *modes.bindings()]),
            "PATH": os.environ["PATH"],
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *texts, killed, reading = json.loads(done.stdout)
    own, child = (
        {line.split(":")[0]: line.split(":")[1].split() for line in text.split("\n") if ":" in line}
        for text in texts[:2]
    )
    assert (own["Uid"], own["Gid"], own["Groups"]) == (["10001"] * 4, ["10001"] * 4, ["10001"])
    assert int(own["CapPrm"][0], 16) == KEPT, "it may start another user's programs and end them"
    assert child["Uid"] == ["10002"] * 4, texts[2]
    assert {int(child[name][0], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}
    assert killed == -signal.SIGKILL
    assert reading != 0, "the worker's environment is closed to another user"


def test_the_doctor_names_the_means_where_bubblewrap_is_not_installed(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webapp.host import doctor

    if mode == "landlock":
        monkeypatch.setattr(modes.shutil, "which", lambda *_words, **_more: None)
    state, words, _hint = doctor.sandbox()
    assert state == doctor.OK
    assert words.lower().startswith(f"trainers are confined by {mode}")
