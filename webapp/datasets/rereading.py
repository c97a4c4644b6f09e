"""Reading a source again: what is new in it joins the newest version. What has not changed makes none, and what fails changes nothing."""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.core import readers
from webapp.core.confinement import Access
from webapp.core.files import check_disk
from webapp.core.locks import only_one
from webapp.core.storable import storable
from webapp.core.work import Later, Work
from webapp.datasets import data_sources
from webapp.datasets.actions import current_version
from webapp.datasets.appending import append_files
from webapp.datasets.models import DatasetVersion, Status
from webapp.datasets.quota import check_quota, room
from webapp.datasets.source_failures import Told, tell_failure, writer_of
from webapp.datasets.source_models import DataSource, Kind

MOST_FILES = 20
"""Of a folder, the newest."""
AGAIN_SECONDS = 5
SEEN, ROWS = "seen.npy", "rows.parquet"
FORGOTTEN: dict[str, Any] = {"etag": "", "modified": "", "sha256": ""}
"""Fields of one that is read whatever it was like before."""
PIECE = 1 << 20


class Rereading(Work[DataSource]):
    """One at a time on a machine, so that a slow server holds up no more than other sources."""

    model = DataSource
    RELATED = ("dataset__workspace", "created_by")
    SECONDS = 1_200
    LIMITS = {"AS": readers.address_bytes(), "CPU": 900, "FSIZE": 4 << 30}
    DIED = {
        "code": "source_died",
        "message": gettext_lazy("Reading this source took more memory or time than it may take, so it was stopped."),
        "hint": gettext_lazy("Let it give fewer rows, the newest alone for example."),
    }

    @classmethod
    def log_of(cls, row: DataSource) -> Path:
        return row.dataset.folder / f"source-{row.pk}.log"

    @classmethod
    @contextmanager
    def devices(cls, row: DataSource) -> Iterator[None]:
        with only_one(settings.MAQUETTE_DATA / "locks" / "sources.lock") as alone:
            if not alone:
                raise Later(AGAIN_SECONDS)
            yield

    def do(self) -> None:
        check_disk()
        latest = self.row.dataset.latest
        if latest is not None and latest.status == Status.PROCESSING:
            raise Later(AGAIN_SECONDS)
        version, own = current_version(self.row.dataset), self.row.folder / self.lease
        note_version(self.row)
        try:
            (own / "files").mkdir(parents=True)
            fetched = self.bring(own)
            if fetched["changed"]:
                fetched |= self.join(version, own, fetched["paths"])
            fields = ("etag", "modified", "sha256", "rows", "new_rows", "left_out", "made")
            self.finish(failures=0, known=False, **{name: fetched[name] for name in fields if name in fetched})
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def bring(self, own: Path) -> dict[str, Any]:
        """What it is like now, below `own`: {changed, paths, and what tells it from the next time}."""
        access = data_sources.access_of(self.row)
        check_quota(self.row.workspace, 1)
        most = min(settings.MAX_UPLOAD_BYTES, room(self.row.workspace))
        if self.row.kind == Kind.FOLDER:
            return copy_folder(data_sources.check_folder(access["address"]), own / "files", self.row.sha256, most)
        known = {name: getattr(self.row, name) for name in FORGOTTEN}
        asked = own / "asked.json"
        asked.touch(0o600)
        asked.write_text(json.dumps(access | known | {"most_bytes": most}), "utf-8")
        fetched = self.command(
            ["fetch-source", str(asked), f"--out={own / 'files'}"],
            Access(readable=(asked,), writable=(own / "files",), web=True),
        )
        asked.unlink()
        return {**fetched, "paths": [own / "files" / Path(fetched["file"]).name] if fetched["changed"] else []}

    def join(self, version: DatasetVersion, own: Path, paths: list[Path]) -> dict[str, Any]:
        """Have the new rows of these files read into the next version."""
        new, seen = own / "new", self.row.folder / SEEN
        new.mkdir()
        before = [f"--seen={seen}"] if seen.exists() else []
        before += ["--none-new"] if self.row.known else []
        result = self.command(
            ["new-rows", str(version.folder), *map(str, paths), f"--out={new}", *before],
            Access(readable=(version.folder, *paths, *([seen] if seen.exists() else [])), writable=(new,)),
        )
        facts = {"rows": result["rows"], "new_rows": result["new"], "left_out": storable(result["left_out"])}
        if not result["new"]:
            (new / SEEN).replace(seen)
            return facts
        note = _("Read again: %(address)s") % {"address": self.row.address}
        with (new / ROWS).open("rb") as file:
            made = append_files(version, writer_of(self.row), [File(file, ROWS)], note)
        (new / SEEN).replace(self.row.folder / f"seen-{made.pk}.npy")
        return facts | {"made": made}

    @classmethod
    def ended(cls, row: DataSource) -> None:
        if row.error and row.failures == 1:
            tell_failure(row)


