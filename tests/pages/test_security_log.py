"""Settings › Security log: whom it is for, what it shows and finds, as a file, and quickly."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from webapp.accounts import security, tasks
from webapp.accounts.models import Membership, Role, SecurityEvent, User, Workspace
from webapp.accounts.security_verbs import KINDS, VERBS, kind_of
from webapp.pages import security_log

ClientOf = Callable[[User], Client]
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def nothing_counted(settings: Any, tmp_path: Any) -> None:
    settings.MAQUETTE_DATA = tmp_path
    cache.clear()


def happened(
    verb: str, user: User, workspace: Workspace | None = None, address: str = "203.0.113.9", **fields: Any
) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=address, HTTP_USER_AGENT=AGENT)
    security.record(request, verb, user=user, workspace=workspace, **fields)


def page(client: Client, name: str = "security_log", **query: str) -> str:
    answer = client.get(reverse(name), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_says_who_did_what_from_where(user: User, workspace: Workspace, client_of: ClientOf) -> None:
    happened("signed_in", user)
    happened("data_downloaded", user, workspace, text="rows, v1, csv")
    shown = page(client_of(user))
    for words in (
        "Signed in",
        "Downloaded data",
        "rows, v1, csv",
        "203.0.113.9",
        "Firefox on Linux",
        "ada@example.org",
    ):
        assert words in shown


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.EDITOR, 403), (Role.VIEWER, 403)]
)
def test_it_is_for_administrators(role: Role, status: int, user: User, client_of: ClientOf) -> None:
    Membership.objects.filter(user=user).update(role=role)
    browser = client_of(user)
    assert browser.get(reverse("security_log")).status_code == status
    answer = browser.get(reverse("security_log"), {"format": "csv"})
    assert answer.status_code == status
    answer.close()
    assert browser.get(reverse("own_security_log")).status_code == 200
    assert ("Security log" in browser.get(reverse("settings")).content.decode()) == (status == 200)


def test_another_workspace_sees_nothing_of_it(
    user: User, workspace: Workspace, outsider: User, client_of: ClientOf
) -> None:
    happened("signed_in", user, address="192.0.2.123")
    happened("price_changed", user, workspace, address="192.0.2.123")
    for name in ("security_log", "own_security_log"):
        assert "192.0.2.123" not in page(client_of(outsider), name)
        assert "192.0.2.123" not in page(client_of(outsider), name, who=str(user.pk))


def test_everybody_sees_their_own_in_all_workspaces_once(user: User, outsider: User, client_of: ClientOf) -> None:
    happened("signed_in", user)
    happened("model_downloaded", user, outsider.workspaces.get())
    shown = page(client_of(user), "own_security_log")
    assert shown.count("<span>Signed in</span>") == 1
    assert "Downloaded a model" in shown


def test_filters_by_kind_person_and_day(user: User, workspace: Workspace, client_of: ClientOf) -> None:
    other = User.objects.create_user("bob@example.org")
    Membership.objects.create(workspace=workspace, user=other, role=Role.EDITOR)
    happened("price_changed", user, workspace)
    happened("data_downloaded", other, workspace)
    SecurityEvent.objects.filter(user=user).update(created_at=timezone.now() - timedelta(days=3))
    browser, today = client_of(user), f"{timezone.now():%Y-%m-%d}"
    for query in ({"kind": "downloads"}, {"who": str(other.pk)}, {"day": today}):
        shown = page(browser, **query)
        assert "Downloaded data" in shown
        assert "Changed a price" not in shown


def test_a_filter_that_cannot_be_is_said(user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    happened("signed_in", user)
    for query in (
        {"kind": "<b>"},
        {"who": "999999"},
        {"day": "yesterday"},
        {"before": "x,y"},
        {"day": "9999-12-31"},
        {"day": "0001-01-01"},
        {"before": "0001-01-01T00:00:00+23:59,x"},
        {"before": "9999-12-31T23:59:59-23:59"},
        {"before": "2026-01-01"},
    ):
        shown = page(browser, **query)
        assert "Signed in" in shown
        assert "before" in query or "_error" in shown, query


def test_pages_go_on_where_the_last_ended(user: User, workspace: Workspace, client_of: ClientOf) -> None:
    moment = timezone.now()
    made = [
        SecurityEvent(verb="signed_in", kind="sign_in", workspace=workspace, user=user, text=f"number {number};")
        for number in range(120)
    ]
    SecurityEvent.objects.bulk_create(made)
    SecurityEvent.objects.update(created_at=moment)  # many of one moment are told apart by their ids
    browser, seen, query = client_of(user), [], {}
    for _page in range(3):
        answer = browser.get(reverse("security_log"), query)
        seen += [line.event.text for line in answer.context["lines"]]
        query = {"before": answer.context["older"]}
    assert answer.context["older"] is None
    assert len(seen) == len(set(seen)) == 120


def test_the_file_holds_every_event_once(
    user: User, workspace: Workspace, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent in pieces, and the events of one moment may end a piece."""
    monkeypatch.setattr(security_log, "CSV_ROWS", 7)
    SecurityEvent.objects.bulk_create(
        SecurityEvent(verb="data_downloaded", kind="downloads", workspace=workspace, user=user, text=f"{number:03}")
        for number in range(45)
    )
    moments = [timezone.now() - timedelta(hours=hour) for hour in range(3)]
    for number, event in enumerate(SecurityEvent.objects.filter(verb="data_downloaded")):
        SecurityEvent.objects.filter(pk=event.pk).update(created_at=moments[number % 3])
    answer = client_of(user).get(reverse("security_log"), {"format": "csv", "kind": "downloads"})
    texts = [row["text"] for row in csv.DictReader(io.StringIO(b"".join(answer).decode()))]
    assert sorted(texts) == [f"{number:03}" for number in range(45)]


