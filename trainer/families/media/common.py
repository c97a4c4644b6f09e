"""What learning from pictures and from sounds has in common."""

from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from trainer.data.loading import Loaded, check_parts, join_names
from trainer.errors import DataError, ModelError
from trainer.events import Emit
from trainer.families.media.store import Decoding, FormT, Store, open_store
from trainer.learning.estimate import measure
from trainer.learning.family import NetworkT
from trainer.learning.job import Job
from trainer.learning.rows import Rows
from trainer.learning.supervised import SupervisedFamily
from trainer.messages import _

NOUNS = {"image": "pictures", "audio": "sounds"}


def base(job: Job) -> Path:
    """The folder of the model that a run begins with; none for a small net that has learned nothing yet."""
    fresh = job.spec.model.startswith("scratch:")
    if fresh and job.spec.method in ("probe", "lora"):
        raise ModelError(
            _("%(model)s has no pretrained weights.", model=job.spec.model),
            hint=_("Choose the method scratch, or another model."),
        )
    return Path() if fresh else job.model_folder(job.spec.model)


def decoded(job: Job, loaded: Loaded, role: str, form: FormT, needed: int) -> tuple[Store[FormT], np.ndarray]:
    """The files that `role` names, each once, and where among them each row's is; rows whose file cannot be used are left
    out of `loaded`. `needed`: about how many bytes the decoded ones take."""
    names = sorted(set(loaded.values[role]))
    store = open_store(job, [loaded.media / name for name in names], form, needed)
    leave_out(job, loaded, {names[place]: reason for place, reason in store.lost.items()}, role)
    index = {name: place for place, name in enumerate(names)}
    return store, np.array([index[name] for name in loaded.values[role]])


def leave_out(job: Job, loaded: Loaded, lost: dict[str, str], role: str) -> None:
    """Rows whose picture or sound cannot be used, told by number; `DataError` when too little is left."""
    if not lost:
        return
    names = loaded.values[role]
    rows = [loaded.row_numbers[row] for row, name in enumerate(names) if name in lost]
    first = next(name for name in names if name in lost)
    job.warn(
        "corrupt_media",
        _(
            "%(count)s %(nouns)s cannot be used and are left out: row %(value)s. The first of them %(lost)s.",
            count=f"{len(rows):,}",
            nouns=NOUNS[role],
            value=join_names([str(row) for row in rows]),
            lost=lost[first],
        ),
        _("Replace or remove them."),
    )
    loaded.keep(np.array([name not in lost for name in names]))
    if not loaded.row_numbers or not len(loaded.part("train")):
        raise DataError(
            _("None of the %(nouns)s is left to learn from.", nouns=NOUNS[role]),
            code="no_rows",
            hint=_("Upload them again."),
        )
    check_parts(loaded, loaded.kind)


def fill_settings(job: Job, **chosen: float | str) -> None:
    """Fill in the settings that were left to us, so that the manifest tells what was used."""
    open_ones = {name: value for name, value in chosen.items() if getattr(job.params, name) is None}
    job.params = job.params.model_copy(update=open_ones)


class MediaRows(Rows):
    """Rows of files, each decoded once: that of a row stands at `places[row]` of the `store`."""

    store: Store[Any]
    places: np.ndarray

    def path(self, row: int) -> Path:
        return self.store.paths[self.places[row]]


MediaT = TypeVar("MediaT", bound=MediaRows)


class MediaFamily(SupervisedFamily[MediaT, NetworkT]):
    def estimate(self, job: Job, emit: Emit) -> dict[str, Any]:
        """As for other families, with what decoding every file once takes, from the few that the trial decoded."""
        seen: list[MediaT] = []
        estimated = measure(self, job, emit, seen.append)
        store = seen[0].store
        assert isinstance(store, Decoding), "what a trial reads is decoded for it"
        every = len(store.paths) * store.seconds / max(store.decoded, 1)
        estimated["likely_seconds"] += every
        estimated["fixed_seconds"] = round(estimated["fixed_seconds"] + every, 1)
        return estimated

    def save(self, model: NetworkT, rows: MediaT, folder: Path) -> None:
        model.save(folder)
