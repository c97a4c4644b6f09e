"""What visitors of a demo leave: judgements of its answers, and how often they came by a link."""

from datetime import timedelta

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.core.problems import Problem
from webapp.endpoints.models import (
    Endpoint,
    Feedback,
    ShareLink,
)

FEEDBACK_A_DAY = 500
"""Judgements of visitors that one endpoint keeps in 24 hours."""


def take_feedback(
    endpoint: Endpoint, text: str, output: object, verdict: str, answer: str | None = None, **fields: object
) -> Feedback:
    """One judgement; of an `answer` that the demo page showed, the last one counts."""
    if verdict not in (Feedback.UP, Feedback.DOWN):
        raise Problem(_("A verdict is up or down."), code="bad_verdict", hint=_("Send up or down."))
    fields |= {"version": endpoint.current, "input": text[:10_000], "output": output, "verdict": verdict}
    if answer is None:
        return Feedback.objects.create(workspace_id=endpoint.workspace_id, endpoint=endpoint, **fields)
    if not endpoint.feedback.filter(answer=answer).exists():
        check_feedback_room(endpoint)
    made, _created = Feedback.objects.update_or_create(
        endpoint=endpoint, answer=answer, defaults={"workspace_id": endpoint.workspace_id, **fields}
    )
    return made


def check_feedback_room(endpoint: Endpoint) -> None:
    since = timezone.now() - timedelta(days=1)
    if endpoint.feedback.filter(created_at__gt=since, answer__isnull=False).count() >= FEEDBACK_A_DAY:
        raise Problem(
            _("This demo has received too many ratings today."),
            code="enough_feedback",
            hint=_("Come back tomorrow, or tell whoever sent you the link."),
            status=429,
        )


def count_visit(link: ShareLink | None, **counts: int) -> None:
    if link:
        ShareLink.objects.filter(pk=link.pk).update(
            last_at=timezone.now(), **{name: F(name) + value for name, value in counts.items()}
        )