def test_the_file_begins_no_formula(user: User, workspace: Workspace, client_of: ClientOf) -> None:
    happened("data_downloaded", user, workspace, text="=HYPERLINK(1)")
    browser = client_of(user)
    answer = browser.get(reverse("security_log"), {"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert rows[0]["text"] == "'=HYPERLINK(1)"
    assert rows[0]["address"] == "203.0.113.9"
    assert rows[0]["email"] == "ada@example.org"
    assert SecurityEvent.objects.filter(verb="security_log_downloaded", workspace=workspace).count() == 1


def test_many_events_are_no_slower(user: User, workspace: Workspace, client_of: ClientOf) -> None:
    """The index gives the newest at once; nothing is counted or sorted."""
    rows = [SecurityEvent(verb="signed_in", kind="sign_in", workspace=workspace, user=user) for _number in range(5000)]
    SecurityEvent.objects.bulk_create(rows)
    browser = client_of(user)
    for query in ({}, {"kind": "downloads"}, {"who": str(user.pk)}):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(browser, **query)
        (asked,) = [one["sql"] for one in queries if "securityevent" in one["sql"] and one["sql"].startswith("SELECT")]
        assert len(queries) < 15
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {asked}")
                plan = " ".join(str(row) for row in cursor.fetchall())
            assert "USING INDEX security_of" in plan
            assert "SCAN accounts_securityevent" not in plan


def test_a_later_page_is_found_by_its_time() -> None:
    """PostgreSQL reads an index from a bound that stands alone; of the two halves of an OR it makes none, and reads all newer
    events for each page again."""
    bound = str(security_log.older(SecurityEvent.objects.all(), timezone.now(), "x").query).partition(" AND (")[0]
    assert '"created_at" <= ' in bound


def test_old_events_go(user: User, settings: Any) -> None:
    for days in (1, 179, 181, 400):
        happened("signed_in", user)
        SecurityEvent.objects.filter(text="").update(created_at=timezone.now() - timedelta(days=days), text=str(days))
    tasks.sweep()
    assert {event.text for event in SecurityEvent.objects.all()} == {"1", "179"}
    settings.SECURITY_LOG_DAYS = 0
    SecurityEvent.objects.update(created_at=timezone.now() - timedelta(days=4000))
    assert security.prune() == 0


def test_every_event_is_of_a_kind() -> None:
    kinds = {verb: kind_of(verb) for verb in VERBS}
    assert set(kinds.values()) == set(KINDS)
    assert (kinds["sign_in_failed"], kinds["token_refused"], kinds["access_refused"]) == (
        "sign_in",
        "tokens",
        "refusals",
    )
    assert (kinds["member_removed"], kinds["demo_deleted"], kinds["password_reset"]) == (
        "members",
        "deletions",
        "account",
    )
    assert all(len(kind) <= 12 for kind in KINDS)
    assert security_log.PAGE < security_log.MAX_MEMBERS


def printed(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command("security_log", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_operator_sees_all(user: User, workspace: Workspace, outsider: User) -> None:
    happened("signed_in", user)
    happened("price_changed", outsider, outsider.workspaces.get())
    happened("sign_in_failed", user)
    assert [line.split("  ")[3] for line in printed()] == ["Signed in", "Changed a price", "Wrong email or password"]
    lines = [json.loads(line) for line in printed("--json", "--since", "1h")]
    assert [line["event"] for line in lines] == ["signed_in", "price_changed", "sign_in_failed"]
    assert lines[0]["email"] == "ada@example.org"
    assert len(printed("--event", "sign_in_failed", "--event", "price_changed")) == 2
    assert len(printed("--user", "Ada@example.org")) == 2
    assert printed("--address", "192.0.2.1") == []
    SecurityEvent.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert printed("--since", "12h") == []
    assert len(printed("--since", f"{timezone.now() - timedelta(days=3):%Y-%m-%d}")) == 3


@pytest.mark.parametrize("since", ["soon", "2026-13-45", "7w", ""])
def test_a_time_that_is_none_is_refused_in_words(since: str, db: None) -> None:
    with pytest.raises(CommandError, match="is no time"):
        printed("--since", since)
