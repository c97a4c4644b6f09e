"""A model that writes as one file for llama.cpp, Ollama and LM Studio: written by a worker when somebody asks, kept in its artifact."""

import json
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trainer.architectures import GGUF
from webapp.catalog.hardware import workers
from webapp.core.problems import Conflict, Problem
from webapp.runs import examining, licences, storage
from webapp.runs.models import Examination, Run

KINDS: dict[str, Promise] = {
    Examination.Kind.GGUF_Q8: gettext_lazy("8 bits"),
    Examination.Kind.GGUF_F16: gettext_lazy("half precision"),
}
FOLDER, LIBRARY, QUEUE = "gguf", "gguf", "default"


def can_be_written(run: Run) -> bool:
    """Whether llama.cpp knows such models, by the kind that the model's configuration names."""
    if run.model_removed_at or not storage.is_here(run):
        return False
    try:
        config = json.loads((run.artifact / "model" / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("model_type") in GGUF


def has_library() -> bool:
    """Whether a worker that would write it has the library."""
    return any(LIBRARY in each.get("can", []) for each in workers() if QUEUE in each.get("queues", []))


def shown(run: Run) -> dict[str, Any] | None:
    """Context: has_library, is_working, notes (of the licence), files [{kind, title, state, problem, bytes}]; None for a model of
    another kind."""
    if not can_be_written(run):
        return None
    files = [state_of(run, kind) | {"title": title} for kind, title in KINDS.items()]
    is_working = any(each["state"] == "working" for each in files)
    return {"has_library": has_library(), "is_working": is_working, "notes": licences.of_run(run), "files": files}


def state_of(run: Run, kind: str) -> dict[str, Any]:
    """{kind, state (none, working, failed, ready), problem, bytes}."""
    row = examining.find(run, kind)
    state = {"kind": str(kind), "problem": row.error if row else None, "bytes": None}
    if row is None or row.error:
        return state | {"state": "failed" if row else "none"}
    if row.result is None:
        return state | {"state": "working"}
    return state | {"state": "ready", "bytes": row.result["bytes"]}


def ask(run: Run, kind: str) -> None:
    check_kind(kind)
    if not can_be_written(run):
        raise Conflict(
            _("The model of %(run)s cannot be exported as GGUF.") % {"run": run},
            code="no_gguf_form",
            hint=_("llama.cpp's own converter takes the folder `model`."),
        )
    examining.ask(run, kind)


def check_kind(kind: str) -> None:
    if kind not in KINDS:
        names = ", ".join(str(name) for name in KINDS)
        raise Problem(
            _("There is no such file."),
            code="no_file",
            hint=_("Choose one of %(names)s.") % {"names": names},
            status=404,
        )


def opened(run: Run, kind: str) -> BinaryIO:
    """The file; `Conflict` where it was not written, or not yet."""
    check_kind(kind)
    row = examining.find(run, kind)
    path = storage.local_model(run) / FOLDER / name_of(kind)
    if row is None or row.result is None or not path.is_file():
        raise Conflict(
            _("This file has not been created."), code="not_written", hint=_("Create it on the run’s page first.")
        )
    return path.open("rb")


def name_of(kind: str) -> str:
    return f"model-{kind.removeprefix('gguf-')}.gguf"


def download_name(run: Run, kind: str) -> str:
    return f"{run.prototype_id}-run-{run.number}-{Path(name_of(kind)).stem.removeprefix('model-')}.gguf"
