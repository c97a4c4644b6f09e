"""What a command of the trainer's may see: its environment, its folders, its share of the machine. All that is not named here
is kept from it (docs/security.md)."""

import fcntl
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from sandbox import modes
from sandbox.modes import Mode, NotConfined
from sandbox.policy import Policy
from sandbox.user import may_change_user
from trainer import machine
from webapp.core.private import open_to_group
from webapp.core.problems import Problem

log = logging.getLogger(__name__)
GIB = 1024**3
PLAIN = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "LD_LIBRARY_PATH",
    "PYTHONHASHSEED",
    "PYTHONWARNINGS",
    "PYTHONDONTWRITEBYTECODE",
    "HF_HUB_OFFLINE",
    "MAQUETTE_CACHE_BYTES",
    "MAQUETTE_CHECKPOINT_SECONDS",
    "MAQUETTE_DISK_RESERVE_BYTES",
    "MAQUETTE_HUB_BYTES",
    "MAQUETTE_HUB_MODEL_BYTES",
)
FAMILIES = (
    "LC_",
    "OMP_",
    "OPENBLAS_",
    "MKL_",
    "KMP_",
    "GOMP_",
    "MALLOC_",
    "TORCH_",
    "PYTORCH_",
    "CUDA_",
    "CUBLAS_",
    "CUDNN_",
    "NVIDIA_",
    "NCCL_",
    "HIP_",
    "ROCR_",
    "HSA_",
)
"""What a trainer is given of the environment: names, and how names begin. Threads, memory, devices and language; no secret of
the site's or of the operator's shell can be among them."""
NETWORKING = (
    "HF_ENDPOINT",
    "HF_HUB_DOWNLOAD_TIMEOUT",
    "HF_HUB_ETAG_TIMEOUT",
    "HF_HUB_DISABLE_XET",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)
"""The same for the one command that fetches from the hub."""
WEB = ("SSL_CERT_FILE", "SSL_CERT_DIR", "MAQUETTE_FETCH_LOOPBACK")
"""The same for the command that fetches from public addresses; it goes there itself, by no proxy."""
SERVER = (
    "MAQUETTE_DATA",
    "MAQUETTE_INTERNAL_TOKEN",
    "MAQUETTE_SANDBOX",
    "REDIS_URL",
    "SENTRY_DSN",
    "FORWARDED_ALLOW_IPS",
)
"""The same for the model server, with all that begins with MAQUETTE_SERVING_. It signs nothing: no SECRET_KEY."""
DNS, HTTP, HTTPS = 53, 80, 443
CODE, PREFIX = "code", "trainer-"
YOUNG_SECONDS = 60
OOM_SCORE = 500
LIMITS = {"CORE": 0, "NOFILE": 4096, "NPROC": 8192, "FSIZE": 64 * GIB}
"""Of every command, where its own say nothing else: no memory dumps, files open at once, processes and threads of its user,
the largest file."""


@dataclass(frozen=True)
class Access:
    """What one command reads and writes, besides the code and the libraries. `hub`: it fetches from the Hugging
    Face hub: it has a network and may fill the cache of base models, and should be given nobody's data. `web`: it fetches from
    public addresses, and has a network alone; `ports`: TCP ports that it needs besides those of the web. `loopback`: it starts processes that talk to each other (`sandbox.policy`)."""

    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    hub: bool = False
    web: bool = False
    ports: tuple[int, ...] = ()
    loopback: bool = False
    limits: dict[str, int] = field(default_factory=dict)
    """{name without RLIMIT_: value}, over those of all."""


@lru_cache
def mode(setting: str) -> Mode:
    """How commands are confined here; found out once a process."""
    chosen = modes.choose(setting, hidden())
    if chosen == "off" and setting != "off":
        log.warning("trainers are not confined on this machine: %s", "; ".join(why_not()))
    return chosen


def why_not() -> list[str]:
    """Why each of the modes does not work here; none of those that do."""
    probes = [modes.probe(mode, hidden()) for mode in modes.PREFERRED]
    return [f"{probe.mode}: {probe.reason}" for probe in probes if not probe.works]


def hidden() -> tuple[Path, ...]:
    """Everybody's data, and the code with its `.env`."""
    return settings.MAQUETTE_DATA, settings.BASE_DIR


def current_mode() -> Mode:
    """Raises `Problem` where MAQUETTE_SANDBOX asks for what this machine has not."""
    try:
        return mode(settings.MAQUETTE_SANDBOX)
    except NotConfined as error:
        log.error("MAQUETTE_SANDBOX=%s: %s", settings.MAQUETTE_SANDBOX, error)
        raise Problem(
            _("Nothing can be read or trained: this machine cannot confine the processes that would do it."),
            code="not_confined",
            hint=_("The operator of this site sees the reason with “manage.py doctor”."),
        ) from error


def mode_for(access: Access) -> Mode:
    """That of all commands; for a fetcher Landlock, if it may be chosen here and knows ports: a program in bubblewrap that has
    a network has all of it. Raises `Problem`."""
    chosen = current_mode()
    is_free = (access.hub or access.web) and settings.MAQUETTE_SANDBOX in ("auto", "require") and chosen == "bubblewrap"
    knows_ports = is_free and modes.landlock_version() >= modes.ABI_NET
    return "landlock" if knows_ports and modes.probe("landlock", hidden()).works else chosen


