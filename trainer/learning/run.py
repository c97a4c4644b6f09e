"""The command `run`: a specification trained into a folder, which the same command goes on with where it was stopped."""

import errno
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainer.errors import SpecError
from trainer.events import Emit
from trainer.files import write_json
from trainer.hardware import ResourceWatch
from trainer.learning import trial
from trainer.learning.family import family_of
from trainer.learning.job import Job
from trainer.messages import _
from trainer.spec import Spec


def run(spec: Spec, out: Path, emit: Emit) -> dict[str, Any]:
    """Train what the specification says into `out`; the fields of the result event.

    Raises `UserError` for what the user can mend and `Stopped` after SIGTERM, the state being saved.
    """
    claim(spec, out)
    done = out / "result.json"
    if done.exists():
        return json.loads(done.read_text("utf-8"))
    tried = trial.done(out)
    if tried and spec.evaluate_on == "validation":
        return tried
    job = Job(spec, out, emit)
    if tried and tried["ended_early"]:  # the test is of what was scored, not of what more time would make of it
        job.end_early()
    with (
        on_signal(signal.SIGTERM, job.request_stop),
        on_signal(signal.SIGUSR1, job.end_early),
        ResourceWatch(job.device, emit),
        mendable(),
    ):
        job.device.team.begin(job.spec.model_dump_json())
        job.begin("prepare")  # loading the libraries of a family is a part of it
        job.check_rows()
        result = family_of(job.task).run(job)
        job.device.team.end()
    if job.is_trial:
        result |= {"seconds": round(job.seconds(), 2)}
        trial.keep(out, result)
        return result
    result |= {"artifact": str(job.artifact), "seconds": round(job.seconds(), 2)}
    write_json(done, result)
    clear_away(out)
    return result


NOT_IDENTITY = {"limits", "hardware", "evaluate_on", "pruning", "search"}
"""Of a specification: what may be another when a run goes on."""
WORKING_FILES = ("checkpoints", "cache")
"""Folders of a run that only a run which goes on needs; a finished one tells `result.json` again."""


def clear_away(out: Path) -> None:
    """What a finished run no longer needs: often a hundred times its artifact."""
    for name in WORKING_FILES:
        shutil.rmtree(out / name, ignore_errors=True)


def claim(spec: Spec, out: Path) -> None:
    """Make the folder this run's, and refuse one that another run began: their states would mix."""
    mine = spec.model_dump(mode="json", exclude=NOT_IDENTITY)
    began = out / "began.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not began.exists():
            write_json(began, mine)
        same = identity(Spec.model_validate_json(began.read_text("utf-8"))) == identity(spec)
    except (OSError, ValueError) as error:
        raise SpecError(
            _("%(out)s cannot be used: %(error)s.", out=out, error=error),
            code="bad_out",
            hint=_("Give a folder that can be written to."),
        ) from error
    if not same:
        raise SpecError(
            _("%(out)s holds a run with another specification.", out=out),
            code="other_run",
            hint=_("Give an empty folder."),
        )


def identity(spec: Spec) -> dict[str, Any]:
    """What a run is of. Read through today's specification, so that a field added since has its default, and without the
    place of its rows and of the runs it builds on, so that a folder of data may be moved with its runs."""
    fields = spec.model_dump(mode="json", exclude=NOT_IDENTITY)
    for name in ("path", "test_path"):
        if fields["dataset"].get(name):
            fields["dataset"][name] = place(fields["dataset"][name])
    fields["model"] = place(fields["model"])
    fields["params"] = {name: place(value) for name, value in fields["params"].items()}
    return fields


def place(value: object) -> object:
    """The end of a path, or of `artifact:PATH`, that a move of everything leaves as it is; any other value as it is."""
    if not isinstance(value, str) or "/" not in value:
        return value
    kind, colon, path = value.partition(":")
    if colon and kind != "artifact":
        return value
    return (kind if colon else "", *Path(path or kind).parts[-3:])


def too_little_memory() -> SpecError:
    """The error of a run that was refused memory, by the machine or by its own limit."""
    return SpecError(
        _("The machine has too little memory for this run."),
        code="out_of_memory",
        hint=_("Lower params.batch_size or params.max_length, or take a smaller model."),
    )


@contextmanager
def mendable() -> Iterator[None]:
    """What the machine lacks, in words, in place of a traceback."""
    from trainer.learning.recovery import is_out_of_memory

    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise too_little_memory() from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise SpecError(
            _("The disk is full."), code="no_space", hint=_("Free some space and start it again.")
        ) from error


@contextmanager
def on_signal(number: int, call: Callable[[], None]) -> Iterator[None]:
    before = signal.signal(number, lambda *_: call())
    try:
        yield
    finally:
        signal.signal(number, before)
