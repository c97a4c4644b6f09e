"""What takes the model of a finished run half a minute to tell: done by a worker when somebody asks, and kept with the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.accounts import limits
from webapp.core.confinement import Access
from webapp.core.files import check_disk
from webapp.core.locks import only_one
from webapp.core.problems import Conflict, Unavailable
from webapp.core.work import Later, Work
from webapp.runs import storage
from webapp.runs.models import Examination, Run, Status
from webapp.runs.trials import cache_access

AGAIN_SECONDS, FETCHED_SECONDS = 1, 15
LIMIT = "examinations_minute"
WRITTEN = (Examination.Kind.GGUF_Q8, Examination.Kind.GGUF_F16)


def ask(run: Run, kind: str) -> Examination:
    """Begun where it was not, or where it failed. `Conflict` (`no_score`, `model_removed`) for a run without a model."""
    if run.status != Status.SUCCEEDED:
        raise Conflict(
            _("%(run)s has no model to examine.") % {"run": run}, code="no_score", hint=_("Wait until it is done.")
        )
    storage.check_model(run)
    with transaction.atomic():  # one that is refused leaves no row, whose work a sweep would have done
        row, _is_new = Examination.objects.get_or_create(
            run=run, kind=kind, defaults={"workspace_id": run.workspace_id}
        )
        is_mine = False
        if row.sent_at is None or row.error:
            limits.check(run.workspace, LIMIT)
            is_mine = row.ask_again()
    if is_mine:
        row.deliver()
    return row


def find(run: Run, kind: str) -> Examination | None:
    return run.examinations.filter(kind=kind).first()


def card(run: Run, kind: str) -> dict[str, Any] | None:
    """What the run's page shows: {state: none, working, failed or ready, problem, result}; None for a run without a model."""
    if run.model_removed_at or not run.headline:
        return None
    row = find(run, kind)
    if row is None:
        return {"state": "none"}
    if row.result is None:
        return {"state": "failed", "problem": row.error} if row.error else {"state": "working"}
    return {"state": "ready", "result": row.result}


class Examining(Work[Examination]):
    """`trainer KIND ARTIFACT VERSION`; one at a time on a machine."""

    model = Examination
    RELATED = ("run__version__dataset",)
    SECONDS = 300
    LIMITS = {"CPU": 900}
    DIED = {"code": "examination_died", "message": gettext_lazy("The model could not be examined."), "hint": ""}

    @classmethod
    def log_of(cls, row: Examination) -> Path:
        """In the run's folder, with which it goes."""
        return row.run.folder / "examinations.log"

    @classmethod
    @contextmanager
    def devices(cls, row: Examination) -> Iterator[None]:
        with only_one(settings.MAQUETTE_DATA / "locks" / "examine.lock") as alone:
            if not alone:
                raise Later(AGAIN_SECONDS)
            yield

    def do(self) -> None:
        run, version = self.row.run, self.row.run.version
        try:
            artifact = storage.local_model(run)
        except Unavailable as problem:
            raise Later(FETCHED_SECONDS) from problem
        if self.row.kind in WRITTEN:
            self.write(run, artifact)
            return
        check_disk()
        access = Access(readable=(artifact, version.folder), writable=(version.cache_folder,))
        result = self.command([self.row.kind, str(artifact), str(version.folder)], access, cache_access(version))
        self.finish(result=found_in(result))

    def write(self, run: Run, artifact: Path) -> None:
        """The model in another form, into its artifact; one at a time of each."""
        with only_one(storage.packaging(run)) as alone:
            if not alone:
                raise Later(AGAIN_SECONDS)
            check_disk(storage.model_bytes(run))
            result = self.command(["export", str(artifact), "--format", self.row.kind], Access(writable=(artifact,)))
            storage.changed(run)
            self.finish(result={"bytes": result["bytes"]})


def found_in(result: dict[str, Any]) -> dict[str, Any]:
    """A result event without what makes it an event."""
    return {name: value for name, value in result.items() if name not in ("t", "type")}
