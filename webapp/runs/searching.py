"""Deciding what a search does next: a kind of work (`webapp.core.work`) of a second or two, done whenever a trial has ended.

Training itself is done by the workers of runs. Nothing is held in between: whichever process dies, the next decision is made from
the trials as they stand in the database.
"""

import json
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.core.confinement import Access
from webapp.core.files import check_disk
from webapp.core.models import next_number
from webapp.core.problems import Problem
from webapp.core.work import Later, Lost, Work
from webapp.runs import actions, searches, storage
from webapp.runs.models import Run, Search, Status
from webapp.runs.querysets import VALIDATION
from webapp.runs.search_models import SearchStatus

log = logging.getLogger(__name__)
FULL_SECONDS = 30
"""After which a search asks again whose workspace has as many runs waiting as it may."""


class Searching(Work[Search]):
    model = Search
    RELATED = ("workspace", "prototype", "version__dataset", "created_by", "winner")
    SECONDS = 120
    LIMITS = {"CPU": 240}
    DIED = {
        "code": "died",
        "message": gettext_lazy("The next settings could not be chosen."),
        "hint": gettext_lazy("Resume the search; its trials are kept."),
    }

    @classmethod
    def log_of(cls, row: Search) -> Path:
        return row.version.folder.parent / "estimates.log"

    def do(self) -> None:
        check_disk()
        search = self.row
        trials = list(search.trials.order_by("trial"))
        self.seen = sum(run.ended for run in trials)
        if search.status == SearchStatus.TESTING:
            self.end()
            return
        at_work = [run for run in trials if not run.ended]
        outage = searches.outage_of(trials)
        if outage and not at_work:
            self.finish(status=SearchStatus.FAILED, error=outage, seen=self.seen)
            return
        stopped = searches.reason_to_stop(search, trials) or ({"code": "outage"} if outage else None)
        slots = 0 if stopped else min(search.at_once - len(at_work), search.most_trials - len(trials))
        remove_checkpoints(trials)
        if stopped and not at_work:
            self.test_best(trials, stopped)
        else:
            self.go_on(trials, max(slots, 0))

    def go_on(self, trials: Sequence[Run], slots: int) -> None:
        """Begin as many trials as may be at work at once."""
        limits = searches.limits_of_next(self.row, trials, slots)
        proposed = self.propose(trials, len(limits))
        with transaction.atomic():
            if not self.row.held(self.lease).select_for_update().exists():
                raise Lost
            for params, most in zip(proposed["params"], limits, strict=True):
                self.begin_trial(params, most)
            self.finish(importance=proposed["importance"], seen=self.seen)

    def propose(self, trials: Sequence[Run], count: int) -> dict[str, Any]:
        """{params: [settings of each], importance}."""
        with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
            path = Path(folder) / "request.json"
            path.write_text(json.dumps(searches.request_of(self.row, trials, count)), "utf-8")
            return self.command(["propose", str(path)], Access(readable=(Path(folder),)))

    def begin_trial(self, params: dict[str, Any], limits: dict[str, float]) -> None:
        search = self.row
        body = search.recipe | {"params": search.params | params, "limits": limits}
        trial = {"search": search, "trial": next_number(search.trials.all(), "trial"), "evaluate_on": VALIDATION}
        try:
            actions.create_run(search.prototype, search.created_by, body, search.version, **trial)
        except Problem as problem:
            if problem.code == "workspace_limit":
                raise Later(FULL_SECONDS) from None
            raise

    def test_best(self, trials: Sequence[Run], stopped: dict[str, Any]) -> None:
        best = searches.best_of(trials)
        if best is None:
            raise Problem(
                _("No trial came to a score within the limit."),
                code="no_score",
                hint=_("Start a search with a higher limit, or with other settings."),
            )
        importance = self.propose(trials, 0)["importance"]
        with transaction.atomic():
            if not best.promote(searches.limits_of_test(self.row, trials, best)):
                raise Later(FULL_SECONDS)
            self.finish(
                status=SearchStatus.TESTING,
                winner=best,
                stopped=stopped,
                importance=importance,
                seen=self.seen - 1,
            )
        best.send()

    def end(self) -> None:
        """The best trial was tested, or could not be."""
        winner = self.row.winner
        if winner is None or winner.status == Status.CANCELLED:
            raise Problem(
                _("The run of the best trial was cancelled or deleted."),
                code="no_winner",
                hint=_("Resume the search; its trials are kept."),
            )
        if not winner.ended:
            self.finish(seen=self.seen)
        elif winner.status == Status.SUCCEEDED:
            remove_checkpoints(list(self.row.trials.all()), keep_best=False)
            self.finish(status=SearchStatus.SUCCEEDED, seen=self.seen)
        else:
            self.finish(status=SearchStatus.FAILED, error=winner.error, seen=self.seen)

    @classmethod
    def sweep(cls) -> None:
        """A search that nobody woke: a trial ended in another way than by its worker, or while something was being decided."""
        super().sweep()
        for search in searches.open_searches().filter(due=False):
            is_idle = not search.trials.active().exists()
            if (is_idle or search.ended_trials() != search.seen) and search.wake():
                search.send()


def remove_checkpoints(trials: Sequence[Run], *, keep_best: bool = True) -> None:
    """Of trials that will not be tested, nothing goes on from them."""
    best = searches.best_of(trials) if keep_best else None
    for run in trials:
        if run.status in (Status.SCORED, Status.PRUNED) and run != best and run.has_checkpoint:
            shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
            storage.measure(run)
