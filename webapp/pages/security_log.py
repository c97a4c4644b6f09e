"""Settings › Security log: who signed in, was refused, took data away or changed who may do what; of a workspace for its
administrators, of themselves for everybody.

Pages go by the moment of their last event, not by number: counting a million rows for a page number would take a second.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import close_old_connections
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from webapp.accounts.access import needs, person
from webapp.accounts.devices import describe_device
from webapp.accounts.models import ApiToken, SecurityEvent, Workspace
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.accounts.security import record
from webapp.accounts.security_lines import fields_of
from webapp.accounts.security_verbs import KINDS, OUTCOMES, words_of
from webapp.core.downloads import TextDownload
from webapp.datasets.exports import harmless_name

PAGE, CSV_ROWS = 50, 2000
COLUMNS = ("t", "event", "outcome", "address", "email", "via", "subject", "subject_id", "text", "agent")
MAX_MEMBERS = 500
"""People to choose from in the filter."""


class FilterForm(forms.Form):
    """What to show; a value that cannot be is passed over and said beside its field."""

    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("All kinds")), *KINDS.items()])
    who = forms.ChoiceField(label=_("Person"), required=False)
    day = forms.DateField(
        label=_("Day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        validators=[MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))],
    )

    def __init__(self, workspace: Workspace | None, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if workspace is None:
            del self.fields["who"]
            return
        members = workspace.memberships.select_related("user").order_by("user__email")[:MAX_MEMBERS]
        people = [(str(membership.user_id), membership.user.email) for membership in members]
        who = self.fields["who"]
        assert isinstance(who, forms.ChoiceField)
        who.choices = [("", _("Everybody")), *people]

    def chosen(self) -> dict[str, Any]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


@dataclass(frozen=True)
class Line:
    """One event as the page shows it."""

    event: SecurityEvent
    words: str
    outcome: str
    device: str
    token: str
    """The name of the API token that was used, if one was."""


def narrowed(events: QuerySet[SecurityEvent], chosen: dict[str, Any]) -> QuerySet[SecurityEvent]:
    if "kind" in chosen:
        events = events.filter(kind=chosen["kind"])
    if "who" in chosen:
        events = events.filter(user=chosen["who"])
    if "day" in chosen:
        first = beginning(chosen["day"])
        events = events.filter(created_at__gte=first, created_at__lt=first + timedelta(days=1))
    return events


def beginning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def before(events: QuerySet[SecurityEvent], cursor: str) -> QuerySet[SecurityEvent]:
    """Those after the one that the cursor names, newest first; all where it names none."""
    moment, _comma, pk = cursor.partition(",")
    try:
        last = parse_datetime(moment)
        last = last.astimezone(UTC) if last and last.tzinfo else None
    except (ValueError, OverflowError):
        last = None
    if last is None:
        return events
    return older(events, last, pk[:16])


def older(events: QuerySet[SecurityEvent], moment: datetime, pk: str) -> QuerySet[SecurityEvent]:
    """Those that come after this one, newest first. The bound on the time alone is what an index is read by: without it every
    newer event is read and thrown away, for each page of a long log again."""
    return events.filter(created_at__lte=moment).filter(Q(created_at__lt=moment) | Q(id__gt=pk))


def shown(events: Iterable[SecurityEvent]) -> list[Line]:
    events = list(events)
    ids = {event.via.removeprefix("token:") for event in events if event.via}
    names = dict(ApiToken.objects.filter(pk__in=ids).values_list("pk", "name"))
    return [
        Line(
            event,
            words_of(event.verb),
            str(OUTCOMES.get(event.outcome, event.outcome)),
            describe_device(event.agent) if event.agent else "",
            names.get(event.via.removeprefix("token:"), event.via) if event.via else "",
        )
        for event in events
    ]


def log_page(request: AuthedRequest, events: QuerySet[SecurityEvent], workspace: Workspace | None) -> HttpResponseBase:
    form = FilterForm(workspace, request.GET or None)
    events = narrowed(events, form.chosen() if form.is_bound else {}).select_related("user")
    if request.GET.get("format") == "csv":
        download = as_csv(events)
        record(request, "security_log_downloaded", workspace=workspace)
        return download
    page = list(before(events, request.GET.get("before", ""))[: PAGE + 1])
    last = page[PAGE - 1] if len(page) > PAGE else None
    context = {
        "form": form,
        "lines": shown(page[:PAGE]),
        "older": f"{last.created_at.isoformat()},{last.pk}" if last else None,
        "is_first": "before" not in request.GET,
        "is_own": workspace is None,
        "days": settings.SECURITY_LOG_DAYS,
    }
    response: HttpResponse = render(request, "pages/security_log.html", context)
    return response


@needs(Right.ADMINISTER)
def security_log(request: AuthedRequest) -> HttpResponseBase:
    """Context: form, lines (`Line`), older (the next page's `before`, None on the last), is_first, is_own, days."""
    return log_page(request, SecurityEvent.objects.for_workspace(request.workspace), request.workspace)


@person
def own_security_log(request: AuthedRequest) -> HttpResponseBase:
    """The same of whoever asks, in all workspaces."""
    return log_page(request, SecurityEvent.objects.filter(user=request.user, is_copy=False), None)


def as_csv(events: QuerySet[SecurityEvent]) -> TextDownload:
    """All that the filter leaves, newest first, written while it is sent."""
    until_now = events.filter(created_at__lte=timezone.now())
    return TextDownload(csv_lines(until_now), "security-log.csv", "text/csv; charset=utf-8")


def csv_lines(events: QuerySet[SecurityEvent]) -> Iterator[str]:
    """The table in pieces of `CSV_ROWS` rows. Each is a query of its own that goes on after the last row, since whoever sends
    it asks for every piece in another thread, and a thread has its own connection."""
    events = events.order_by("-created_at", "id")
    yield csv_text([COLUMNS])
    piece = list(events[:CSV_ROWS])
    while piece:
        yield csv_text([csv_row(event) for event in piece])
        close_old_connections()
        last = piece[-1]
        piece = list(older(events, last.created_at, last.pk)[:CSV_ROWS]) if len(piece) == CSV_ROWS else []


def csv_row(event: SecurityEvent) -> list[str]:
    row = fields_of(event) | {"email": event.user.email if event.user else event.given, "text": event.text}
    return [harmless_name(str(row[name] or "")) for name in COLUMNS]


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
