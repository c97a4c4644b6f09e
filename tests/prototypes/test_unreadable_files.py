"""A file that cannot be used fails on the New page and leaves nothing; the next one goes into the same prototype."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.site import rows_of
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.costs.gate import month
from webapp.datasets import reading
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.pages import activity
from webapp.pages.overview import overview
from webapp.prototypes import actions
from webapp.prototypes.models import Prototype

UNREADABLE = {
    "empty.csv": b"",
    "report.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n",
    "header.csv": b"text,label\n",
    "page.csv": b"<!doctype html><html><body>Not found</body></html>",
}


@pytest.fixture
def browser(client_of: Callable[[User], Client], user: User) -> Client:
    return client_of(user)


def send(browser: Client, address: str, name: str, content: bytes) -> Prototype:
    """Send a file as the form does, and do what the worker would."""
    answer = browser.post(address, {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 302, answer.content.decode()
    prototype = Prototype.objects.get(pk=answer["Location"].split("/")[2])
    version = prototype.dataset.latest
    assert version is not None
    reading.read(version.pk)
    return prototype


@pytest.mark.parametrize("name", UNREADABLE)
def test_it_fails_on_the_new_page_and_no_list_shows_it(browser: Client, name: str) -> None:
    prototype = send(browser, reverse("new_prototype"), name, UNREADABLE[name])
    page = browser.get(reverse("data", args=[prototype.pk])).content.decode()
    version = prototype.dataset.latest
    assert version is not None
    assert version.error is not None
    assert 'id="unreadable"' in page
    assert "data-upload" in page
    assert reverse("replace_data", args=[prototype.pk]) in page
    home = browser.get(reverse("home"), follow=True).content.decode()
    assert reverse("data", args=[prototype.pk]) not in home
    assert "Ready to train" not in page


def test_the_next_file_goes_into_the_same_prototype(browser: Client, workspace: Workspace) -> None:
    prototype = send(browser, reverse("new_prototype"), "empty.csv", b"")
    first = prototype.dataset
    again = send(browser, reverse("replace_data", args=[prototype.pk]), "messages.csv", rows_of(60))
    assert again == prototype
    assert (again.name, again.dataset.name) == ("messages", "messages")
    assert Prototype.objects.for_workspace(workspace).count() == 1
    assert not Dataset.objects.filter(pk=first.pk).exists()
    assert not first.upload_folder.exists()
    page = browser.get(reverse("data", args=[prototype.pk])).content.decode()
    assert 'id="grid"' in page


def test_a_name_that_was_given_stays(browser: Client, user: User, workspace: Workspace) -> None:
    prototype = send(browser, reverse("new_prototype"), "empty.csv", b"")
    actions.rename(prototype, user, "Triage", "")
    assert send(browser, reverse("replace_data", args=[prototype.pk]), "messages.csv", rows_of(60)).name == "Triage"


def test_data_that_could_be_read_are_not_replaced(browser: Client) -> None:
    prototype = send(browser, reverse("new_prototype"), "messages.csv", rows_of(60))
    before = Dataset.objects.count()
    answer = browser.post(
        reverse("replace_data", args=[prototype.pk]), {"file": SimpleUploadedFile("b.csv", rows_of(80))}
    )
    assert answer.status_code == 409
    prototype.refresh_from_db()
    assert prototype.dataset.name == "messages"
    assert Dataset.objects.count() == before


@pytest.mark.parametrize(("field", "typed"), [("rows", " \n "), ("hub", "no such name / at all")])
def test_a_refused_form_keeps_what_was_typed(browser: Client, field: str, typed: str) -> None:
    answer = browser.post(reverse("new_prototype"), {field: typed, "name": "Mine"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="{field}_error"' in page
    assert f'aria-describedby="{field}_error"' in page
    assert typed in page
    assert not Prototype.objects.exists()


def test_after_a_day_nothing_is_left(browser: Client) -> None:
    kept = send(browser, reverse("new_prototype"), "messages.csv", rows_of(60))
    unread = send(browser, reverse("new_prototype"), "empty.csv", b"")
    actions.sweep_unread()
    assert Prototype.objects.count() == 2
    DatasetVersion.objects.update(finished_at=timezone.now() - timedelta(days=2))
    actions.sweep_unread()
    assert list(Prototype.objects.all()) == [kept]
    assert not unread.dataset.upload_folder.exists()
    assert DatasetVersion.objects.filter(status=Status.FAILED).count() == 0


def test_a_version_that_could_not_be_made_is_told_and_the_one_before_stays(browser: Client, user: User) -> None:
    prototype = send(browser, reverse("new_prototype"), "messages.csv", rows_of(60))
    version = prototype.dataset.current
    assert version is not None
    failed = DatasetVersion.objects.create(
        workspace=version.workspace,
        dataset=version.dataset,
        number=2,
        parent=version,
        status=Status.FAILED,
        error={"code": "bad_change", "message": "No row would be left.", "hint": "Choose fewer rows."},
    )
    page = browser.get(reverse("data", args=[prototype.pk])).content.decode()
    assert "No row would be left." in page
    assert 'id="grid"' in page
    assert browser.get(reverse("data", args=[prototype.pk]) + f"?version={failed.number}").status_code == 200


def told(workspace: Workspace) -> list[tuple[str, str]]:
    entries = activity.recent(workspace, overview(workspace, month(workspace)))
    return [(entry.event.verb, entry.event.text) for entry in entries if isinstance(entry, activity.Happening)]


def test_recent_activity_does_not_tell_of_it(browser: Client, workspace: Workspace) -> None:
    send(browser, reverse("new_prototype"), "messages.csv", rows_of(60))
    send(browser, reverse("new_prototype"), "report.pdf", UNREADABLE["report.pdf"])
    assert told(workspace) == [("created", "messages")]
    page = browser.get(reverse("home")).content.decode()
    assert "report" not in page.partition('id="late"')[2].partition("</section>")[0]
    DatasetVersion.objects.filter(status=Status.FAILED).update(finished_at=timezone.now() - timedelta(days=2))
    actions.sweep_unread()
    assert Prototype.objects.count() == 1
    assert told(workspace) == [("created", "messages")]
    logged = set(AuditEvent.objects.for_workspace(workspace).values_list("verb", "subject", "text"))
    assert {("discarded", "prototype", ""), ("discarded", "dataset", "")} <= logged
    assert not [text for _verb, _subject, text in logged if "report" in text]  # erased, with its name


def test_recent_activity_tells_of_the_file_that_took_its_place(browser: Client, workspace: Workspace) -> None:
    prototype = send(browser, reverse("new_prototype"), "empty.csv", b"")
    assert told(workspace) == []
    send(browser, reverse("replace_data", args=[prototype.pk]), "messages.csv", rows_of(60))
    assert told(workspace) == [("uploaded", "messages"), ("created", "empty")]


def test_the_api_does_not_list_it(browser: Client, user: User, api_of: Callable[[User], Client]) -> None:
    kept = send(browser, reverse("new_prototype"), "messages.csv", rows_of(60))
    unread = send(browser, reverse("new_prototype"), "empty.csv", b"")
    client = api_of(user)
    assert [one["id"] for one in client.get("/api/v1/prototypes").json()["items"]] == [kept.pk]
    assert client.get(f"/api/v1/datasets/{unread.dataset_id}").json()["status"] == "failed"
