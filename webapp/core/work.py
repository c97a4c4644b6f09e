"""One attempt at the work of a row (`webapp.core.leased`): claimed, done by commands of the trainer, ended. A kind of work
says what is done; how it lives, fails and is begun again is written here, once.

The trainer is a process group of its own. Whatever happens here, that group is gone when a command's turn ends, and the kernel
ends it if this process dies first.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import transaction
from django.db.models import F
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from trainer import errors
from webapp.core.confinement import Access
from webapp.core.connections import database_is_away, release_connection
from webapp.core.files import disk_error
from webapp.core.leased import Leased, LeasedQuerySet
from webapp.core.problems import Problem
from webapp.core.queues import Task, task
from webapp.core.sentences import error_of
from webapp.core.trainer_process import TrainerProcess, last_words

log = logging.getLogger(__name__)
RETRY_SECONDS = 2.0
"""How often a database that is away is asked again: sooner than a sweep takes the work for lost once it is back."""
AT_ONCE = 100
Text = str | Promise

stopping = threading.Event()
"""Set when this worker is being stopped."""


class Lost(Exception):  # noqa: N818  not an error of anybody's
    """The row is no longer this worker's: another has it, or it was deleted."""


class Died(Exception):  # noqa: N818  it is the trainer's death
    """The trainer ended without a word."""


class TooLong(Exception):  # noqa: N818  it is the trainer's fault
    """The trainer took more than it may, as it would again."""


class Refused(Problem):
    """The trainer's error, with what it takes to say it in another language."""

    def __init__(self, final: dict[str, Any]) -> None:
        self.error = error_of(final)
        super().__init__(str(self.error["message"]), code=str(self.error["code"]), hint=str(self.error["hint"]))

    def as_dict(self) -> dict[str, Any]:
        return self.error


class Later(Exception):  # noqa: N818  not an error of anybody's
    """It cannot be done now, which is nobody's death. Its message is sent again in so many `seconds`; None: by a sweep."""

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Stopped(Later):
    """This worker is being stopped."""


Row = TypeVar("Row", bound=Leased)


