"""What the licence of a base model forbids is confirmed before a model is put where others can use it, once for each demo."""

from typing import Any

from django.utils.translation import gettext as _

from webapp.core.problems import Conflict
from webapp.endpoints.models import Endpoint
from webapp.prototypes.models import Prototype
from webapp.runs import licences
from webapp.runs.models import Run

FIELD = "licence_confirmed"


def asked(endpoint: Endpoint | None, run: Run) -> list[str]:
    """The sentences to be confirmed before `run` is served; none where the run that is live, or was to be, forbids the same."""
    forbidden = licences.forbidden(run)
    version = endpoint and (endpoint.current or endpoint.wanted)
    return [] if version and licences.forbidden(version.run) == forbidden else forbidden


def context(endpoint: Endpoint | None, shared: Run | None, prototype: Prototype, requested: str) -> dict[str, Any]:
    """licence_asked (sentences to confirm before the run that the page asks about is served), and licence_run (that run, where
    nothing else is asked about it: of a demo that never went live)."""
    if endpoint and not endpoint.current:
        run = prototype.runs.with_model().filter(pk=requested).first()
        sentences = asked(endpoint, run) if run else []
        return {"licence_asked": sentences, "licence_run": run if sentences else None}
    return {"licence_asked": asked(endpoint, shared) if shared else [], "licence_run": None}


def check(endpoint: Endpoint | None, run: Run, *, confirmed: bool, hint: str = "") -> None:
    """`Conflict` where something is to be confirmed and was not."""
    sentences = asked(endpoint, run)
    if sentences and not confirmed:
        raise Conflict(
            " ".join(sentences),
            code="licence_forbids",
            hint=hint or _("Confirm that you keep to it, then share."),
            field=FIELD,
        )


def for_programs(endpoint: Endpoint | None, run: Run, *, confirmed: bool) -> None:
    check(endpoint, run, confirmed=confirmed, hint=_("Send “licence_confirmed”: true if you keep to it."))
