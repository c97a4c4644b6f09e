"""The security log itself: what an event holds, what it never holds, and who is told of it."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import RequestFactory

from webapp.accounts import actions, security, security_lines
from webapp.accounts.models import SecurityEvent, User, Workspace
from webapp.accounts.security_verbs import OUTCOMES, VERBS

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def nothing_counted(db: None, settings: Any, tmp_path: Path) -> None:
    cache.clear()
    settings.MAQUETTE_DATA = tmp_path


def request_of(user: User | None = None, **meta: str) -> Any:
    meta = {"REMOTE_ADDR": "203.0.113.9", "HTTP_USER_AGENT": AGENT} | meta
    request = RequestFactory().get("/settings", **meta)
    if user:
        request.user = user
    return request


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in security_lines.path().read_text().splitlines()]


def test_an_event_says_who_what_and_from_where(user: User, workspace: Workspace) -> None:
    security.record(request_of(user), "data_downloaded", workspace=workspace, subject="dataset", subject_id="abc")
    event = SecurityEvent.objects.get()
    assert (event.user, event.workspace, event.verb, event.outcome) == (user, workspace, "data_downloaded", "done")
    assert (event.address, event.agent, event.subject, event.subject_id) == ("203.0.113.9", AGENT, "dataset", "abc")


def test_what_a_client_writes_into_headers_is_no_address(user: User) -> None:
    security.record(request_of(user, HTTP_X_FORWARDED_FOR="198.51.100.1"), "signed_in", user=user)
    assert SecurityEvent.objects.get(is_copy=False).address == "203.0.113.9"


def test_commands_and_tasks_have_no_address(user: User) -> None:
    security.record(None, "access_reset", user=user)
    assert SecurityEvent.objects.get(is_copy=False).address == ""


def test_what_is_about_a_person_is_told_to_each_of_their_workspaces(user: User, workspace: Workspace) -> None:
    second = actions.create_workspace(user, "Second")
    security.record(request_of(user), "signed_in")
    assert {event.workspace for event in SecurityEvent.objects.filter(is_copy=True)} == {workspace, second}
    assert SecurityEvent.objects.get(is_copy=False).workspace is None


def test_what_is_about_one_workspace_is_told_to_no_other(user: User, workspace: Workspace) -> None:
    actions.create_workspace(user, "Second")
    security.record(request_of(user), "price_changed", workspace=workspace)
    assert SecurityEvent.objects.get().workspace == workspace


def test_of_an_unknown_address_only_a_hint_is_kept() -> None:
    for given in ("grace.hopper@navy.example", "my secret password", "@", "a@b"):
        security.record(request_of(), "sign_in_failed", email=given)
    events = list(SecurityEvent.objects.order_by("created_at"))
    assert [event.given for event in events] == ["g…@navy.example", "…", "…", "…"]
    again = security.record(request_of(), "sign_in_failed", email=" Grace.Hopper@navy.example")
    assert again
    assert again.given_digest == events[0].given_digest != events[1].given_digest


def test_failures_of_one_address_are_bounded_and_take_no_place_from_others(user: User) -> None:
    for number in range(security.MAX_FAILURES_A_MINUTE + 20):
        security.record(request_of(), "sign_in_failed", email=f"{number}@example.org")
    assert SecurityEvent.objects.count() == security.MAX_FAILURES_A_MINUTE
    security.record(request_of(REMOTE_ADDR="198.51.100.7"), "sign_in_failed", email="a@example.org")
    security.record(request_of(user), "signed_in", user=user)
    assert SecurityEvent.objects.filter(is_copy=False).count() == security.MAX_FAILURES_A_MINUTE + 2


@pytest.mark.django_db(transaction=True)
def test_a_line_is_written_once_it_is_certain(user: User) -> None:
    with transaction.atomic():
        security.record(request_of(user), "price_changed", workspace=user.workspaces.get())
        transaction.set_rollback(True)
    assert not security_lines.path().exists()
    security.record(request_of(user), "price_changed", workspace=user.workspaces.get(), text="a secret name")
    (line,) = lines()
    assert set(line) == {
        *("t", "event", "outcome", "address", "user", "workspace", "via", "subject", "subject_id", "given", "agent")
    }
    assert (line["event"], line["address"], line["user"], line["agent"]) == (
        *("price_changed", "203.0.113.9", user.pk, AGENT),
    )
    assert "ada@" not in str(line)
    assert "secret name" not in str(line)


@pytest.mark.django_db(transaction=True)
def test_a_person_of_several_workspaces_is_one_line(user: User) -> None:
    actions.create_workspace(user, "Second")
    security.record(request_of(user), "signed_in")
    assert len(lines()) == 1


def test_lines_can_go_to_standard_error_or_nowhere(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for where, expected in (("stderr", '{"t": 1}\n'), ("off", "")):
        settings.SECURITY_LOG = where
        security_lines.write({"t": 1})
        assert capsys.readouterr().err == expected
    assert not security_lines.path().exists()


def test_a_full_disk_costs_the_line_and_nothing_else(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    security_lines.write({"t": 1})
    assert (tmp_path / "logs").read_text() == "a file where the folder should be"


def test_the_file_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security_lines, "MAX_BYTES", 100)
    for number in range(200):
        security_lines.write({"number": number})
    kept = sorted(file.name for file in security_lines.path().parent.glob("security.jsonl*"))
    assert kept == ["security.jsonl", *(f"security.jsonl.{number}" for number in range(1, security_lines.KEPT_FILES))]
    assert all(file.stat().st_size < 130 for file in security_lines.path().parent.glob("security.jsonl*"))
    files = security_lines.path().parent.glob("security.jsonl*")
    assert max(json.loads(line)["number"] for file in files for line in file.read_text().splitlines()) == 199


def test_every_event_that_the_site_records_has_words() -> None:
    used = set(verbs_in_code())
    assert used - set(VERBS) == set()
    assert {outcome for outcome, _words in VERBS.values()} == set(OUTCOMES)
    assert all(len(verb) <= 40 for verb in VERBS)


def verbs_in_code() -> Iterator[str]:
    """The literal verbs of all calls of `record`."""
    for file in Path("webapp").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "record":
                yield from (argument.value for argument in node.args[1:2] if is_text(argument))


def is_text(node: ast.expr) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
