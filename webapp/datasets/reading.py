"""What a worker does with a version: read it by the trainer in a process of its own, and keep or refuse what comes out."""

import json
import logging
import resource
import secrets
import shutil
import threading
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from trainer.samples import SAMPLES
from webapp.core.connections import database_is_away, release_connection
from webapp.core.files import disk_error
from webapp.core.problems import Problem
from webapp.core.storable import storable
from webapp.core.trainer_process import TrainerProcess, last_words
from webapp.datasets.actions import enqueue, pseudonym_key
from webapp.datasets.models import DatasetVersion, Status
from webapp.datasets.quota import check_kept, lock_quota, measured, own_bytes, room
from webapp.datasets.signals import version_read

log = logging.getLogger(__name__)
GIB = 1024**3
READER_LIMITS = {
    resource.RLIMIT_AS: 5 * GIB,
    resource.RLIMIT_CPU: 900,
    resource.RLIMIT_FSIZE: 8 * GIB,
    resource.RLIMIT_CORE: 0,
}
READ_ATTEMPTS = 2
LEASE_SECONDS, PATIENCE_SECONDS = 60, 15
"""How long a reader may be silent, and how long after that was first seen another begins: a database that was away comes back
with all leases run out, and the readers are heard first."""
UNSENT_SECONDS = 20
BEAT_SECONDS, PROGRESS_SECONDS, WAIT_SECONDS = 5, 0.5, 1
"""How often it is heard of: at least, at most while rows come, and while the database is away at its end."""
PART_KEPT_SECONDS = 3600


class Lost(Exception):  # noqa: N818  not an error of anybody's
    """The version is no longer this reader's: another has it, or it was deleted."""


class Stopped(Exception):  # noqa: N818  not an error of anybody's
    """This worker is being stopped."""


stopping = threading.Event()
"""Set when this worker is being stopped."""


def read(version_id: str) -> None:
    """Read one version in a process of its own; what it prints becomes progress, its files become the version.

    One reader at a time: `read_by` is the lease of the one that has it, `touched_at` when it was last heard of. Each
    writes into a folder of its own, so that one which comes back from the dead spoils nothing.
    """
    if stopping.is_set():
        return  # its message is sent again
    lease = secrets.token_hex(8)
    claimed = DatasetVersion.objects.filter(pk=version_id, status=Status.PROCESSING, read_by="")
    if not claimed.update(read_by=lease, attempts=F("attempts") + 1, touched_at=timezone.now()):
        return
    version = DatasetVersion.objects.select_related("dataset", "parent").get(pk=version_id)
    own = version.part_folder / lease
    started = time.monotonic()
    try:
        own.mkdir(parents=True)
        outcome = run_reader(version, own / "rows")
        version.seconds = time.monotonic() - started
        if outcome.get("type") == "result":
            finish(version, own / "rows")
        else:
            fail(version, {key: outcome.get(key, "") for key in ("code", "message", "hint")})
    except Lost:
        log.warning("version %s was taken over by another reader", version.pk)
    except Stopped:
        hand_back(version)
    except DatabaseError:
        raise  # nothing can be stored now: the lease runs out, and it is read again
    except Problem as problem:
        fail(version, problem.as_dict())
    except OSError as error:
        log.exception("version %s cannot be written", version.pk)
        fail(version, disk_error(error))
    except Exception:
        fail(
            version,
            {
                "code": "bug",
                "message": _("The file could not be read because of an error on our end."),
                "hint": _("The log says more."),
            },
        )
        raise
    finally:
        shutil.rmtree(own, ignore_errors=True)


