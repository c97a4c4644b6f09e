"""One run, from claim to end: starts the trainer, passes its events on, keeps the lease, charges, cancels.

The trainer is a process group of its own. Whatever happens here, that group is gone when `supervise` returns, and
the kernel ends it if this process dies first.
"""

import json
import logging
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from trainer import allowance, errors
from trainer.remaining import Remaining
from webapp.core.connections import database_is_away, release_connection
from webapp.core.files import disk_error, write_whole
from webapp.core.problems import BudgetSpent, Problem
from webapp.core.sentences import error_of
from webapp.core.trainer_process import TrainerProcess, hub_access, last_words
from webapp.core.work import stopping
from webapp.costs import gate
from webapp.costs.actions import price_per_hour
from webapp.datasets.models import DatasetVersion
from webapp.datasets.models import Status as VersionStatus
from webapp.runs import leaks, verdicts, worker
from webapp.runs.actions import recover, spec_of, terms_of
from webapp.runs.models import Run, Status
from webapp.runs.stream import EventLog

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""How often the row is read for a request to cancel."""
KILL_AFTER_SECONDS = 3.0
"""How long after SIGTERM a cancelled trainer may still save before SIGKILL."""
RETRY_SECONDS = 2.0
"""How often a database that is away is asked again: sooner than a sweep takes the run for lost once it is back."""
STOP_SECONDS = 8.0
"""The same when the worker itself is being stopped: time for a checkpoint."""


def supervise(run_id: str) -> None:
    """Train one run if it still waits; a second delivery of its message ends here.

    Devices come before the claim: a run that waits for them is still queued, and so loses neither lease nor attempt.
    """
    run = Run.objects.select_related("workspace", "prototype", "version__dataset").filter(pk=run_id).first()
    if run is None or run.status != Status.QUEUED:
        return
    with worker.devices_for(run.hardware, still_wanted=lambda: still_waits(run_id)) as devices:
        if devices is None:
            return
        hardware = hardware_of(devices)
        started = start(run, price_per_hour(run.workspace, hardware))
        if started is not None:
            lease, money = started
            Supervisor(run, lease, hardware, devices, money).work()


def hardware_of(devices: list[int]) -> str:
    """What is paid for: the GPUs that are held, which a small machine has fewer of than were asked for."""
    if not devices:
        return "cpu"
    return "gpu" if len(devices) == 1 else f"gpu:{len(devices)}"


def still_waits(run_id: str) -> bool:
    return Run.objects.filter(pk=run_id, status=Status.QUEUED).exists()


def start(run: Run, price: Decimal) -> tuple[str, Decimal] | None:
    """Claim the run and reserve its money, both or neither: (its lease, what it may still spend). None when it is taken, when
    it must wait for the reservations of others, or when the budget is spent; then it has failed and says so."""
    try:
        with transaction.atomic():
            lease = run.claim(worker=worker.name(), price_per_hour=price)
            money = (
                gate.reserve(run.workspace, money_key(run, lease), terms_of(run, price), run.cost) if lease else None
            )
    except gate.Waits:
        return None
    except BudgetSpent as problem:
        run.refresh_from_db()
        if run.give_up(problem.as_dict()):
            log_of_refused(run)
        return None
    return (lease, money) if lease and money is not None else None


def likely_seconds(run: Run) -> float | None:
    """How long its estimate says that it takes."""
    return ((run.estimate or {}).get("seconds") or {}).get("likely")


def money_key(run: Run, lease: str) -> str:
    """Of one attempt's reservation: an earlier worker that ends late does not release the next one's."""
    return f"run:{run.pk}:{lease[:8]}"


def log_of_refused(run: Run) -> None:
    """The last line of its live page, which somebody may be looking at."""
    events = EventLog(run.pk, run.events_path)
    events.append(event("status", status=run.status))
    events.close()


class Supervisor:
    """The state of one attempt."""

    def __init__(
        self,
        run: Run,
        lease: str,
        hardware: str,
        devices: list[int],
        money: Decimal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`money` is what the run may still spend if nobody else comes; `clock` counts seconds."""
        self.run, self.lease, self.hardware, self.devices = run, lease, hardware, devices
        self.money, self.clock = money, clock
        self.money_key = money_key(run, lease)
        self.terms = terms_of(run, run.price_per_hour)
        self.log: EventLog | None = None
        self.final: dict[str, Any] = {}
        self.pending: dict[str, Any] = {}
        self.charged_at = self.beaten_at = self.looked_at = clock()
        self.charges = 0
        self.remaining = Remaining(likely_seconds(run) if run.attempts <= 1 else None, clock)
        self.asked_at: float | None = None
        self.grace = KILL_AFTER_SECONDS
        self.cancelled = self.stopped = self.lost = False
        self.unstored = False
        """The last beat did not reach the database."""
        self.resumed_step: int | None = None
        self.is_enough = self.is_training = self.is_told = False
        """Whether somebody asked to stop and keep the best, the trainer learns, and it was told."""
        self.broke: dict[str, str] | None = None
        """Why the gate of the workspace's money stopped the run."""

    def work(self) -> None:
        """Whatever is raised here ends the run, once and in its own words, rather than as a death to be repeated. Only
        a database that is away is left to the lease: nothing can be stored, and the run goes on when it is back."""
        worker.busy(self.run.pk)
        try:
            self.log = EventLog(self.run.pk, self.run.events_path)
            self.train()
        except DatabaseFault:
            raise
        except Problem as problem:
            self.fail(problem.as_dict())
        except OSError as error:
            log.exception("run %s cannot be written", self.run.pk)
            self.fail(disk_error(error))
        except Exception:
            log.exception("run %s ended by a fault of ours", self.run.pk)
            self.fail(self.bug())
        finally:
            worker.busy(None)
            gate.release(self.money_key)
            if self.log:
                self.log.close()

    def train(self) -> None:
        run = self.run
        check_version(run.version)
        spec = spec_of(run.version, vars(run), run.price_per_hour)
        self.allow(self.money)
        write_whole(run.folder / "spec.json", json.dumps(spec, ensure_ascii=False, indent=2))
        if self.hardware == "cpu":
            self.pending["device"] = "cpu"
        if run.hardware != "cpu" and self.hardware == "cpu":
            self.take(event("warning", code="no_gpu", message=_("This machine has no GPU: training on its processor.")))
        environment = hub_access(run.model)
        if self.devices:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, self.devices))
        process = TrainerProcess(
            ["run", str(run.folder / "spec.json"), "--out", str(run.folder)],
            stderr=run.folder / "stderr.log",
            env=environment,
        )
        try:
            for item in process.events(tick=0.25):
                if item:
                    self.take(item)
                self.attend(process)
        finally:
            process.end()
            if not self.lost:
                self.beat()
                (run.folder / allowance.FILE).unlink(missing_ok=True)
        self.wait_for_database()
        gate.release(self.money_key)  # before another worker can start the run
        self.conclude(process.process.returncode)

    def take(self, item: dict[str, Any]) -> None:
        """One event: into the log, and what the row shows of it into the next heartbeat."""
        self.tell(item)
        kind = item["type"]
        if kind == "stage":
            self.is_training = item["name"] == "train" and item.get("state") == "start"
        if kind == "stage" and item.get("state") == "start":
            self.pending |= {"stage": item["name"], "status": Status.RUNNING}
            if not self.unstored:
                self.beat()
        elif kind == "progress":
            left = self.remaining.told(item.get("forecast_seconds", item.get("eta_seconds")))
            self.pending |= {"progress": item.get("fraction") or 0, "eta_seconds": left}
        elif kind == "metric":
            self.pending["metrics"] = self.run.metrics = self.run.metrics | {
                f"{item['split']}_{item['name']}": item["value"]
            }
        elif kind == "resource" and item.get("device"):
            self.pending["device"] = str(item["device"])[:80]
        elif kind == "checkpoint" and item.get("resumed"):
            self.resumed_step = item.get("step")
        elif kind == "checkpoint" and item.get("step") != self.resumed_step:
            self.pending["earlier_attempts"] = self.run.attempts - 1  # it came further: those before count no more
        elif kind in ("result", "error"):
            self.final = item

    def attend(self, process: TrainerProcess) -> None:
        """What must be done in time, whether events come or not."""
        now = self.clock()
        if now - self.beaten_at >= (RETRY_SECONDS if self.unstored else settings.RUN_HEARTBEAT_SECONDS):
            self.beat()
        if (self.broke or now - self.looked_at >= LOOK_SECONDS) and self.asked_at is None:
            self.looked_at = now
            self.look()
            if self.cancelled or self.stopped or self.lost or self.broke:
                self.asked_at = now
                self.grace = STOP_SECONDS if self.stopped else KILL_AFTER_SECONDS
                process.signal(signal.SIGKILL if self.lost else signal.SIGTERM)
        if self.is_enough and self.is_training and not self.is_told and self.asked_at is None:
            self.is_told = True
            process.tell(signal.SIGUSR1)
        if self.asked_at is not None and now - self.asked_at >= self.grace:
            process.signal(signal.SIGKILL)

    def look(self) -> None:
        self.stopped = stopping.is_set()
        if self.unstored:  # the next beat finds out
            return
        try:
            asked = Run.objects.filter(pk=self.run.pk).values_list("cancel_requested_at", "stop_requested_at").first()
            self.cancelled, self.is_enough = (bool(one) for one in asked or (None, None))
        except DatabaseFault as error:
            self.note_outage(error)

    def note_outage(self, error: DatabaseFault) -> None:
        """A database that is away takes no run with it: training goes on, and the next beat stores what this one could not.
        Only the lease may be gone by then, which that beat is told. Raises what is no outage."""
        if not database_is_away(error):
            raise error
        if not self.unstored:
            log.warning("run %s goes on without the database: %s", self.run.pk, error)
        self.unstored = True
        release_connection()

    def wait_for_database(self) -> None:
        """Training has ended and its end must be stored; a worker that is stopped leaves that to the lease."""
        while self.unstored and not self.lost and not stopping.is_set():
            time.sleep(LOOK_SECONDS)
            self.beat()

    def beat(self) -> None:
        """Renew the lease, store progress, charge the time since the last beat and hear whether there is money to go on: all or
        nothing."""
        now = self.clock()
        fields, self.pending = self.pending, {}
        try:
            with transaction.atomic():
                if self.unstored:
                    self.see_what_was_stored()
                seconds = now - self.charged_at
                if not self.run.beat(self.lease, **fields, seconds=F("seconds") + seconds):
                    self.lost = True
                    return
                beat = self.charge(seconds)
                Run.objects.filter(pk=self.run.pk).update(cost=self.run.cost + beat.amount)
        except DatabaseFault as error:
            self.note_outage(error)
            self.pending, self.beaten_at = fields | self.pending, self.clock()  # waiting for an answer took its time
            return
        self.unstored = False
        self.run.seconds += seconds
        self.run.cost += beat.amount
        self.broke = self.broke or beat.stop
        self.charges += 1
        self.charged_at = self.beaten_at = now
        self.allow(beat.left)

    def allow(self, money: Decimal) -> None:
        """Tell the trainer for how long there is money, as the budget and the other runs are now: it ends early enough to test
        and keep its best. The limits that it was started with are the person's own."""
        if self.run.price_per_hour:
            spendable = max(money - self.terms.one_beat, gate.ZERO)  # below that the gate stops it
            seconds = float(spendable / self.run.price_per_hour) * gate.SECONDS_PER_HOUR
            with suppress(OSError):  # a full disk: the gate stops the run in time all the same
                write_whole(self.run.folder / allowance.FILE, allowance.described(seconds))

    def see_what_was_stored(self) -> None:
        """A beat whose answer was lost may be stored all the same, where the database went away while it committed. The row
        says until when the run is charged."""
        row = Run.objects.filter(pk=self.run.pk, lease=self.lease).values_list("seconds", "cost").first()
        if row is None:
            return
        already = row[0] - self.run.seconds
        if already > 0:
            self.charged_at += already
            self.charges += 1
        self.run.seconds, self.run.cost = row

    def charge(self, seconds: float) -> gate.Beat:
        run = self.run
        line = {
            "hardware": self.hardware,
            "prototype": run.prototype_id,
            "prototype_name": run.prototype.name,
            "subject": "run",
            "subject_id": run.pk,
            "subject_name": str(run),
        }
        charge_id = f"{run.attempts}:{self.lease[:8]}:{self.charges}"
        return gate.beat(
            run.workspace, self.money_key, self.terms, run.cost, seconds=seconds, charge_id=charge_id, line=line
        )

    def conclude(self, status: int | None) -> None:
        """Turn how the process ended into the run's state."""
        run, lease = self.run, self.lease
        if self.lost:
            log.warning("run %s was taken over by another worker", run.pk)
        elif status == errors.EXIT_DONE and self.final.get("type") == "result":
            result = {name: self.final.get(name) for name in ("metrics", "headline", "baselines", "verdict")}
            result = {name: value for name, value in result.items() if value} | leaks.facts(run)
            if run.finish(lease, status=Status.SUCCEEDED, progress=1, **result):
                verdicts.keep_against_best_run(run)  # may wait for the bucket, so only once there is no lease to lose
            self.announce()
        elif self.cancelled:
            run.finish(lease, status=Status.CANCELLED)
            self.announce()
        elif self.broke and self.asked_at is not None:
            run.finish(lease, status=Status.FAILED, error=self.broke)
            self.announce()
        elif self.final.get("type") == "error":
            run.finish(lease, status=Status.FAILED, error=error_of(self.final))
            self.announce()
        elif self.stopped or status == errors.EXIT_STOPPED:
            run.interrupt(lease, attempts=F("attempts") - 1)  # stopped on purpose: no death to count
            recover(run)
        elif status == errors.EXIT_BUG:
            run.finish(lease, status=Status.FAILED, error=self.bug())
            self.announce()
        else:
            run.interrupt(lease)
            self.take(
                event("warning", code="died", message=_("Training crashed and will resume from its last checkpoint."))
            )
            recover(run)

    def fail(self, error: dict[str, str]) -> None:
        """End the run as failed; nothing happens when it is no longer this worker's."""
        if self.run.finish(self.lease, status=Status.FAILED, error=error):
            with suppress(OSError):  # a full disk: the row says it all
                self.announce()

    def bug(self) -> dict[str, str]:
        return {
            "code": "bug",
            "message": _("Training stopped because of an error on our end, not in your data."),
            "hint": _("Try again. If it happens twice, send us the log below."),
            "detail": last_words(self.run.folder / "stderr.log"),
        }

    def announce(self) -> None:
        """The last line of a live page: the state has changed for good."""
        self.tell(event("status", status=self.run.status))

    def tell(self, item: dict[str, Any]) -> None:
        if self.log:
            self.log.append(item)


def check_version(version: DatasetVersion) -> None:
    """Raises `Problem` when the rows to learn from are no longer there."""
    if version.status != VersionStatus.READY or not version.folder.is_dir():
        error = version.error or {}
        raise Problem(
            error.get("message") or _("The rows of version %(number)d are gone.") % {"number": version.number},
            code=error.get("code") or "no_version",
            hint=_("Train on another version of the data."),
        )


def event(kind: str, **fields: object) -> dict[str, Any]:
    from trainer.events import now

    return {"t": now(), "type": kind, **fields}
