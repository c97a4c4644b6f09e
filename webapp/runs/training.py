"""Training one run: a kind of work (`webapp.core.work`) that also charges, stops early, cancels, and streams its events."""

import json
import logging
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trainer import allowance, disk, errors
from trainer.events import now as event_time
from trainer.machine import cores
from trainer.remaining import Remaining
from webapp.accounts import limits
from webapp.core.confinement import memory_limit
from webapp.core.files import check_disk, disk_full, write_whole
from webapp.core.problems import BudgetSpent
from webapp.core.redis import best_effort, client
from webapp.core.sentences import problem_of_error
from webapp.core.trainer_process import TrainerProcess, hub_access
from webapp.core.work import AT_ONCE, Died, Stopped, Work, stopping
from webapp.costs import gate
from webapp.costs.actions import price_per_hour
from webapp.datasets.quota import is_over as is_over_quota
from webapp.datasets.quota import measure_caches, no_room
from webapp.runs import leaks, searches, storage, turns, usage, verdicts, worker
from webapp.runs.access import FROM_HUB, access_of, fetching, to_fetch
from webapp.runs.actions import check_version, spec_of, terms_of
from webapp.runs.charging import Charged, hardware_of, money_key
from webapp.runs.models import Run, Status
from webapp.runs.queues import HARDWARE, queue_of
from webapp.runs.stream import EventLog
from webapp.runs.trials import cache_access

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""How often the row is read for a request to cancel."""
KILL_AFTER_SECONDS = 3.0
"""How long after SIGTERM a cancelled trainer may still save before SIGKILL."""
STOP_SECONDS = 8.0
"""The same when the worker itself is being stopped: time for a checkpoint."""
LEAST_CPU_SECONDS, GENEROUS = 24 * 3600, 10
"""A run may take so many seconds of each processor, and so many times what its limit or estimate says."""
RESENT_AT_ONCE = 200
ANSWER_BEFORE_RESEND_SECONDS = 15
"""How long a message may be on its way before its queue is looked at."""


class Training(Charged):
    RELATED = ("workspace", "prototype", "version__dataset", "search")
    TICK = 0.25
    DIED = {
        "code": "died",
        "message": gettext_lazy("Training crashed %(count)s times."),
        "hint": gettext_lazy(
            "It may need more memory: try a smaller model or batch size. Its last words are in the log."
        ),
    }
    BUG = Work.BUG | {
        "message": gettext_lazy("Training stopped because of an error on our end, not in your data."),
    }

    def __init__(
        self, row: Run, lease: str, gpus: list[int], money: Decimal, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(row, lease, gpus, money, clock)
        self.log: EventLog | None = None
        self.looked_at = clock()
        self.remaining = Remaining(likely_seconds(row) if row.attempts <= 1 else None, clock)
        self.resumed_step: int | None = None
        self.is_cancelled = self.is_stopped = False
        """Whether somebody cancelled the run, and whether this worker is being stopped."""
        self.is_fetching = False
        """Whether a base model is being downloaded: that its command ends well is not the run's end."""
        self.is_enough = self.is_training = self.is_told = False
        """Whether somebody asked to stop and keep the best, the trainer learns, and it was told."""
        self.has_no_room = False
        """Whether it was told to end early because the quota or the disk is full."""
        self.ending_since: float | None = None
        """When the trainer was told to save and end."""

    @classmethod
    def handle(cls, pk: str) -> None:
        """Train the run that is in turn (`webapp.runs.turns`), which need not be the one that the message named: that one has
        its own turn by another's message. It is chosen once the devices are held, since waiting for them may take hours."""
        stopped_row = None if stopping.is_set() else cls.rows().filter(pk=pk).first()
        if stopped_row is None or not something_waits(stopped_row.hardware):
            return
        with worker.devices_for(
            stopped_row.hardware, still_wanted=lambda: something_waits(stopped_row.hardware)
        ) as gpus:
            work = None if gpus is None else cls.begin_next(stopped_row.hardware, gpus)
            if work is None:
                return
            work.run()
        call_next(stopped_row.hardware)

    @classmethod
    def begin_next(cls, hardware: str, gpus: list[int]) -> Self | None:
        """The first in turn that can start. One that must wait, for money say, keeps no other workspace's waiting."""
        tried: set[str] = set()
        while waiting := turns.order(hardware, tried, startable=True):
            tried.add(waiting[0])
            row = cls.rows().filter(pk=waiting[0]).first()
            work = cls.begin(row, gpus) if row else None
            if work:
                return work
        return None

    @classmethod
    def begin(cls, row: Run, devices: list[int]) -> Self | None:
        """Claim the run and reserve its money, both or neither. None when it is taken, when it must wait for the reservations
        of others or until its workspace trains fewer, or when the budget is spent; then it has failed and says so."""
        price = price_per_hour(row.workspace, hardware_of(devices))
        try:
            with transaction.atomic():
                lease = row.claim(worker=worker.name(), price_per_hour=price)
                if lease is None:
                    return None
                money = gate.reserve(row.workspace, money_key(row, lease), terms_of(row, price), row.cost)
                check_at_once(row)  # under the lock of its money
        except gate.Waits:
            return None
        except BudgetSpent as problem:
            row.refresh_from_db()
            if row.give_up(problem.as_dict()):
                announce_end(row, EventLog(row.pk, row.events_path))
            return None
        return cls(row, lease, devices, money)

    @classmethod
    def log_of(cls, row: Run) -> Path:
        return row.folder / "stderr.log"

    def do(self) -> None:
        run = self.row
        check_disk()
        worker.busy(run.pk)
        self.log = EventLog(run.pk, run.events_path)
        check_version(run.version)
        spec = spec_of(run.version, vars(run), run.price_per_hour) | searches.pruning_of(run)
        self.allow(self.money)
        write_whole(run.folder / "spec.json", json.dumps(spec, ensure_ascii=False, indent=2))
        if self.hardware == "cpu":
            self.pending["device"] = "cpu"
        if run.hardware != "cpu" and self.hardware == "cpu":
            self.take(event("warning", code="no_gpu", message=_("This machine has no GPU: training on its processor.")))
        status = self.fetch_models(spec) or self.train(spec)
        (run.folder / allowance.FILE).unlink(missing_ok=True)
        self.conclude(status)

    def fetch_models(self, spec: dict[str, Any]) -> int | None:
        """Have the base models of the hub here; how the command ended that could not."""
        self.is_fetching = True
        for model in to_fetch(spec):
            status = self.watch(fetching(model), FROM_HUB, hub_access(model))
            if status != errors.EXIT_DONE or self.final.get("type") != "result" or self.ending_since is not None:
                return status or errors.EXIT_STOPPED
        self.is_fetching = False
        return None

    def train(self, spec: dict[str, Any]) -> int | None:
        run = self.row
        environment = cache_access(run.version)
        if self.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, self.gpus))
        limits = limits_of(run, on_gpu=bool(self.gpus))
        access = access_of(spec, run.folder, run.version.cache_folder, limits=limits, devices=len(self.gpus))
        try:
            return self.watch(["run", str(run.folder / "spec.json"), "--out", str(run.folder)], access, environment)
        finally:
            measure_caches([run.version.dataset])

    def conclude(self, status: int | None) -> None:
        """Turn how the process ended into the run's state."""
        gate.release(self.money_key)  # before another worker can start the run
        is_done = status == errors.EXIT_DONE and self.final.get("type") == "result"
        if self.is_cancelled and not is_done:
            self.finish(status=Status.CANCELLED)
            return
        result = self.outcome(status)
        if tried := searches.facts_of(result):
            self.finish(progress=1, **tried)
            return
        facts = {name: result[name] for name in ("metrics", "headline", "baselines", "verdict") if result.get(name)}
        self.beat()  # reading two files of answers may take a while
        compared = verdicts.near_best_run(self.row, result.get("headline"))
        self.finish(status=Status.SUCCEEDED, progress=1, against_best_run=compared, **facts, **leaks.facts(self.row))
        if compared is None:
            verdicts.keep_against_best_run(self.row)  # may wait for the bucket, so only once there is no lease to lose

    def outcome(self, status: int | None) -> dict[str, Any]:
        if self.final.get("type") == "result" and status != errors.EXIT_DONE:
            self.final = {}  # it died over what follows its result
        if self.final.get("type") != "result" and self.stop_problem and self.ending_since is not None:
            raise problem_of_error(self.stop_problem)
        if not self.final and (self.is_stopped or status == errors.EXIT_STOPPED):
            raise Stopped  # on purpose: no death to count
        try:
            return super().outcome(status)
        except Died:
            message = _("Training crashed and will resume from its last checkpoint.")
            self.take(event("warning", code="died", message=message))
            raise

    @classmethod
    def ended(cls, row: Run) -> None:
        searches.trial_ended(row)

    def close(self) -> None:
        worker.busy(None)
        if self.log:
            with suppress(OSError):  # a full disk: the row says it all
                announce_end(self.row, self.log)
        gate.release(self.money_key)
        with suppress(DatabaseFault):
            storage.measure(self.row)

    # What the trainer says

    def take(self, item: dict[str, Any]) -> None:
        """One event: into the log, and what the row shows of it into the next heartbeat."""
        if self.log and not (self.is_fetching and item["type"] == "result"):
            self.log.append(item)
        super().take(item)
        kind = item["type"]
        if kind == "stage":
            self.is_training = item["name"] == "train" and item.get("state") == "start"
        if kind == "stage" and item.get("state") == "start":
            self.pending |= {"stage": item["name"], "status": Status.RUNNING}
            if not self.unstored:
                self.beat()
        elif kind == "progress":
            seconds_left = self.remaining.update(item.get("forecast_seconds", item.get("eta_seconds")))
            self.pending |= {"progress": item.get("fraction") or 0, "eta_seconds": seconds_left}
        elif kind == "metric":
            self.pending["metrics"] = self.row.metrics = self.row.metrics | {
                f"{item['split']}_{item['name']}": item["value"]
            }
        elif kind == "resource" and item.get("device"):
            self.pending["device"] = str(item["device"])[:80]
        elif kind == "checkpoint" and item.get("resumed"):
            self.resumed_step = item.get("step")
        elif kind == "checkpoint" and item.get("step") != self.resumed_step:
            self.pending["earlier_attempts"] = self.row.attempts - 1  # it came further: those before count no more

    # What it is told

    def attend(self, process: TrainerProcess) -> None:
        super().attend(process)
        now = self.clock()
        if self.ending_since is None and (self.stop_problem or now - self.looked_at >= LOOK_SECONDS):
            self.looked_at = now
            self.poll_requests()
            if self.is_cancelled or self.stop_problem:
                self.end(process)
        if self.is_enough and self.is_training and not self.is_told and self.ending_since is None:
            self.is_told = True
            process.tell(signal.SIGUSR1)
        if self.ending_since is not None and now - self.ending_since >= self.grace:
            process.signal(signal.SIGKILL)

    def stop(self, process: TrainerProcess) -> None:
        """Have the trainer save a checkpoint first."""
        if self.ending_since is None:
            self.is_stopped = True
            self.end(process)

    def end(self, process: TrainerProcess) -> None:
        self.ending_since = self.clock()
        process.signal(signal.SIGTERM)

    @property
    def grace(self) -> float:
        """Seconds that the trainer has to save before it is killed."""
        return STOP_SECONDS if self.is_stopped else KILL_AFTER_SECONDS

    def poll_requests(self) -> None:
        if self.unstored:  # the next beat finds out
            return
        try:
            self.check_room()
            requests = (
                Run.objects.filter(pk=self.row.pk).values_list("cancel_requested_at", "stop_requested_at").first()
            )
        except DatabaseFault as error:
            self.note_outage(error)
        else:
            self.is_cancelled, self.is_enough = (bool(moment) for moment in requests or (None, None))

    # What it takes of the disk

    def check_room(self) -> None:
        """Have a run that fills the quota or the disk end early and keep its best, where it can; one that goes on to fill the
        disk, or cannot end early, is stopped."""
        free = disk.free_bytes(settings.MAQUETTE_DATA)
        is_over = free < 0 or (self.size > self.row.expected_bytes and is_over_quota(self.row.workspace))
        if not is_over or self.ending_since is not None:
            return
        can_end_early = not self.row.version.split.get("folds")
        if free < -disk.reserve_bytes() // 2 or not can_end_early:
            problem = disk_full() if free < 0 else no_room(self.size, self.row.expected_bytes)
            self.stop_problem = self.stop_problem or problem.as_dict()
        elif not self.has_no_room and self.row.ask_to_stop():
            self.has_no_room = True
            message = (
                _("The disk of this machine is nearly full: training ends early, and the best so far is kept.")
                if free < 0
                else _("The workspace's quota is full: training ends early, and the best so far is kept.")
            )
            self.take(event("warning", code="no_room", message=message))

    # What nobody holds

    @classmethod
    def recover(cls, row: Run, **options: object) -> None:
        """An interrupted run: cancelled if that was asked, failed after too many deaths, else back to the queue."""
        if row.cancel_requested_at:
            row.ask_to_cancel()
        else:
            super().recover(row, **options)

    @classmethod
    def sweep(cls) -> None:
        super().sweep()
        for run in cls.rows().filter(status=Status.INTERRUPTED)[:AT_ONCE]:
            cls.recover(run)

    @classmethod
    def resend(cls) -> None:
        """A run may wait in its queue for hours: only where fewer messages are in Redis than runs wait, some were lost. A
        message too many is refused by the claim."""
        sent_before = timezone.now() - timedelta(seconds=ANSWER_BEFORE_RESEND_SECONDS)
        waiting = Run.objects.filter(status=Status.QUEUED).exclude(sent_at__gte=sent_before)
        with best_effort("looking for lost messages"):
            for hardware in HARDWARE:
                startable = turns.order(hardware, startable=True)[:RESENT_AT_ONCE]
                runs = waiting.filter(pk__in=startable).order_by("queued_at")
                if len(runs) > client().llen(queue_of(hardware)):
                    for run in runs:
                        run.send()


