"""Verbs over the places that a dataset reads again: add, pause, read now, remove. Reading itself is `webapp.datasets.rereading`."""

from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from trainer import source_addresses
from trainer.errors import SpecError
from webapp.accounts.actions import audit, erase_names
from webapp.accounts.models import User
from webapp.core import removals
from webapp.core.problems import Problem, check_one_of
from webapp.core.sealed import seal, unseal
from webapp.core.sentences import problem_of_error
from webapp.datasets.actions import current_version, lock_dataset
from webapp.datasets.models import Dataset
from webapp.datasets.source_models import PERIODS, DataSource, Every, Kind

MOST_SOURCES = 10
"""Of one dataset."""
PURPOSE = "sources of data"
S3_FIELDS = ("key_id", "secret", "region", "endpoint")
LONGEST = 2_000


def add(
    dataset: Dataset, user: User, address: str, every: str = Every.DAY, *, known: bool = False, **access: str
) -> DataSource:
    """Read at once, then as often as `every` says. `known`: its rows of now are in the data already. `access`: S3_FIELDS. `Problem`
    for what is not a place to read from; nothing is asked for over the network here."""
    address = address.strip()
    check_one_of(every, PERIODS, _("A source cannot be read “%(name)s”."), code="bad_source")
    kind = kind_of(address)
    check_address(kind, address, access)
    if any(column["kind"] in ("image", "audio") for column in current_version(dataset).columns):
        raise bad_source(_("Rows with images or audio cannot be read again."), _("Upload the new files."))
    with transaction.atomic():
        lock_dataset(dataset.pk)
        if dataset.data_sources.count() >= MOST_SOURCES:
            raise bad_source(
                _("A dataset has at most %(limit)d sources.") % {"limit": MOST_SOURCES}, _("Remove one of them first.")
            )
        given = {name: access.get(name, "").strip() for name in S3_FIELDS} if kind == Kind.S3 else {}
        made: DataSource = DataSource.objects.create(
            workspace_id=dataset.workspace_id,
            dataset=dataset,
            created_by=user,
            kind=kind,
            address=shown(kind, address),
            sealed=seal(PURPOSE, {"address": address, **given}),
            every=every,
            known=known,
        )
        audit(dataset.workspace, user, "created", "source", made.pk, f"{dataset.name}: {made.address}")
    made.send()
    return made


def bad_source(message: str, hint: str = "", field: str = "address") -> Problem:
    return Problem(message, code="bad_source", hint=hint, field=field)


def kind_of(address: str) -> Kind:
    if address.startswith("s3://"):
        return Kind.S3
    if address.startswith("/"):
        return Kind.FOLDER
    return Kind.SHEET if source_addresses.is_sheet(address) else Kind.URL


def check_address(kind: Kind, address: str, access: dict[str, str]) -> None:
    if not address or len(address) > LONGEST or not address.isprintable():
        raise bad_source(
            _("Name an address."), _("It looks like https://example.com/rows.csv or s3://bucket/rows.csv.")
        )
    if kind == Kind.FOLDER:
        check_folder(address)
        return
    try:
        if kind == Kind.SHEET:
            source_addresses.csv_of_sheet(address)
        elif kind == Kind.S3:
            source_addresses.parts_of_s3(address)
            check_access(access)
        else:
            source_addresses.check_web(address)
    except SpecError as error:
        raise problem_of_error(error.as_dict(), field="address") from error


def check_access(access: dict[str, str]) -> None:
    if bool(access.get("key_id")) != bool(access.get("secret")):
        raise bad_source(
            _("The access key and its secret belong together."),
            _("Leave both empty for a file that everybody may read."),
            field="secret",
        )
    if not all(value.isascii() and value.isprintable() for value in access.values()):
        raise bad_source(_("The access to S3 has characters that it cannot have."), _("Copy it again."), field="secret")
    if access.get("endpoint"):
        with suppress(SpecError):
            source_addresses.check_web(access["endpoint"])
            return
        raise bad_source(
            _("The S3 server is not an address."), _("It looks like https://s3.example.com."), field="endpoint"
        )


def check_folder(address: str) -> Path:
    """The file or folder, links followed; `Problem` where the operator has not allowed it, whether it is there or not."""
    with suppress(OSError, RuntimeError, ValueError):
        folder = Path(address).resolve(strict=True)
        if is_allowed(folder):
            return folder
    raise bad_source(
        _("There is no such folder that may be read."),
        _("The operator of this site allows folders by SOURCE_FOLDERS."),
    )


def is_allowed(path: Path) -> bool:
    """Of a path without links. The site's own data is never read, whatever folder it lies in."""
    own = Path(settings.MAQUETTE_DATA).resolve()
    roots = [Path(folder).resolve() for folder in settings.SOURCE_FOLDERS]
    return not path.is_relative_to(own) and any(path.is_relative_to(root) for root in roots)


def shown(kind: Kind, address: str) -> str:
    """An address without what may be a secret in it."""
    if kind in (Kind.S3, Kind.FOLDER):
        return address
    parts = urlsplit(address)
    bare = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return f"{bare}?…" if parts.query and kind == Kind.URL else bare


def access_of(source: DataSource) -> dict[str, Any]:
    """{address, and for S3 S3_FIELDS}; `Problem` where they were stored under another SECRET_KEY."""
    access = unseal(PURPOSE, source.sealed)
    if access is None:
        raise bad_source(
            _("The address of this source was stored under another SECRET_KEY."), _("Remove it, then add it again.")
        )
    return access


def read_now(source: DataSource) -> None:
    """Nothing happens while it is being read."""
    if source.wake():
        source.send()


def change(source: DataSource, user: User, *, paused: bool | None = None, every: str | None = None) -> None:
    if every is not None:
        check_one_of(every, PERIODS, _("A source cannot be read “%(name)s”."), code="bad_source")
        last = source.checked_at or source.created_at
        DataSource.objects.filter(pk=source.pk).update(every=every, next_at=last + PERIODS[Every(every)])
    if paused is not None and DataSource.objects.filter(pk=source.pk, paused=not paused).update(paused=paused):
        audit(source.workspace, user, "put to sleep" if paused else "woke", "source", source.pk, source.address)
    source.refresh_from_db()


def remove(source: DataSource, user: User) -> None:
    """The rows that it brought stay."""
    folder = source.folder
    with transaction.atomic():
        audit(source.workspace, user, "deleted", "source", source.pk)
        erase_names(source.workspace_id, [source.pk])
        removals.due(folder)
        source.delete()
    removals.remove([folder])
