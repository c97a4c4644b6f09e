"""Suggestions, the order of asking and the score so far: worked out in the background by `trainer suggest`, never in a request.

Where rows get one label out of a few, several or a number, a small model is fitted to the answers so far. Answers that are not one
label are suggested by a finished run of the same dataset, where there is one."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
from webapp.labelling.queue import is_scored, label_column, suggestions_file

EVERY, EVERY_OF_MODEL = 10, 200
"""Labels after which it is worked out anew; what a finished model says stays the same, and there is only more of it, so that its
suggestions are made anew less often than the score."""
ROWS_AHEAD = 300
"""That are put in order: more than are labelled before the next time."""
READ_SECONDS = 45.0
"""For rows that were not read yet; then others have their turn, and it goes on."""
AGAIN_SECONDS = 1
HISTORY = ("name", "value", "low", "high")
MOST_POINTS = 300
"""Of the curve of scores."""


@dataclass(frozen=True)
class Model:
    """A finished model that answers the rows of a version. `key`: what it is known by; `name`: as people know it; `artifact`: its
    folder, brought here where it is elsewhere."""

    key: str
    name: str
    artifact: Callable[[], Path]


MODELS: dict[str, Callable[[DatasetVersion], Model | None]] = {}
"""Where models are found, by whose they are; apps on the right add theirs."""


def model_of(version: DatasetVersion) -> Model | None:
    """The one that suggests answers that are not one label out of a few; None where there is none, or none is needed."""
    if label_column(version) is not None:
        return None
    return next((model for find in MODELS.values() if (model := find(version))), None)


def ask(version: DatasetVersion) -> Guide | None:
    """What is known for those who label the version; None where nothing can suggest its answers. It is worked out anew where it is of
    another version or model, and after every ten labels."""
    model = model_of(version)
    if model is None and not is_scored(version):
        return None
    defaults = {"workspace_id": version.workspace_id}
    guide, is_new = Guide.objects.get_or_create(dataset=version.dataset, defaults=defaults)
    if is_new or (is_stale(guide, version, model) and guide.wake()):
        guide.send()
    return guide


def is_stale(guide: Guide, version: DatasetVersion, model: Model | None = None) -> bool:
    if guide.due:
        return False
    news = EVERY if is_scored(version) else EVERY_OF_MODEL
    if guide.version_id != version.pk or abs(count_labels(version) - guide.decisions) >= news:
        return True
    if guide.error is None and model is not None and guide.facts.get("model") != model.key:
        return True
    return guide.error is None and bool(guide.facts.get("reader")) and not is_there(version, guide)


def is_there(version: DatasetVersion, guide: Guide) -> bool:
    """Whether the cache still has what was worked out."""
    has_alike = bool(guide.facts.get("vectors", label_column(version)))
    return suggestions_file(version).exists() and (not has_alike or alike_file(version).exists())


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
        model = model_of(version) if version is not None else None
        if version is None or (not is_scored(version) and model is None):
            self.finish(result=None)
            return
        decisions = list(Decision.objects.pending(version).order_by("decided_at", "pk"))
        count = sum(not decision.is_skipped for decision in decisions)
        self.pending = {"version": version, "decisions": count}  # one that fails is not begun again for the same
        self.beat()
        result = self.suggest(version, decisions, model, count)
        measure_caches([self.row.dataset])
        if result["unread"]:
            self.finish(result=result, history=with_point(self.row.history, result), due=True, finished_at=None)
            self.row.send()
        else:
            self.finish(result=result, history=with_point(self.row.history, result))

    def suggest(
        self, version: DatasetVersion, decisions: list[Decision], model: Model | None, count: int
    ) -> dict[str, Any]:
        out, artifact = suggestions_file(version).parent, model.artifact() if model else None
        suggested_at = count_at_suggestions(self.row, version, model, count)
        with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
            path = Path(folder) / "request.json"
            request = request_of(version, decisions)
            if model is not None:
                request |= {"artifact": str(artifact), "model": model.key, "suggested": suggested_at != count}
            path.write_text(json.dumps(request), "utf-8")
            readable = (version.folder, Path(folder), *([artifact] if artifact else []))
            access = Access(readable=readable, writable=(out, version.cache_folder))
            result = self.command(
                ["suggest", str(path), "--out", str(out)], access, {"MAQUETTE_CACHE": str(version.cache_folder)}
            )
        return result | ({"model_name": model.name, "suggested_at": suggested_at} if model else {})


def count_at_suggestions(guide: Guide, version: DatasetVersion, model: Model | None, count: int) -> int:
    """How many labels there were when the model's suggestions were made; `count`, those of now, where they are to be made anew."""
    facts = guide.facts
    before = facts.get("suggested_at")
    is_same = model is not None and facts.get("model") == model.key and suggestions_file(version).exists()
    if before is None or not is_same or facts.get("unread") or abs(count - before) >= EVERY_OF_MODEL:
        return count
    return int(before)


def request_of(version: DatasetVersion, decisions: list[Decision]) -> dict[str, Any]:
    entries = [{"row": decision.row, "value": decision.value, "source": decision.source} for decision in decisions]
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
    point = [] if score is None else [{"labels": result["labels"], **{k: score[k] for k in HISTORY}}]
    return [*before, *point][-MOST_POINTS:]


def delete_suggestions(version: DatasetVersion) -> None:
    """Suggestions for a version that was deleted for good."""
    shutil.rmtree(suggestions_file(version).parent, ignore_errors=True)
