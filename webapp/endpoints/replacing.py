"""Putting another run in the place of the one that a demo serves: asked before, and undone with one click after."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.core.problems import Conflict, Problem
from webapp.core.scores import rank_of
from webapp.endpoints.models import Endpoint, EndpointVersion
from webapp.runs import comparing
from webapp.runs.models import Run
from webapp.runs.querysets import QUESTION

UNDO_SECONDS = 3600
"""How long the share page offers the way back."""


@dataclass(frozen=True)
class Question:
    """Replace `before` with `after`? The answer is sent to `action`, with the version that was live when it was asked."""

    before: Run
    after: Run
    action: str
    instead_of: str

    @cached_property
    def pair(self) -> comparing.Pair | None:
        """The new run beside the one that is live, on the test rows of both; None where they share none."""
        try:
            return comparing.paired(self.after, self.before)
        except Problem:
            return None

    @property
    def outcome(self) -> str:
        """better, not shown or worse, by the paired test; without one, worse for a lower score and otherwise empty."""
        return self.pair.outcome if self.pair else "worse" if self.scored_lower else ""

    @property
    def is_recommended(self) -> bool:
        return self.outcome in ("better", "") and not self.after.has_leak

    @property
    def sentence(self) -> str:
        return comparing.sentence(self.after, self.pair, self.after.metric) if self.pair else ""

    @property
    def scored_lower(self) -> bool:
        """By their scores alone, where both answer one question."""
        ranks = rank_of(self.before.headline), rank_of(self.after.headline)
        same = all(getattr(self.before, name) == getattr(self.after, name) for name in QUESTION)
        return bool(same and None not in ranks and ranks[1] < ranks[0])  # type: ignore[operator]


def check_better(endpoint: Endpoint | None, run: Run, *, anyway: bool) -> None:
    """`Conflict`, once, where a program asks to replace the run that is live with one that is worse or not shown to be better."""
    before = endpoint.current.run if endpoint and endpoint.current else None
    if before is None or before.pk == run.pk or anyway:
        return
    asked = Question(before, run, "", "")
    if asked.outcome in ("worse", "not shown"):
        raise Conflict(
            asked.sentence or _("The new run scored lower on its test rows."),
            code="not_better",
            hint=_("Send “anyway”: true to replace it all the same."),
        )


def question(request: HttpRequest, endpoint: Endpoint) -> Question | None:
    """What `?run=` or `?version=` asks to serve, unless it is served already."""
    if endpoint.current is None:
        return None
    if pk := request.GET.get("version"):
        version = endpoint.versions.select_related("run").filter(pk=pk, run__model_removed_at=None).first()
        run, action = (version.run, reverse("promote", args=[version.pk])) if version else (None, "")
    else:
        pk = request.GET.get("run", "")
        run = Run.objects.filter(prototype=endpoint.prototype_id, pk=pk).with_model().first()
        action = reverse("deploy", args=[pk]) if run else ""
    if run is None or run.pk == endpoint.current.run_id:
        return None
    return Question(endpoint.current.run, run, action, endpoint.current.pk)


def check_asked(endpoint: Endpoint, instead_of: str) -> None:
    """`Conflict` when another version went live since the question was asked."""
    if endpoint.current_id != instead_of:
        serving = endpoint.current.run if endpoint.current else ""
        raise Conflict(
            _("The demo serves %(run)s by now, so nothing was replaced.") % {"run": serving},
            code="replaced_already",
            hint=_("Look at it, then choose again."),
        )


def remember(
    request: HttpRequest, endpoint: Endpoint, before: EndpointVersion | None, after: EndpointVersion | None
) -> None:
    """So that the share page can offer the way back."""
    if before and after and before != after:
        request.session[key_of(endpoint)] = [before.pk, after.pk, time.time()]


def clear_undo(request: HttpRequest, endpoint: Endpoint) -> None:
    request.session.pop(key_of(endpoint), None)


def key_of(endpoint: Endpoint) -> str:
    return f"replaced:{endpoint.pk}"


def replaced(request: HttpRequest, endpoint: Endpoint) -> dict[str, Any] | None:
    """{before, after (versions), is_live, is_waiting}: what this browser has just put live, what is still being prepared
    (`is_waiting`), or what could not be (neither; `after.error` says why)."""
    before, after, moment = request.session.get(key_of(endpoint)) or ("", "", 0)
    if time.time() - moment > UNDO_SECONDS:
        return None
    versions = {
        version.pk: version for version in endpoint.versions.select_related("run").filter(pk__in=(before, after))
    }
    if len(versions) < 2 or endpoint.current_id not in versions:
        return None
    is_live = endpoint.current_id == after
    if not is_live and versions[after].engine:
        return None  # it was live, and somebody has gone back already
    is_waiting = not is_live and not versions[after].error
    return {"before": versions[before], "after": versions[after], "is_live": is_live, "is_waiting": is_waiting}
