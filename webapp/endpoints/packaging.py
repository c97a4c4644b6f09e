"""Packaging an artifact for serving that was not, in a process of its own; then it goes live."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.core.confinement import Access
from webapp.core.files import check_disk
from webapp.core.locks import only_one
from webapp.core.problems import Unavailable
from webapp.core.queues import enqueue
from webapp.core.work import Later, Work
from webapp.endpoints import actions
from webapp.endpoints.models import Endpoint, EndpointVersion, Status
from webapp.runs import storage
from webapp.runs.tasks import fetch_artifact

AGAIN_SECONDS, FETCHED_SECONDS = 2, 15
"""When to look again: whether another worker has packaged it, and whether its files have come."""


class Packaging(Work[EndpointVersion]):
    """Of one deployment; one at a time for each artifact. Waits for no bucket: of those that do, one thread at most is held
    up by one that hangs."""

    model = EndpointVersion
    RELATED = ("endpoint", "run")
    DIED = {"code": "export", "message": _("The model could not be packaged."), "hint": ""}

    @classmethod
    def log_of(cls, row: EndpointVersion) -> Path:
        """In the run's folder, with which it goes."""
        return row.run.folder / "exports.log"

    @classmethod
    @contextmanager
    def devices(cls, row: EndpointVersion) -> Iterator[None]:
        if row.run.stored_at and not storage.is_here(row.run):
            enqueue(fetch_artifact, row.run_id)
            age = (timezone.now() - row.created_at).total_seconds()
            raise Later(FETCHED_SECONDS if age < row.RESEND_SECONDS else None)  # later a sweep asks often enough
        with only_one(storage.packaging(row.run)) as alone:
            if not alone:
                raise Later(AGAIN_SECONDS)
            yield

    def do(self) -> None:
        run = self.row.run
        try:
            storage.local_model(run)
        except Unavailable as problem:
            raise Later(FETCHED_SECONDS) from problem
        if not actions.exported(run.artifact):
            check_disk(storage.model_bytes(run))
            self.command(["export", str(run.artifact), "--format", "onnx-int8"], Access(writable=(run.artifact,)))
        with transaction.atomic():
            actions.lock_run(run)  # as whoever deploys, promotes or deletes, before any row of a version
            storage.changed(run)
            details = actions.exported(run.artifact) or {}
            self.finish(engine=details.get("engine", "onnx-fp32"), export=details)
            actions.go_live(self.row, asked_again=False)

    @classmethod
    def ended(cls, row: EndpointVersion) -> None:
        if row.error:
            waiting = Endpoint.objects.filter(pk=row.endpoint_id, current=None)
            waiting.exclude(wanted__engine="", wanted__error__isnull=True).update(status=Status.FAILED, error=row.error)
            actions.publish(row.endpoint)