def reader_arguments(version: DatasetVersion, out: Path | None = None) -> list[str]:
    """What the trainer is asked for; it writes the version into `out`, or right into its place."""
    sources = (
        [version.parent.folder]
        if version.parent and not {"sheet", "header", "layout"} & set(version.request)
        else [version.dataset.upload_folder / name for name in version.sources]
    )
    arguments = ["inspect", *map(str, sources), "--out", str(out or version.folder)]
    for option in ("task", "columns", "roles", "split", "changes", "sheet", "header", "layout"):
        value = version.request.get(option)
        if value in (None, "", [], {}) and (option != "split" or value is None):
            continue  # an empty split asks for the usual one
        if option == "changes":
            value = f"@{write_changes(out or version.folder, value)}"
        arguments += [f"--{option}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
    return arguments + [word for fix in version.request.get("fixes", []) for word in ("--fix", fix)]


def write_changes(out: Path, changes: dict[str, Any]) -> Path:
    """A file for the reader, beside what it writes and as long as that: what is longer than 128 KB fits into no argument of a
    process."""
    path = out.with_suffix(".changes.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(changes, ensure_ascii=False), "utf-8")
    return path


def run_reader(version: DatasetVersion, out: Path) -> dict[str, Any]:
    """The reader's last event: its result, its error, or our own sentence when it died without one. What the hub has is
    fetched first, and a sample set written."""
    making = file_arguments(version)
    if making and not version.sources:
        folder = version.dataset.upload_folder
        shutil.rmtree(folder, ignore_errors=True)
        made = run_trainer(version, making)
        if made.get("type") != "result":
            return made
        files = made.get("files") or [Path(made["path"]).name]
        try:
            check_kept(version.workspace, sum((folder / name).stat().st_size for name in files))
        except Problem as problem:
            shutil.rmtree(folder, ignore_errors=True)
            return {"code": problem.code, "message": problem.message, "hint": problem.hint}
        version.sources = files
        version.save(update_fields=["sources"])
    return run_trainer(version, reader_arguments(version, out))


def file_arguments(version: DatasetVersion) -> list[str]:
    """What makes a version's files, for one that does not begin with an upload."""
    folder = version.dataset.upload_folder
    if hub := version.request.get("hub"):
        return ["fetch", hub, "--out", str(folder)]
    if sample := version.request.get("sample"):
        return ["sample", sample, "--out", str(folder / f"{sample}{SAMPLES[sample].ending}")]
    return []


def run_trainer(version: DatasetVersion, arguments: list[str]) -> dict[str, Any]:
    stderr = version.folder.parent / f"v{version.number}.log"
    environment = {"MAQUETTE_PSEUDONYM_KEY": pseudonym_key(version.dataset_id)}
    process = TrainerProcess(arguments, stderr=stderr, limits=READER_LIMITS, env=environment)
    final: dict[str, Any] = {}
    progress: dict[str, Any] = {}
    beaten, is_away = time.monotonic(), False
    try:
        for event in process.events():
            if event and event["type"] in ("result", "error"):
                final = event
            if event and event["type"] == "progress":
                progress = {"progress": event.get("fraction", 0), "rows_read": event.get("done") or 0}
            if stopping.is_set():
                raise Stopped
            if time.monotonic() - beaten > (PROGRESS_SECONDS if progress and not is_away else BEAT_SECONDS):
                is_away = not try_beat(version, **progress)
                progress, beaten = progress if is_away else {}, time.monotonic()
    finally:
        process.end()
    wait_for_database(version)
    if final:
        return final
    return {
        "code": "reader_died",
        "message": _("Reading this file took more memory or time than a file may take, so it was stopped."),
        "hint": _("Send a smaller part of it. If it is small, it may be damaged: export it again."),
        "detail": last_words(stderr),
    }


def beat(version: DatasetVersion, **fields: Any) -> None:
    """Renew the lease, whether rows come or not: profiling is silent for minutes. Raises `Lost`."""
    if not mine(version).update(touched_at=timezone.now(), **fields):
        raise Lost


def try_beat(version: DatasetVersion, **fields: Any) -> bool:
    """The same; False while the database is away, which is no reason to stop reading."""
    try:
        beat(version, **fields)
    except DatabaseError as error:
        if not database_is_away(error):
            raise
        log.warning("version %s is read without the database: %s", version.pk, error)
        release_connection()
        return False
    return True


def wait_for_database(version: DatasetVersion) -> None:
    """What comes next must be stored. Raises `Stopped` where this worker is stopped meanwhile."""
    while not try_beat(version):
        if stopping.wait(WAIT_SECONDS):
            raise Stopped


def hand_back(version: DatasetVersion) -> None:
    """For another worker, or for this one after its restart: nothing has died."""
    if mine(version).update(read_by="", attempts=F("attempts") - 1, touched_at=timezone.now()):
        enqueue(version)


def mine(version: DatasetVersion) -> QuerySet[DatasetVersion]:
    """The version's row, as long as it is being read by the reader that read it from the database."""
    return DatasetVersion.objects.filter(pk=version.pk, status=Status.PROCESSING, read_by=version.read_by)


def finish(version: DatasetVersion, made: Path | None = None) -> None:
    """Take over what the reader wrote into `made`; a version that the workspace has no room for is refused, and what it was
    to be made from stays. Raises `Lost`."""
    if made is not None:
        beat(version)
        shutil.rmtree(version.folder, ignore_errors=True)  # of a reader that ended between this line and `keep`
        made.rename(version.folder)
    size = own_bytes(version.folder)
    profile, problems = (
        storable(json.loads((version.folder / name).read_text("utf-8"))) for name in ("profile.json", "problems.json")
    )
    sizes = measured(version.workspace)
    with transaction.atomic():
        lock_quota(version.workspace)
        left = room(version.workspace, sizes)
        if size <= left:
            version.bytes, version.profile, version.problems = size, profile, problems
            version.rows, version.sha256 = profile["rows"], profile["sha256"]
            version.status, version.progress, version.rows_read = Status.READY, 1, version.rows
            keep(
                version, "profile", "problems", "rows", "sha256", "status", "progress", "rows_read", "bytes", "seconds"
            )
            return
    shutil.rmtree(version.folder)
    fail(
        version,
        {
            "code": "quota",
            "message": _("Once read, this needs %(size)d MB, and the workspace has room for %(room)d MB more.")
            % {"size": -(-size // 2**20), "room": left // 2**20},
            "hint": _("Nothing was lost: delete datasets that are no longer needed, then try again."),
        },
    )


def fail(version: DatasetVersion, error: dict[str, Any]) -> None:
    version.status, version.error = Status.FAILED, error
    with suppress(Lost):
        keep(version, "status", "error", "bytes", "seconds")


def keep(version: DatasetVersion, *names: str) -> None:
    """Store how reading ended, if it is still this reader's to say. Raises `Lost`."""
    if not mine(version).update(touched_at=timezone.now(), **{name: getattr(version, name) for name in names}):
        raise Lost
    transaction.on_commit(lambda: tell(version))
    shutil.rmtree(version.part_folder, ignore_errors=True)


def tell(version: DatasetVersion) -> None:
    """What waits for the version hears of it; a fault there is not one of reading."""
    for receiver, problem in version_read.send_robust(DatasetVersion, version=version):
        if isinstance(problem, Exception):
            log.error("%s failed after version %s was read", receiver, version.pk, exc_info=problem)


def sweep() -> None:
    """Read again what a dead worker left half read, giving up after the second time; and send again what nobody has
    begun to read, since its message may be lost: one too many is refused by the claim in `read`."""
    now = timezone.now()
    processing = DatasetVersion.objects.filter(status=Status.PROCESSING)
    silent = processing.exclude(read_by="").filter(touched_at__lt=now - timedelta(seconds=LEASE_SECONDS))
    silent.filter(Q(missed_at=None) | Q(missed_at__lt=F("touched_at"))).update(missed_at=now)
    patience = timedelta(seconds=PATIENCE_SECONDS)
    for version in silent.filter(missed_at__gte=F("touched_at"), missed_at__lt=now - patience)[:50]:
        begin_again(version)
    for version in processing.filter(read_by="", touched_at__lt=now - timedelta(seconds=UNSENT_SECONDS))[:50]:
        if mine(version).filter(touched_at=version.touched_at).update(touched_at=now):
            enqueue(version)
    sweep_parts()


def begin_again(version: DatasetVersion) -> None:
    """Take it from a reader that is gone, unless that one was heard of at the last moment."""
    if not mine(version).filter(touched_at=version.touched_at).update(read_by="", touched_at=timezone.now()):
        return
    version.read_by = ""
    if version.attempts < READ_ATTEMPTS:
        enqueue(version)
        return
    fail(
        version,
        {"code": "reader_died", "message": _("Reading this file failed twice."), "hint": _("Send it again.")},
    )


def sweep_parts() -> None:
    """Remove what a reader that was killed, with whoever watched it, or a restoring left half written."""
    oldest = time.time() - PART_KEPT_SECONDS
    for folder in (settings.MAQUETTE_DATA / "datasets").glob("*/v*.part"):
        number = folder.stem[1:]
        if folder.stat().st_mtime > oldest:
            continue
        reading = DatasetVersion.objects.filter(dataset_id=folder.parent.name, status=Status.PROCESSING)
        if not number.isdecimal() or not reading.filter(number=int(number)).exists():
            shutil.rmtree(folder, ignore_errors=True)
