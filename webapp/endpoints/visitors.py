"""What visitors of a demo leave: judgements of its answers, and how often they came by a link."""

import json
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts import limits
from webapp.accounts.models import hashed
from webapp.core.formats import size
from webapp.core.problems import Problem
from webapp.endpoints.models import (
    Endpoint,
    Feedback,
    ShareLink,
)

FEEDBACK_A_DAY = 500
"""Judgements of visitors that one endpoint keeps in 24 hours."""
FEEDBACK_A_VISITOR = 50
"""Those of one visitor, so that nobody uses up the day of all."""
REMEMBERED = timedelta(days=1)
MOST_INPUT, MOST_OUTPUT_BYTES = 10_000, 20_000
"""Characters of what was asked, and bytes of an answer as JSON."""


def take_feedback(
    endpoint: Endpoint,
    text: str,
    output: object,
    verdict: str,
    answer: str | None = None,
    *,
    visitor: str = "",
    **fields: object,
) -> Feedback:
    """One judgement; of an `answer` that the demo page showed, the last one counts. `visitor`: whose limit it counts for."""
    if verdict not in (Feedback.UP, Feedback.DOWN):
        raise Problem(_("A verdict is up or down."), code="bad_verdict", hint=_("Send up or down."))
    if len(json.dumps(output)) > MOST_OUTPUT_BYTES:
        message = _("The answer takes more than %(most)s.") % {"most": size(MOST_OUTPUT_BYTES)}
        raise Problem(message, code="too_large", hint=_("Send the part that was judged."), status=413)
    fields |= {"version": endpoint.current, "input": text[:MOST_INPUT], "output": output, "verdict": verdict}
    if answer is None:
        with transaction.atomic():
            limits.check(endpoint.workspace, "ratings_day")
            return Feedback.objects.create(workspace_id=endpoint.workspace_id, endpoint=endpoint, **fields)
    visitor = visitor_today(endpoint, visitor) if visitor else ""
    if not endpoint.feedback.filter(answer=answer).exists():
        check_feedback_room(endpoint, visitor)
    defaults = {"workspace_id": endpoint.workspace_id, "visitor": visitor, **fields}
    made, _created = Feedback.objects.update_or_create(endpoint=endpoint, answer=answer, defaults=defaults)
    return made


def visitor_today(endpoint: Endpoint, visitor: str) -> str:
    """Tells the visitors of one demo apart for a day, and of no other demo or day."""
    return hashed(f"{visitor}:{endpoint.pk}:{timezone.now():%Y-%m-%d}")[:20]


def clear_old_visitors() -> None:
    """Who judged, after a day; what was judged stays."""
    Feedback.objects.filter(created_at__lte=timezone.now() - REMEMBERED).exclude(visitor="").update(visitor="")


def check_feedback_room(endpoint: Endpoint, visitor: str) -> None:
    """`Problem` where the demo, or this visitor, has had enough of it today."""
    since = timezone.now() - REMEMBERED
    judged = endpoint.feedback.filter(created_at__gt=since, answer__isnull=False)
    if visitor and judged.filter(visitor=visitor).count() >= FEEDBACK_A_VISITOR:
        raise Problem(
            _("You have rated as many answers as one visitor can today."),
            code="enough_feedback",
            hint=_("Come back tomorrow."),
            status=429,
        )
    if judged.count() >= FEEDBACK_A_DAY:
        raise Problem(
            _("This demo has received too many ratings today."),
            code="enough_feedback",
            hint=_("Come back tomorrow, or tell the person who sent you the link."),
            status=429,
        )


def count_visit(link: ShareLink | None, **counts: int) -> None:
    if link:
        ShareLink.objects.filter(pk=link.pk).update(
            last_at=timezone.now(), **{name: F(name) + value for name, value in counts.items()}
        )
