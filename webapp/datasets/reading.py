"""What a worker does with a version: read it by the trainer in a process of its own, and keep or refuse what comes out."""

import json
import logging
import shutil
import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trainer.errors import EXIT_BUG
from trainer.samples import SAMPLES
from webapp.core import readers
from webapp.core.confinement import Access
from webapp.core.files import check_disk
from webapp.core.leased import LeasedQuerySet
from webapp.core.problems import Problem
from webapp.core.storable import storable
from webapp.core.work import TooLong, Work, stopping
from webapp.datasets.actions import pseudonym_key
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.datasets.quota import own_bytes, room_for
from webapp.datasets.signals import version_read

log = logging.getLogger(__name__)
GIB = 1024**3
PART_KEPT_SECONDS = 3600


class Reading(Work[DatasetVersion]):
    """Of one version: what the trainer prints becomes progress, its files become the version. Each attempt writes into a
    folder of its own, so that one which comes back from the dead spoils nothing."""

    model = DatasetVersion
    RELATED = ("dataset", "parent")
    LIMITS = {
        "AS": readers.address_bytes(),
        "CPU": 900,
        "FSIZE": 8 * GIB,
    }
    NEWS_SECONDS = 0.5
    DIED = {
        "code": "reader_died",
        "message": gettext_lazy("Reading this file took more memory or time than a file may take, so it was stopped."),
        "hint": gettext_lazy("Send a smaller part of it. If it is small, it may be damaged: export it again."),
    }
    BUG = Work.BUG | {
        "message": gettext_lazy("The file could not be read because of an error on our end."),
        "hint": gettext_lazy("The log says more."),
    }

    weighed_at = 0.0
    """When what it has written was last measured."""

    @classmethod
    def log_of(cls, row: DatasetVersion) -> Path:
        return row.folder.parent / f"v{row.number}.log"

    @classmethod
    def handle(cls, pk: str) -> None:
        """Read what is in turn, which need not be the version that the message named, until nothing waits that may be read
        now: a message that came while its workspace had all its readers is made good by whoever ends one of them."""
        tried: set[str] = set()
        while not stopping.is_set() and (turn := next_in_turn(tried)):
            tried.add(turn)
            super().handle(turn)

    def do(self) -> None:
        own = self.row.part_folder / self.lease
        check_disk()
        try:
            own.mkdir(parents=True)
            self.make_files()
            sources = [*reader_sources(self.row), *added_files(self.row), *self.fetch_media(own)]
            self.read(reader_arguments(self.row, own / "rows"), Access(readable=tuple(sources), writable=(own,)))
            self.keep(own / "rows")
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def make_files(self) -> None:
        """What the hub has is fetched, and a sample set written. `Problem` where the workspace has no room for it."""
        version = self.row
        making = file_arguments(version)
        if not making or version.sources:
            return
        folder = version.dataset.upload_folder
        shutil.rmtree(folder, ignore_errors=True)
        made = self.read(making, Access(writable=(folder,), hub=bool(version.request.get("hub"))))
        files = made.get("files") or [Path(made["path"]).name]
        size = sum((folder / name).stat().st_size for name in files)
        self.keep_upload(folder, size, upload_bytes=size)
        version.sources = files
        version.save(update_fields=["sources"])

    def fetch_media(self, own: Path) -> list[Path]:
        """Where the files are that addresses in the tables name, fetched where somebody asked for them; [] where nobody did.
        One process reads the tables and has no network, another has a network and sees the addresses alone. What has come
        stays with the upload, so that a fetch that was killed goes on."""
        version = self.row
        if not wants_fetching(version):
            return []
        sources, folder, listed = reader_sources(version), fetched_folder(version), own / "addresses.txt"
        options = [option for option in reader_arguments(version, own) if option.startswith(LISTING_OPTIONS)]
        listing = ["addresses", *map(str, sources), f"--out={listed}", *options]
        self.read(listing, Access(readable=tuple(sources), writable=(own,)))
        before = own_bytes(folder) if folder.exists() else 0
        made = self.read(
            ["fetch-media", str(listed), f"--out={folder}"], Access(readable=(listed,), writable=(folder,), web=True)
        )
        size = int(made["bytes"]) - before
        self.keep_upload(folder, size, upload_bytes=F("upload_bytes") + size)
        return [folder]

    def keep_upload(self, folder: Path, size: int, **fields: object) -> None:
        """`size` more bytes have come into a folder of the upload; it goes again where the workspace has no room for them."""
        try:
            with room_for(self.row.workspace, size):
                Dataset.objects.filter(pk=self.row.dataset_id).update(**fields)
        except Problem:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def read(self, arguments: list[str], access: Access) -> dict[str, Any]:
        secret = {} if access.hub or access.web else {"MAQUETTE_PSEUDONYM_KEY": pseudonym_key(self.row.dataset_id)}
        return self.command(arguments, access, secret)

    def take(self, event: dict[str, Any]) -> None:
        super().take(event)
        if event["type"] == "progress":
            self.pending |= {"progress": event.get("fraction", 0), "rows_read": event.get("done") or 0}

    def outcome(self, status: int | None) -> dict[str, Any]:
        if status == EXIT_BUG and not self.final:
            raise TooLong  # its memory has an end, and most that breaks breaks by that
        return super().outcome(status)

    def keep(self, made: Path) -> None:
        """Take over what the reader wrote into `made`; a version that the workspace has no room for is refused, and what it
        was to be made from stays. Raises `Lost`."""
        version = self.row
        self.beat()
        shutil.rmtree(version.folder, ignore_errors=True)  # of a reader that ended between this line and `finish`
        made.rename(version.folder)
        size = own_bytes(version.folder)
        profile, problems = (
            storable(json.loads((version.folder / name).read_text("utf-8")))
            for name in ("profile.json", "problems.json")
        )
        rows = profile["rows"]
        result = {"profile": profile, "problems": problems, "sha256": profile["sha256"], "bytes": size}
        how = {"rows": rows, "rows_read": rows, "progress": 1, "seconds": self.clock() - self.began_at}
        try:
            with room_for(version.workspace, size, is_read=True):
                self.finish(status=Status.READY, **result, **how)
        except Problem as problem:
            shutil.rmtree(version.folder)
            raise Problem(
                _("Once read, this needs %(size)d MB, and the workspace has room for %(room)d MB more.")
                % {"size": -(-size // 2**20), "room": int(str(problem.extra["room_bytes"])) // 2**20},
                code=problem.code,
                hint=_("Nothing was lost: delete datasets that are no longer needed, then try again."),
            ) from None

    def beat(self) -> None:
        """What is half written counts too."""
        now = self.clock()
        if now - self.weighed_at >= settings.RUN_HEARTBEAT_SECONDS:
            self.weighed_at = now
            size = own_bytes(self.row.part_folder / self.lease)
            self.pending["bytes"] = Greatest(F("bytes"), Value(size))
        super().beat()

    @classmethod
    def ended(cls, row: DatasetVersion) -> None:
        if row.status == Status.FAILED:
            DatasetVersion.objects.filter(pk=row.pk).update(bytes=0)
        transaction.on_commit(lambda: tell(row))
        shutil.rmtree(row.part_folder, ignore_errors=True)


def next_in_turn(tried: Collection[str]) -> str | None:
    """The version to be read next, none of those that were `tried`: of the workspaces that wait, the one with the fewest
    readers, and of its versions the oldest. No workspace has all the readers, even while nobody else waits: who holds
    is asked after who waits, so that what another reader takes in between is counted at least once."""
    waiting = DatasetVersion.everywhere().waiting().exclude(pk__in=tried).order_by("created_at", "pk")
    queue = list(waiting.values_list("pk", "workspace_id"))
    held = Counter(held_versions().values_list("workspace_id", flat=True))
    most = readers.most_of_a_workspace()
    turns = [(held[workspace], place, pk) for place, (pk, workspace) in enumerate(queue) if held[workspace] < most]
    return min(turns)[2] if turns else None


def held_versions() -> LeasedQuerySet[DatasetVersion]:
    """What readers hold."""
    return DatasetVersion.everywhere().filter(DatasetVersion.HELD).exclude(lease="")


def read(version_id: str) -> None:
    Reading.handle(version_id)


def reader_sources(version: DatasetVersion) -> list[Path]:
    """What a version is read from: the one before it, or what was uploaded."""
    if version.parent and not is_read_anew(version):
        return [version.parent.folder]
    return [version.dataset.upload_folder / name for name in version.sources]


MAX_WORD = 25_000
"""Characters that surely fit into one argument of a process, of at most four bytes each: 128 KB are the most."""


def reader_arguments(version: DatasetVersion, out: Path | None = None) -> list[str]:
    """What the trainer is asked for; it writes the version into `out`, or right into its place. A value stands in one word with
    its option: it may begin with a dash."""
    added = added_files(version)
    arguments = ["inspect", *map(str, reader_sources(version)), f"--out={out or version.folder}"]
    arguments += [f"--append={path}" for path in added]
    if added and is_read_anew(version) and version.parent:
        before = [column["name"] for column in version.parent.columns] if has_other_header(version) else []
        arguments.append(f"--columns-before=@{write_long(out or version.folder, 'before', before)}")
    for option in ("task", "columns", "roles", "split", "changes", "sheet", "header", "layout"):
        value = version.request.get(option)
        if value in (None, "", [], {}) and (option != "split" or value is None):
            continue  # an empty split asks for the usual one
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if option == "changes" or (option in ("columns", "roles") and len(text) > MAX_WORD):
            text = f"@{write_long(out or version.folder, option, value)}"
        arguments.append(f"--{option}={text}")
    arguments += [f"--reading={what}={choice}" for what, choice in (version.request.get("reading") or {}).items()]
    arguments += [f"--fetched={fetched_folder(version)}"] if wants_fetching(version) else []
    return arguments + [f"--fix={fix}" for fix in version.request.get("fixes", [])]


def is_read_anew(version: DatasetVersion) -> bool:
    """Whether a version is made of the files as they came, and not of the version before it."""
    return bool(ANEW & set(version.request))


def has_other_header(version: DatasetVersion) -> bool:
    """Whether a version reads its files as they were read before but for the row of the header, so that columns keep their
    places."""
    before = version.parent
    while before and before.parent and not is_read_anew(before):
        before = before.parent
    if not before or not version.parent:
        return False
    sheet = version.request.get("sheet")
    is_same_sheet = sheet in (version.parent.sheet, before.request.get("sheet"))
    return is_same_sheet and layout_and_readings(version) == layout_and_readings(before)


def layout_and_readings(version: DatasetVersion) -> tuple[str | None, dict[str, str]]:
    readings = version.request.get("reading") or {}
    others = {what: choice for what, choice in readings.items() if what.partition("@")[0] != "header"}
    return version.request.get("layout"), others


def added_files(version: DatasetVersion) -> list[Path]:
    """Whose rows join those of the version before, or of the files."""
    return [version.dataset.upload_folder / name for name in version.request.get("append") or []]


def wants_fetching(version: DatasetVersion) -> bool:
    """Whether somebody asked for the files that addresses in the tables name."""
    readings: dict[str, str] = version.request.get("reading") or {}
    return any(what.startswith("addresses") and choice == "fetch" for what, choice in readings.items())


def fetched_folder(version: DatasetVersion) -> Path:
    return version.dataset.upload_folder / "fetched"


ANEW = {"sheet", "header", "layout", "reading"}
"""What can only be asked of the files as they came."""
LISTING_OPTIONS = ("--sheet=", "--header=", "--layout=", "--reading=")
"""What the reader of addresses is told of how to read the tables."""


def write_long(out: Path, name: str, value: Any) -> Path:
    """A file for the reader, beside what it writes and as long as that: what is longer than 128 KB fits into no argument of a
    process."""
    path = out.with_suffix(f".{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    return path


def file_arguments(version: DatasetVersion) -> list[str]:
    """What makes a version's files, for one that does not begin with an upload."""
    folder = version.dataset.upload_folder
    if hub := version.request.get("hub"):
        return ["fetch", f"hub:{hub.removeprefix('hub:')}", "--out", str(folder)]
    if sample := version.request.get("sample"):
        return ["sample", sample, "--out", str(folder / f"{sample}{SAMPLES[sample].ending}")]
    return []


def tell(version: DatasetVersion) -> None:
    """What waits for the version hears of it; a fault there is not one of reading."""
    for receiver, problem in version_read.send_robust(DatasetVersion, version=version):
        if isinstance(problem, Exception):
            log.error("%s failed after version %s was read", receiver, version.pk, exc_info=problem)


def sweep() -> None:
    Reading.sweep()
    sweep_parts()


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
