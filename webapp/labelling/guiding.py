"""Suggestions, the order of asking and the score so far: worked out in the background by `trainer suggest`, never in a request."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy

from webapp.core.confinement import Access
from webapp.core.files import check_disk
from webapp.core.locks import only_one
from webapp.core.work import Later, Work
from webapp.datasets.models import DatasetVersion
from webapp.datasets.quota import measure_caches
from webapp.labelling.alike import alike_file
from webapp.labelling.models import Decision, Guide
from webapp.labelling.queue import label_column, suggestions_file

EVERY = 10
"""Labels after which it is worked out anew."""
ROWS_AHEAD = 300
"""That are put in order: more than are labelled before the next time."""
READ_SECONDS = 45.0
"""For rows that were not read yet; then others have their turn, and it goes on."""
AGAIN_SECONDS = 1
MOST_POINTS = 300
"""Of the curve of scores."""


def ask(version: DatasetVersion) -> Guide:
    """What is known for those who label the version. It is worked out anew where it is of another version, and after every ten
    labels."""
    defaults = {"workspace_id": version.workspace_id}
    guide, is_new = Guide.objects.get_or_create(dataset=version.dataset, defaults=defaults)
    if is_new or (is_stale(guide, version) and guide.wake()):
        guide.send()
    return guide


def is_stale(guide: Guide, version: DatasetVersion) -> bool:
    if guide.due:
        return False
    if guide.version_id != version.pk or abs(count_labels(version) - guide.decisions) >= EVERY:
        return True
    return guide.error is None and bool(guide.facts.get("reader")) and not is_there(version)


def is_there(version: DatasetVersion) -> bool:
    """Whether the cache still has what was worked out."""
    return suggestions_file(version).exists() and alike_file(version).exists()


def count_labels(version: DatasetVersion) -> int:
    return int(Decision.objects.pending(version).settled().count())


class Guiding(Work[Guide]):
    """One at a time on a machine; what is to be read takes turns with what is to be fitted."""

    model = Guide
    RELATED = ("dataset",)
    SECONDS = 600
    LIMITS = {"CPU": 1_200}
    DIED = {
        "code": "guide_died",
        "message": gettext_lazy("Suggestions could not be worked out for this data."),
        "hint": gettext_lazy("Label on: rows are asked about at random."),
    }

    @classmethod
    def log_of(cls, row: Guide) -> Path:
        return row.dataset.folder / "guide.log"

    @classmethod
    @contextmanager
    def devices(cls, row: Guide) -> Iterator[None]:
        with only_one(settings.MAQUETTE_DATA / "locks" / "guide.lock") as alone:
            if not alone:
                raise Later(AGAIN_SECONDS)
            yield

    def do(self) -> None:
        check_disk()
        version = self.row.dataset.current
        if version is None or label_column(version) is None:
            self.finish(result=None)
            return
        decisions = list(Decision.objects.pending(version).order_by("decided_at", "pk"))
        count = sum(not one.is_skipped for one in decisions)
        self.pending = {"version": version, "decisions": count}  # one that fails is not begun again for the same
        self.beat()
        result = self.suggest(version, decisions)
        measure_caches([self.row.dataset])
        if result["unread"]:
            self.finish(result=result, history=with_point(self.row.history, result), due=True, finished_at=None)
            self.row.send()
        else:
            self.finish(result=result, history=with_point(self.row.history, result))

    def suggest(self, version: DatasetVersion, decisions: list[Decision]) -> dict[str, Any]:
        out = suggestions_file(version).parent
        with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
            path = Path(folder) / "request.json"
            path.write_text(json.dumps(request_of(version, decisions)), "utf-8")
            access = Access(readable=(version.folder, Path(folder)), writable=(out, version.cache_folder))
            return self.command(
                ["suggest", str(path), "--out", str(out)], access, {"MAQUETTE_CACHE": str(version.cache_folder)}
            )


def request_of(version: DatasetVersion, decisions: list[Decision]) -> dict[str, Any]:
    entries = [{"row": one.row, "value": one.value, "source": one.source} for one in decisions]
    return {
        "version": str(version.folder),
        "decisions": entries,
        "count": ROWS_AHEAD,
        "seconds": READ_SECONDS,
    }


def with_point(history: list[dict[str, Any]], result: dict[str, Any]) -> list[dict[str, Any]]:
    """The curve with the score of now; what was measured before at as many labels or more was taken back."""
    score = result["score"]
    before = [point for point in history if point["labels"] < result["labels"]]
    point = [] if score is None else [{"labels": result["labels"], **{k: score[k] for k in ("value", "low", "high")}}]
    return [*before, *point][-MOST_POINTS:]


def forget(version: DatasetVersion) -> None:
    """Suggestions for a version that was deleted for good."""
    shutil.rmtree(suggestions_file(version).parent, ignore_errors=True)
