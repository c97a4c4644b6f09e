"""Prints the security log of the whole site: for the operator, who sees all workspaces."""

import json
import re
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from webapp.accounts.models import SecurityEvent
from webapp.accounts.security_lines import fields_of
from webapp.accounts.security_verbs import words_of

AGO = re.compile(r"(\d{1,6})\s*([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Command(BaseCommand):
    help = "Print the security log of all workspaces, oldest first. --json prints the lines of logs/security.jsonl, with names."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", default="1d", help="30m, 12h, 7d, or a day or moment: 2026-11-28 (default: 1d)")
        parser.add_argument("--event", action="append", default=[], help="only these, e.g. sign_in_failed; repeatable")
        parser.add_argument("--user", help="only of whoever has this email")
        parser.add_argument("--address", help="only from this address")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: object, since: str, event: list[str], user: str, address: str, **options: object) -> None:
        events = SecurityEvent.objects.filter(is_copy=False, created_at__gte=moment_of(since)).select_related("user")
        if event:
            events = events.filter(verb__in=event)
        if user:
            events = events.filter(user__email__iexact=user)
        if address:
            events = events.filter(address=address)
        for row in events.order_by("created_at", "id").iterator(chunk_size=2000):
            self.stdout.write(as_json(row) if options["json"] else as_text(row))


def moment_of(text: str) -> datetime:
    """`7d` ago, or a day or moment in UTC."""
    ago = AGO.fullmatch(text.strip())
    if ago:
        return timezone.now() - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        moment, day = parse_datetime(text), parse_date(text[:10])
    except ValueError:
        moment = day = None
    if moment is None and day is not None and len(text) == 10:
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if moment is None:
        raise CommandError(f"“{text}” is no time. Write 30m, 12h, 7d, or a day such as 2026-11-28.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def as_json(event: SecurityEvent) -> str:
    return json.dumps(fields_of(event) | {"email": event.user.email if event.user else None, "text": event.text})


def as_text(event: SecurityEvent) -> str:
    who = event.user.email if event.user else event.given or "–"
    parts = [f"{event.created_at:%Y-%m-%d %H:%M:%S}", event.address or "–", who, words_of(event.verb), event.text]
    return "  ".join(part for part in parts if part)