class Work(Generic[Row]):
    """The state of one attempt."""

    model: ClassVar[type[Leased]]
    RELATED: ClassVar[tuple[str, ...]] = ()
    """What of the row's relations is read with it."""
    LIMITS: ClassVar[dict[str, int]] = {}
    """Of the trainer's process, by the names of `resource` without RLIMIT_."""
    SECONDS: ClassVar[float] = float("inf")
    """How long a command may take."""
    TICK: ClassVar[float] = 0.5
    NEWS_SECONDS: ClassVar[float | None] = None
    """How often news are stored; None: with the next heartbeat."""

    def __init__(self, row: Row, lease: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self.row, self.lease, self.clock = row, lease, clock
        self.final: dict[str, Any] = {}
        """The last event of the trainer that says how it ended: `result` or `error`."""
        self.pending: dict[str, Any] = {}
        """Fields of the row that the next beat stores."""
        self.began_at = self.beaten_at = clock()
        self.unstored = False
        """The last beat did not reach the database."""

    DIED: ClassVar[dict[str, Text]]
    """{code, message, hint} of one whose worker or trainer died too often; the message may tell the `count`."""
    BUG: ClassVar[dict[str, Text]] = {
        "code": "bug",
        "message": _("It ended because of an error on our end, not in your data."),
        "hint": _("Try again. If it happens twice, send us the log below."),
    }
    """The same of one that a fault of ours ended."""

    # What a kind says

    def do(self) -> None:
        """The work, from `command` to `finish`. What it raises ends the attempt in its own words."""
        raise NotImplementedError

    @classmethod
    @contextmanager
    def devices(cls, row: Row) -> Iterator[Any]:
        """What must be held before the row is claimed, so that whoever waits for it loses neither lease nor attempt. Raises
        `Later` where it cannot be had."""
        yield None

    @classmethod
    def begin(cls, row: Row, devices: Any) -> Self | None:
        """The claim; None when somebody else has it."""
        lease = row.claim()
        return cls(row, lease) if lease else None

    @classmethod
    def log_of(cls, row: Row) -> Path:
        """Where the trainer's last words are."""
        raise NotImplementedError

    @classmethod
    def ended(cls, row: Row) -> None:
        """Called in the transaction that stores how it ended."""

    def take(self, event: dict[str, Any]) -> None:
        """Hear one event of the trainer's."""
        if event["type"] in ("result", "error"):
            self.final = event

    def close(self) -> None:
        """Give back what the attempt has held."""

    @classmethod
    def task(cls) -> Task[[str]]:
        """The task of Celery by whose name its rows are sent."""

        def handle(pk: str) -> None:
            cls.handle(pk)

        handle.__name__ = cls.model.TASK.rpartition(".")[2]
        return task(cls.model.TASK)(handle)

    # How it lives

    @classmethod
    def rows(cls) -> LeasedQuerySet[Row]:
        return cast(LeasedQuerySet[Row], cls.model.objects.select_related(*cls.RELATED))

    @classmethod
    def handle(cls, pk: str) -> None:
        """Do the work of one row if it still waits; a second delivery of its message ends here."""
        row = None if stopping.is_set() else cls.rows().waiting().filter(pk=pk).first()
        if row is None:
            return
        try:
            with cls.devices(row) as devices:
                work = cls.begin(row, devices)
                if work:
                    work.run()
        except Later as later:
            if later.seconds is not None:
                row.send(countdown=later.seconds)

    def run(self) -> None:
        """Whatever is raised here ends the work, once and in its own words, rather than as a death to be repeated. Only a
        database that is away is left to the lease: nothing can be stored, and it is begun again when that is back."""
        try:
            self.do_while_held()
        except Lost:
            log.warning("%s was taken over by another worker, or deleted", self.name)
        except Later as later:
            self.hand_back(later.seconds)
        except Died:
            if self.row.interrupt(self.lease):
                self.recover(self.row)
        except TooLong:
            self.fail(self.explained(self.row, self.DIED))
        except DatabaseFault:
            raise
        except Problem as problem:
            self.fail(problem.as_dict())
        except OSError as error:
            log.exception("%s cannot be written", self.name)
            self.fail(disk_error(error))
        except Exception:
            log.exception("%s ended by a fault of ours", self.name)
            self.fail(self.explained(self.row, self.BUG))
        finally:
            self.close()

    def do_while_held(self) -> None:
        """`do`; what goes wrong once the row is somebody else's, or was deleted, is nobody's fault but `Lost`."""
        try:
            self.do()
        except (Lost, Later):
            raise
        except Exception as error:
            if self.is_lost():
                raise Lost from error
            raise

    def is_lost(self) -> bool:
        """Whether it is known to be no longer this worker's."""
        try:
            return not self.row.held(self.lease).exists()
        except DatabaseFault:
            return False

    @property
    def name(self) -> str:
        return f"{self.row._meta.model_name} {self.row.pk}"

    def command(self, arguments: list[str], access: Access, env: dict[str, str] | None = None) -> dict[str, Any]:
        """Run the trainer to its end; its `result`. Raises how else it ended (see `outcome`), `Lost` and `Stopped`."""
        return self.outcome(self.watch(arguments, access, env))

    def watch(self, arguments: list[str], access: Access, env: dict[str, str] | None = None) -> int | None:
        """Its exit status; None where it took too long. The lease is renewed meanwhile, whether the trainer speaks or not."""
        self.final, until = {}, self.clock() + self.SECONDS
        access = replace(access, limits=self.LIMITS | access.limits)
        process = TrainerProcess(arguments, stderr=self.log_of(self.row), access=access, env=env)
        try:
            for event in process.events(self.TICK):
                if event:
                    self.take(event)
                self.attend(process)
                if self.clock() > until:
                    return None
        finally:
            process.end()
        self.store_end()
        return process.process.returncode

    def outcome(self, status: int | None) -> dict[str, Any]:
        """The trainer's result. Raises `Problem` with its error, `Died`, `TooLong`, or what a fault of ours is."""
        if self.final.get("type") == "result":
            return self.final
        if self.final:
            raise Refused(self.final)
        if status == errors.EXIT_BUG:
            raise RuntimeError(f"the trainer broke; {self.log_of(self.row)} says how")
        raise TooLong if status is None else Died

    def attend(self, process: TrainerProcess) -> None:
        """What must be done in time, whether events come or not."""
        if stopping.is_set():
            self.stop(process)
        if self.clock() - self.beaten_at >= self.until_beat:
            self.beat()

    def stop(self, process: TrainerProcess) -> None:
        """This worker is being stopped: nothing is to be saved."""
        raise Stopped

    @property
    def until_beat(self) -> float:
        """Seconds from one beat to the next."""
        if self.unstored:
            return RETRY_SECONDS
        if self.pending and self.NEWS_SECONDS is not None:
            return self.NEWS_SECONDS
        return float(settings.RUN_HEARTBEAT_SECONDS)

    def beat(self) -> None:
        """Renew the lease and store what is pending. A database that is away takes no work with it: the next beat stores what
        this one could not; only the lease may be gone by then. Raises `Lost`."""
        fields, self.pending = self.pending, {}
        try:
            self.store(fields)
        except DatabaseFault as error:
            self.pending = fields | self.pending
            self.note_outage(error)
        else:
            self.unstored = False
        self.beaten_at = self.clock()  # waiting for an answer took its time

    def note_outage(self, error: DatabaseFault) -> None:
        """Raises what is no outage."""
        if not database_is_away(error):
            raise error
        if not self.unstored:
            log.warning("%s goes on without the database: %s", self.name, error)
        self.unstored = True
        release_connection()

    def store(self, fields: dict[str, Any]) -> None:
        if not self.row.beat(self.lease, **fields):
            raise Lost

    def store_end(self) -> None:
        """The trainer has ended, and what comes next must be stored; a worker that is stopped leaves that to the lease."""
        self.beat()
        while self.unstored:
            if stopping.wait(RETRY_SECONDS):
                raise Stopped
            self.beat()

    # How it ends

    def finish(self, **fields: object) -> None:
        """Store what came of it, if it is still this worker's to say. Raises `Lost`."""
        with transaction.atomic():
            if not self.row.finish(self.lease, **fields):
                raise Lost
            self.ended(self.row)

    def fail(self, error: dict[str, Any]) -> None:
        """Nothing happens when it is no longer this worker's."""
        with transaction.atomic():
            if self.row.finish(self.lease, error=error, **self.row.FAILED):
                self.ended(self.row)

    def hand_back(self, seconds: float | None = None) -> None:
        """For another worker, or for this one after its restart: nothing has died."""
        if self.row.interrupt(self.lease, attempts=F("attempts") - 1):
            self.recover(self.row, countdown=seconds)

    @classmethod
    def recover(cls, row: Row, **options: object) -> None:
        """What nobody holds any more: failed after too many deaths, else back to the queue."""
        if row.deaths >= row.MAX_ATTEMPTS:
            with transaction.atomic():
                if row.give_up(cls.explained(row, cls.DIED)):
                    cls.ended(row)
        elif row.requeue():
            log.info("%s %s waits again", row._meta.model_name, row.pk)
            row.send(**options)

    @classmethod
    def explained(cls, row: Row, error: dict[str, Text]) -> dict[str, Any]:
        """In words, with the trainer's last ones; to be said in the reader's language, which nobody knows here."""
        with override("en"):
            texts = {name: str(text) for name, text in error.items()}
        values = {"count": str(row.deaths)}
        sources = {name: {"text": texts[name], "values": values} for name in ("message", "hint") if texts.get(name)}
        message = texts["message"] % values
        return texts | {"message": message, "i18n": sources, "detail": last_words(cls.log_of(row))}

    @classmethod
    def sweep(cls) -> None:
        """Every few seconds: what a dead worker held is begun again, and messages that were lost go out again."""
        cls.model.objects.miss()
        for row in cls.rows().expired()[:AT_ONCE]:
            if row.expire():
                cls.recover(row)
        cls.resend()

    @classmethod
    def resend(cls) -> None:
        for row in cls.rows().unsent()[:AT_ONCE]:
            row.send()
