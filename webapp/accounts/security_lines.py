"""The security log as lines of JSON, one an event: `<data>/logs/security.jsonl`, or standard error by SECURITY_LOG.

Every process of the site appends to the one file. A line is one write, so lines of several processes never mix; whoever makes
the file too large puts it aside, under a lock.
"""

import fcntl
import json
import logging
import sys
from datetime import UTC
from pathlib import Path
from typing import Any

from django.conf import settings

from webapp.accounts.models import SecurityEvent

log = logging.getLogger(__name__)
MAX_BYTES = 10 * 2**20
KEPT_FILES = 5


def fields_of(event: SecurityEvent) -> dict[str, Any]:
    """What the outside is told. The client's address stands before anything that a client can write, for the patterns of
    fail2ban; persons and workspaces by their ids, since a line cannot be erased with an account."""
    moment = event.created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "t": moment,
        "event": event.verb,
        "outcome": event.outcome,
        "address": event.address,
        "user": event.user_id,
        "workspace": event.workspace_id,
        "via": event.via,
        "subject": event.subject,
        "subject_id": event.subject_id,
        "given": event.given,
        "agent": event.agent,
    }


def path() -> Path:
    return settings.MAQUETTE_DATA / "logs" / "security.jsonl"


def write(fields: dict[str, Any]) -> None:
    """One line. A full disk costs the line, never what was done."""
    if settings.SECURITY_LOG == "off":
        return
    line = json.dumps(fields, ensure_ascii=True) + "\n"
    if settings.SECURITY_LOG == "stderr":
        sys.stderr.write(line)
        sys.stderr.flush()
        return
    try:
        append(path(), line.encode())
    except OSError as error:
        log.warning("a line of the security log could not be written: %s", type(error).__name__)


def append(file: Path, line: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab", buffering=0) as stream:
        stream.write(line)
        size = stream.tell()
    if size > MAX_BYTES:
        rotate(file)


def rotate(file: Path) -> None:
    """`security.jsonl.1` … for what is older, as the other logs; once, however many processes found it too large."""
    with file.with_name(f".{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists() or file.stat().st_size <= MAX_BYTES:
            return
        for number in range(KEPT_FILES - 1, 0, -1):
            newer = file.with_name(f"{file.name}.{number - 1}") if number > 1 else file
            if newer.exists():
                newer.replace(file.with_name(f"{file.name}.{number}"))


def prune(before: float) -> None:
    """Delete the files put aside whose last line was written before this moment (seconds since 1970)."""
    for older in path().parent.glob(f"{path().name}.*"):
        if older.stat().st_mtime < before:
            older.unlink(missing_ok=True)