def environment(access: Access, folder: Path, more: dict[str, str]) -> dict[str, str]:
    """The whole environment of a command whose own temporary files go to `folder`."""
    names = PLAIN + (NETWORKING if access.hub else WEB if access.web else ())
    given = {name: value for name, value in os.environ.items() if name in names or name.startswith(FAMILIES)}
    if models := models_folders():
        given["MAQUETTE_MODELS_DIR"] = os.pathsep.join(map(str, models))
    own = {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_CACHE": str(hub_cache()),
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        machine.GIVEN: machine.own_groups(),
    }
    return given | own | ({} if access.hub else {"HF_HUB_OFFLINE": "1"}) | more


def is_given_to_server(name: str) -> bool:
    """Whether the model server gets a name of the environment."""
    return name in (*PLAIN, *SERVER) or name.startswith((*FAMILIES, "MAQUETTE_SERVING_"))


def hub_cache() -> Path:
    """Where base models of the hub are kept, as the hub's own library finds it."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def trainer_user() -> int | None:
    """The user whom commands run as (MAQUETTE_TRAINER_UID), in the site's own group; None: the site's."""
    return settings.MAQUETTE_TRAINER_UID or None if may_change_user() else None


def policy(access: Access, folder: Path, gate_ports: tuple[int, ...] | None = None) -> Policy:
    """The same as folders, ports and limits. `gate_ports`: those of a fetcher whose way to the hub is `webapp.core.hub_gate`."""
    code = settings.BASE_DIR / "trainer"
    writable = [folder, *access.writable, *([hub_cache()] if access.hub else [])]
    for path in writable:
        path.mkdir(parents=True, exist_ok=True)
    if trainer_user() is not None:
        for path in (*writable, *access.readable):
            open_to_group(path, settings.MAQUETTE_DATA)
    return Policy(
        readable=(code, *([] if access.hub else models_folders()), *access.readable),
        writable=tuple(writable),
        udp=gate_ports is None,
        ports=(gate_ports or hub_ports()) if access.hub else (*web_ports(), *access.ports) if access.web else None,
        loopback=access.loopback,
        hidden=hidden(),
        limits=LIMITS | access.limits,
        oom_score=OOM_SCORE,
    )


def hub_ports() -> tuple[int, ...]:
    """TCP ports that the way to the hub needs: its own, those of the proxies, and name servers'."""
    addresses = [os.environ.get(name, "") for name in NETWORKING if name.lower().endswith(("proxy", "endpoint"))]
    named = {port for address in addresses if (port := port_of(address))}
    return tuple(sorted({DNS, HTTP, HTTPS} | named))


def web_ports() -> tuple[int, ...]:
    """Those of the web and of name servers, and the one of this machine that tests may ask for (MAQUETTE_FETCH_LOOPBACK)."""
    own = os.environ.get("MAQUETTE_FETCH_LOOPBACK", "")
    return tuple(sorted({DNS, HTTP, HTTPS} | ({int(own)} if own.isascii() and own.isdigit() else set())))


def port_of(address: str) -> int | None:
    try:
        return urlsplit(address).port
    except ValueError:
        return None


def own_folder() -> tuple[Path, int]:
    """A new folder for one command's temporary files, and a descriptor that keeps it from `sweep`; whoever starts the command
    removes the folder. It has the way to the code in `CODE`, so that a Python that starts there finds the trainer without
    looking at what lies beside it."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=settings.FILE_UPLOAD_TEMP_DIR))
    hold = os.open(folder, os.O_RDONLY)
    fcntl.flock(hold, fcntl.LOCK_SH)
    (folder / CODE).mkdir()
    (folder / CODE / "trainer").symlink_to(settings.BASE_DIR / "trainer")
    return folder, hold


def sweep() -> None:
    """Remove the folders of commands whose worker died: nobody holds them."""
    for folder in settings.FILE_UPLOAD_TEMP_DIR.glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError, BlockingIOError):
            if time.time() - folder.stat().st_mtime < YOUNG_SECONDS:
                continue
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(folder)
            finally:
                os.close(handle)


def remove(folder: Path) -> None:
    """A command's own folder, with what its user kept from the group in it."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists() and (user := trainer_user()) is not None:
        words = "import shutil, sys; shutil.rmtree(sys.argv[1], ignore_errors=True)"
        subprocess.run([sys.executable, "-I", "-S", "-c", words, str(folder)], user=user, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def models_folders() -> list[Path]:
    """Of MAQUETTE_MODELS_DIR; what is not absolute is meant from the code's folder."""
    parts = os.environ.get("MAQUETTE_MODELS_DIR", "").split(os.pathsep)
    return [settings.BASE_DIR / part for part in parts if part]


def memory_limit(estimate: dict[str, Any] | None) -> int:
    """Bytes that a run on the processor may have of its own: three times what its estimate measured and at least `FLOOR`, but
    no more than the machine has."""
    measured = (estimate or {}).get("memory_bytes") or 0
    most = machine.memory_bytes()
    return int(min(most, max(3 * measured, FLOOR))) if measured else most


FLOOR = 8 * GIB
