"""Short commands of the trainer over a version's rows, before there is a run: measuring what it would take, and drawing what
it would see."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from trainer.errors import DOWNLOADING
from webapp.accounts import limits
from webapp.core.files import check_disk
from webapp.core.formats import size
from webapp.core.problems import Problem
from webapp.core.trainer_process import hub_access
from webapp.core.work import Later, TooLong, Work
from webapp.datasets.models import DatasetVersion
from webapp.datasets.quota import measure_caches
from webapp.runs.access import FROM_HUB, access_of, fetching, to_fetch
from webapp.runs.models import Trial

DOWNLOAD_SECONDS = 30
Row = TypeVar("Row", bound=Trial)


def ask(
    kind: type[Row],
    version: DatasetVersion,
    key: str,
    spec: dict[str, Any],
    is_due: Callable[[Row], bool],
    **fields: str,
) -> tuple[Row, bool]:
    """The row of these settings, made where there is none; and whether its message is the caller's to send, since it `is_due`
    and nobody else asked at the same moment."""
    defaults = {"workspace_id": version.workspace_id, "spec": spec} | fields
    with transaction.atomic():  # one that is refused leaves no row, whose work a sweep would have done
        made, _created = kind.objects.get_or_create(version=version, key=key, defaults=defaults)
        row = cast(Row, made)
        return row, is_due(row) and ask_again(row, spec)


def ask_again(row: Trial, spec: dict[str, Any]) -> bool:
    with transaction.atomic():
        limits.check(row.workspace, row.LIMIT)
        return row.ask_again(spec)


class TrialWork(Work[Row]):
    """`COMMAND` over the row's specification; its result is the row's."""

    COMMAND: ClassVar[str]
    RELATED = ("version__dataset",)
    download: dict[str, Any] | None = None
    """The latest progress while the base model comes from the hub."""

    def __init_subclass__(cls) -> None:
        cls.LIMITS = {"CPU": int(2 * cls.SECONDS)}

    @classmethod
    def log_of(cls, row: Row) -> Path:
        """In the dataset's folder, with which it goes: what breaks may name columns or tell rows."""
        return row.version.folder.parent / "estimates.log"

    def take(self, event: dict[str, Any]) -> None:
        super().take(event)
        if event["type"] == "progress":
            self.download = event if event.get("unit") == "bytes" else None

    def outcome(self, status: int | None) -> dict[str, Any]:
        """A trial does not wait for a large model, since others wait for it; what was downloaded stays."""
        try:
            return super().outcome(status)
        except TooLong:
            if self.download is None:
                raise
            raise still_downloading(self.download) from None

    def do(self) -> None:
        check_disk()
        with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
            path = Path(folder) / "spec.json"
            path.write_text(json.dumps(self.row.spec), "utf-8")
            try:
                for model in to_fetch(self.row.spec):
                    self.command(fetching(model, "--no-wait"), FROM_HUB, hub_access(model))
                self.download = None
                result = self.command(
                    [self.COMMAND, str(path), *self.options(path)],
                    access_of(self.row.spec, Path(folder), self.row.version.cache_folder),
                    cache_access(self.row.version),
                )
            except Problem as problem:
                raise Later(DOWNLOAD_SECONDS) if problem.code == DOWNLOADING else problem from None
            self.keep(result, path)
            measure_caches([self.row.version.dataset])
            self.finish(result=result)

    def options(self, spec: Path) -> list[str]:
        return []

    def keep(self, result: dict[str, Any], spec: Path) -> None:
        """Of what it wrote, beside its specification."""


def cache_access(version: DatasetVersion) -> dict[str, str]:
    """Environment of a command over a version's rows: the cache that it shares with all others over that dataset, and with
    nobody else."""
    return {"MAQUETTE_CACHE": str(version.cache_folder)}


def still_downloading(progress: dict[str, Any]) -> Problem:
    """`progress`: {done, total} in bytes."""
    amounts = {"done": size(progress.get("done") or 0), "total": size(progress.get("total") or 0)}
    return Problem(
        _("This model is still being downloaded (%(done)s of %(total)s), so nothing could be measured yet.") % amounts,
        code="downloading_model",
        hint=_("Start the run: it downloads the rest, then trains. Or ask again to download more first."),
    )