def note_version(source: DataSource) -> None:
    """Rows count as seen once the version that they were to join is there; where it could not be made they are read anew."""
    for path in source.folder.glob("seen-*.npy"):
        version = DatasetVersion.objects.filter(pk=path.stem.removeprefix("seen-")).first()
        if version is not None and version.status == Status.READY:
            path.replace(source.folder / SEEN)
        else:
            path.unlink(missing_ok=True)
            DataSource.objects.filter(pk=source.pk).update(**FORGOTTEN)
            source.refresh_from_db(fields=list(FORGOTTEN))


def version_was_read(sender: object, version: DatasetVersion, **_kwargs: object) -> None:
    """A version that could not be made of a source's rows is the source's failure: it is told, and read again at its time."""
    if version.status != Status.FAILED:
        return
    for source in DataSource.objects.filter(made=version).select_related("dataset__workspace", "created_by"):
        DataSource.objects.filter(pk=source.pk).update(error=version.error, failures=source.failures + 1, **FORGOTTEN)
        if not source.failures:
            tell_failure(source)


def sweep() -> None:
    for source in DataSource.objects.due_by_time()[:100]:
        data_sources.read_now(source)
    Rereading.sweep()


def copy_folder(place: Path, out: Path, known: str, most_bytes: int) -> dict[str, Any]:
    """The newest files of a folder, or the file. Raises `Told` where one is still being written, or all are too large."""
    files = newest_files(place)
    facts = [path.stat() for path in files]
    listing = json.dumps(
        [(path.name, status.st_size, status.st_mtime_ns) for path, status in zip(files, facts, strict=True)]
    )
    digest = hashlib.sha256(listing.encode()).hexdigest()
    if digest == known:
        return {"changed": False}
    if not files or sum(status.st_size for status in facts) > most_bytes:
        raise Told(
            gettext_lazy("The folder holds no file.") if not files else gettext_lazy("The files are too large."),
            gettext_lazy("It is read again at its time."),
        )
    paths = [out / f"{number}-{path.name}" for number, path in enumerate(files)]
    for path, copy, before in zip(files, paths, facts, strict=True):
        copy_whole(path, copy, before)
    return {"changed": True, "paths": paths, "sha256": digest}


def newest_files(place: Path) -> list[Path]:
    """Those that are finished: neither hidden nor called .part or .tmp."""
    if place.is_file():
        return [place]
    files = [
        path
        for path in place.iterdir()
        if not path.name.startswith(".")
        and path.suffix not in (".part", ".tmp")
        and path.is_file()
        and not path.is_symlink()
    ]
    return sorted(sorted(files, key=lambda path: path.stat().st_mtime_ns)[-MOST_FILES:])


def copy_whole(path: Path, copy: Path, before: os.stat_result) -> None:
    """A file of an allowed folder, whatever was put in its place meanwhile; `Told` where it changes while it is read."""
    with path.open("rb") as source, copy.open("wb") as target:
        opened = Path(os.readlink(f"/proc/self/fd/{source.fileno()}"))
        is_fine = data_sources.is_allowed(opened) and stat.S_ISREG(os.fstat(source.fileno()).st_mode)
        left = before.st_size
        while is_fine and left and (piece := source.read(min(PIECE, left))):
            target.write(piece)
            left -= len(piece)
        after = os.fstat(source.fileno())
    if not is_fine or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        with suppress(FileNotFoundError):
            copy.unlink()
        raise Told(
            gettext_lazy("A file of the folder changed while it was read."),
            gettext_lazy("Write it under a name that ends in .part, and rename it when it is whole."),
        )