def limits_of(run: Run, *, on_gpu: bool) -> dict[str, int]:
    """Of its trainer's process: seconds of all processors, and bytes of its own memory. A GPU's driver reserves memory that it
    never fills, so there the machine's is the bound."""
    likely = max(run.limits.get("seconds") or 0, ((run.estimate or {}).get("seconds") or {}).get("high") or 0)
    seconds = max(LEAST_CPU_SECONDS, GENEROUS * likely) * cores()
    return {"CPU": int(seconds)} | ({} if on_gpu else {"DATA": memory_limit(run.estimate)})


def something_waits(hardware: str) -> bool:
    return Run.objects.waiting().filter(hardware=hardware).exists()


def check_at_once(run: Run) -> None:
    """Raises `gate.Waits` where its workspace now trains more than it may, since another worker took one of its runs meanwhile."""
    most = limits.most_of(run.workspace, "runs_at_once")
    if most is not None and usage.runs_training(run.workspace) > most:
        raise gate.Waits


def call_next(hardware: str) -> None:
    """A run has ended: what waited for that, and was passed over when its message came, is called again."""
    waiting = turns.order(hardware, startable=True)
    with best_effort("calling the next run"):
        if waiting and not client().llen(queue_of(hardware)):
            Run.objects.get(pk=waiting[0]).send()


def likely_seconds(run: Run) -> float | None:
    """How long its estimate says that it takes."""
    return ((run.estimate or {}).get("seconds") or {}).get("likely")


def announce_end(run: Run, events: EventLog) -> None:
    """The last line of a live page, which somebody may be looking at: the state has changed for good, if it has."""
    if run.ended:
        events.append(event("status", status=run.status))
    events.close()


def event(kind: str, **fields: object) -> dict[str, Any]:
    return {"t": event_time(), "type": kind, **fields}
