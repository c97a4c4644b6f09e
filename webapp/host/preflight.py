"""What must be so before anything starts. Each check either passes in silence or raises a sentence and a remedy."""

import contextlib
import fcntl
import http.client
import importlib.util
import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from webapp.host.redis_server import HINT, fault_of, find_binary

LEAST_FREE_BYTES = 2 * 1024**3
OLDEST_PYTHON = (3, 11)


class StartError(RuntimeError):
    """Something the user can mend: one sentence, and the next step."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.message, self.remedy = message, remedy


def check_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        here = ".".join(map(str, sys.version_info[:3]))
        raise StartError(
            f"Maquette needs Python 3.11 or newer; this is Python {here}.",
            "Install a newer one (`sudo apt install python3.11 python3.11-venv`, or `brew install python@3.13`), "
            "delete the folder .venv and start again.",
        )


def check_library(name: str, purpose: str) -> None:
    if importlib.util.find_spec(name) is None:
        raise StartError(
            f"The Python library {name} is missing, and {purpose} needs it.",
            "Delete the folder .venv and type `make run` again; it installs everything.",
        )


def check_folder(data: Path) -> None:
    """The data folder exists, is ours to write and has room."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        probe = data / f".write-test-{os.getpid()}"
        probe.write_bytes(b"maquette")
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"The data folder {data} cannot be written: {error.strerror}.",
            "Make it writable for your user, or choose another with `make run MAQUETTE_DATA=/some/folder`.",
        ) from error
    free = shutil.disk_usage(data).free
    if free < LEAST_FREE_BYTES:
        raise StartError(
            f"Only {free / 1024**3:.1f} GB are free on the disk of {data}; Maquette needs at least 2 GB.",
            "Free some space, or put the data elsewhere with `make run MAQUETTE_DATA=/some/folder`.",
        )


def port_of(setting: str, default: int) -> int:
    """The port that PORT or SERVING_PORT names."""
    value = os.environ.get(setting) or str(default)
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        raise StartError(
            f"{setting}={value} is not a port number.",
            f"Give one between 1024 and 65535: `make run {setting}={default}`.",
        )
    return int(value)


def check_port(host: str, port: int, setting: str) -> None:
    """`setting` is the name of the setting that moves it: PORT or SERVING_PORT."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except PermissionError as error:
        raise StartError(
            f"Port {port} needs administrator rights.", f"Choose one above 1023: `make run {setting}={port + 8000}`."
        ) from error
    except OSError as error:
        owner = port_owner(port)
        if "in use" not in str(error):
            raise StartError(f"{host}:{port} cannot be opened: {error.strerror}.", "Check the setting HOST.") from error
        if setting == "PORT" and is_ours(host, port):
            raise StartError(
                f"Maquette is already running at {address_of(host, port)}.",
                "Open that address. To start it anew, stop it first with Ctrl-C where it runs; for a second one beside it: "
                "`make run MAQUETTE_DATA=var2 PORT=8010 SERVING_PORT=8011`.",
            ) from error
        raise StartError(
            f"Port {port} is already in use{f' by {owner}' if owner else ''}.",
            f"Stop that program, or choose another port: `make run {setting}={port + 10}`.",
        ) from error


def address_of(host: str, port: int) -> str:
    host = host if host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104  compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def is_ours(host: str, port: int) -> bool:
    """Whether a Maquette answers there, ready or not."""
    asking = http.client.HTTPConnection(urlsplit(address_of(host, port)).netloc, timeout=4)
    try:
        with contextlib.closing(asking):
            asking.request("GET", "/readyz", headers={"Host": known_host(address_of(host, port))})
            answer = json.loads(asking.getresponse().read(10_000))
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return isinstance(answer, dict) and {"ready", "parts"} <= set(answer)


def known_host(address: str) -> str:
    """A host name that Django accepts: the ALLOWED_HOSTS of a public site do not hold 127.0.0.1."""
    from django.conf import settings

    host = address.removeprefix("http://")
    names = [name for name in settings.ALLOWED_HOSTS if name not in ("*",)]
    if "*" in settings.ALLOWED_HOSTS or host.rsplit(":", 1)[0] in names or not names:
        return host
    return str(names[0]).lstrip(".")


def port_owner(port: int) -> str:
    """Name and number of the process that listens there, or nothing where we may not look."""
    with contextlib.suppress(psutil.Error, OSError, RuntimeError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""


def check_redis() -> None:
    """Either the one that REDIS_URL names answers, or there is a binary to start."""
    url = os.environ.get("REDIS_URL")
    if not url:
        if find_binary() is None:
            raise StartError("No Redis was found, and Maquette needs one for its queues.", HINT)
    elif fault := fault_of(url):
        raise StartError(
            f"REDIS_URL is set to {without_password(url)}, but {fault}.",
            "Start it, correct REDIS_URL, or remove REDIS_URL to let Maquette start a private one.",
        )


def check_database() -> None:
    """Needs Django to be set up."""
    from django.db import Error, connection
    from django.db.utils import OperationalError

    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (OperationalError, Error) as error:
        name = connection.settings_dict["NAME"]
        where = name if connection.vendor == "sqlite" else f"{connection.settings_dict['HOST']}/{name}"
        raise StartError(
            f"The database {where} does not answer: {str(error).strip().splitlines()[0]}.",
            "Start it or correct DATABASE_URL; without DATABASE_URL Maquette uses a file in its data folder.",
        ) from error
    check_encoding(connection)


def check_encoding(connection: Any) -> None:
    """A database that cannot hold every language's letters takes some rows and refuses others. Raises `StartError`."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        encoding = cursor.fetchone()[0]
    if encoding != "UTF8":
        raise StartError(
            f"The database {connection.settings_dict['NAME']} keeps text as {encoding}, which cannot hold every language.",
            "Make one with UTF-8: createdb --encoding=UTF8 --template=template0 NAME; then correct DATABASE_URL.",
        )


def without_password(url: str) -> str:
    parts = urlsplit(url)
    if not parts.password:
        return url
    return url.replace(f":{parts.password}@", ":…@", 1)


@contextlib.contextmanager
def only_one(data: Path, address: str = "") -> Iterator[None]:
    """Hold the data folder: a second Maquette on it would start a second Redis and a second set of workers."""
    with (data / "up.lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            pid, _space, address_there = lock.read().strip().partition(" ")
            which = f"is already running at {address_there}, on" if address_there else "already runs on"
            raise StartError(
                f"Maquette {which} {data}{f' (process {pid})' if pid else ''}.",
                "Use that one, stop it with Ctrl-C, or give this one its own folder and ports: "
                "`make run MAQUETTE_DATA=var2 PORT=8010 SERVING_PORT=8011`.",
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()} {address}")
        lock.flush()
        yield
