"""The page “Label”: without its script one form after another, with it JSON; and who sees it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from tests import things
from tests.labelling.rows import as_dataset, made_from, read
from tests.pages.form_page import Page
from tests.trainer.data_files import picture, zipped
from trainer.data.inspect import inspect
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.answers import of_task
from webapp.datasets.models import Dataset
from webapp.labelling.models import Decision
from webapp.labelling.queue import Cell, Item
from webapp.prototypes.actions import create_prototype
from webapp.prototypes.models import Prototype

ClientOf = Callable[[User], Client]
JSON = {"Accept": "application/json"}


@pytest.fixture
def prototype(user: User, dataset: Dataset) -> Prototype:
    return create_prototype(dataset, user)


@pytest.fixture
def browser(user: User, client_of: ClientOf) -> Client:
    return client_of(user)


def decide(browser: Client, prototype: Prototype, row: int, **fields: str) -> Any:
    version = prototype.dataset.current
    sent = {"version": version.pk if version else "", "row": row, **fields}
    return browser.post(reverse("label", args=[prototype.pk]), sent, headers=JSON)


def test_a_row_after_another_without_script(prototype: Prototype, browser: Client) -> None:
    address = reverse("label", args=[prototype.pk])
    page = browser.get(f"{address}?order=file").content.decode()
    assert "question number 0 about it" in page
    assert 'data-key="1"' in page
    version = prototype.dataset.current
    assert version is not None
    answer = browser.post(address, {"version": version.pk, "row": "31", "value": "good"}, follow=True)
    assert answer.redirect_chain == [(address, 302)]
    assert Decision.objects.get().value == "good"
    answer = browser.post(reverse("undo_label", args=[prototype.pk]), {"version": version.pk}, follow=True)
    assert "Undone: row 31." in answer.content.decode()
    answer = browser.post(reverse("finish_labels", args=[prototype.pk]), follow=True)
    assert "Nothing was labelled since the last version." in answer.content.decode()


def test_labels_beyond_the_keys_are_found_by_typing(prototype: Prototype, browser: Client) -> None:
    version = prototype.dataset.current
    assert version is not None
    version.profile["labels"] = [{"label": f"label {number}", "count": 2} for number in range(70)]
    version.save()
    page = browser.get(f"{reverse('label', args=[prototype.pk])}?order=file").content.decode()
    assert 'value="label 34" data-key="z"' in page
    assert 'value="label 35" data-key=""' in page
    assert page.count('<option value="label ') == 70


def test_done_shows_the_version_being_read(prototype: Prototype, browser: Client) -> None:
    decide(browser, prototype, 31, value="good")
    answer = browser.post(reverse("finish_labels", args=[prototype.pk]))
    assert (answer.status_code, answer["Location"]) == (302, reverse("data", args=[prototype.pk]))
    assert "is being made" in browser.get(reverse("label", args=[prototype.pk])).content.decode()
    assert read(prototype.dataset).number == 2


def test_the_script_is_told_how_far_it_is(prototype: Prototype, browser: Client) -> None:
    assert decide(browser, prototype, 31, new=" a new label ").json()["labelled"] == 31
    assert Decision.objects.get(row=31).value == "a new label"
    assert decide(browser, prototype, 32, action="skip").json()["pool"] == 29
    told = decide(browser, prototype, 33, action="leave_out").json()
    assert (told["pool"], told["pending"]) == (28, 2)


def test_more_cards_are_none_that_are_there(prototype: Prototype, browser: Client) -> None:
    address = f"{reverse('label', args=[prototype.pk])}?cards=1&order=file"
    cards = browser.get(f"{address}&without=31&without=33").content.decode()
    assert "question number 1 about it" in cards
    assert "question number 0 about it" not in cards
    assert "question number 2 about it" not in cards
    assert "<html" not in cards


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"value": ""}, "bad_label"), ({"value": "x" * 201}, "bad_label"), ({"row": "x", "value": "a"}, "no_row")],
)
def test_what_cannot_be_a_decision_is_told(fields: Any, code: str, prototype: Prototype, browser: Client) -> None:
    answer = decide(browser, prototype, **{"row": 31, **fields})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not Decision.objects.exists()


def test_a_page_of_an_older_version_changes_nothing(prototype: Prototype, browser: Client) -> None:
    address = reverse("label", args=[prototype.pk])
    answer = browser.post(address, {"version": "old", "row": "31", "value": "a"})
    assert answer.status_code == 409
    assert "There is a newer version" in Page(answer.content.decode()).alerts[0]
    assert not Decision.objects.exists()


def test_of_other_tasks_it_says_so(workspace: Workspace, browser: Client) -> None:
    prototype = things.prototype(workspace)
    version = prototype.dataset.current
    version.profile["suggestion"] = {"task": "summarization", "columns": {"document": "text", "summary": "note"}}
    version.save()
    page = browser.get(reverse("label", args=[prototype.pk])).content.decode()
    assert "Rows of this task cannot be labelled here." in page


def test_the_data_page_leads_to_it(prototype: Prototype, browser: Client) -> None:
    page = browser.get(f"/prototypes/{prototype.pk}/data").content.decode()
    assert f'<p><a href="/prototypes/{prototype.pk}/label">Label them</a></p>' in page


def test_a_viewer_sees_no_tab(prototype: Prototype, workspace: Workspace, client_of: ClientOf) -> None:
    for role, sees in ((Role.VIEWER, False), (Role.LABELLER, True)):
        member = User.objects.create_user(f"{role}@example.org")
        Membership.objects.create(workspace=workspace, user=member, role=role)
        address = reverse("label", args=[prototype.pk])
        page = client_of(member).get(reverse("data", args=[prototype.pk])).content.decode()
        assert (f'href="{address}"' in page) == sees
        assert client_of(member).get(address).status_code == (200 if sees else 403)


def test_a_card_shows_what_a_person_must_see_to_decide(workspace: Workspace) -> None:
    shown = [
        Item(1, [Cell("image", "picture", "image", f"{'0' * 24}.png"), Cell("text", "caption", "text", "a <b>")]),
        Item(2, [Cell("audio", "sound", "audio", f"{'0' * 24}.wav")]),
        Item(3, [Cell("", "age", "number", "42"), Cell("", "size", "number", None)]),
    ]
    context = {"prototype": things.prototype(workspace), "cards": shown, "kind": of_task("text-classification")}
    image, audio, table = render_to_string("labelling/_cards.html", context).split("</article>")[:3]
    assert 'alt="Picture of row 1"' in image
    assert "a &lt;b&gt;" in image
    assert 'aria-label="Sound of row 2"' in audio
    assert ["hidden>" in card for card in (image, audio, table)] == [False, True, True]
    assert '<dd class="breakall">42</dd>' in table
    assert '<dd class="breakall">–</dd>' in table


def test_data_without_any_label_can_be_labelled_from_the_start(
    user: User, workspace: Workspace, browser: Client, tmp_path: Path
) -> None:
    content = "\n".join(["text", *(f"question number {row} about it" for row in range(40))])
    dataset = made_from(content.encode(), user, workspace, tmp_path)
    prototype = create_prototype(dataset, user)
    address = reverse("label", args=[prototype.pk])
    assert "Label these rows" in browser.get(address).content.decode()
    assert browser.post(reverse("begin_labels", args=[prototype.pk])).status_code == 302
    version = read(dataset)
    assert version.suggestion["task"] == "text-classification"
    assert (version.split["pool"], version.rows) == (40, 40)
    assert decide(browser, prototype, 1, new="good").json()["labelled"] == 1
    assert 'data-key="1"' in browser.get(address).content.decode()
    begin = reverse("begin_labels", args=[prototype.pk])
    assert browser.post(begin, {"task": "text-regression"}).status_code == 422
    assert browser.post(begin, {"task": "text-classification"})["Location"] == address


def test_what_is_answered_from_the_start_can_be_chosen(
    user: User, workspace: Workspace, browser: Client, tmp_path: Path
) -> None:
    content = "\n".join(["text", *(f"question number {row} about it" for row in range(40))])
    dataset = made_from(content.encode(), user, workspace, tmp_path)
    prototype = create_prototype(dataset, user)
    page = browser.get(reverse("label", args=[prototype.pk])).content.decode()
    assert '<option value="text-regression">' in page
    assert "object-detection" not in page
    address = reverse("begin_labels", args=[prototype.pk])
    assert browser.post(address, {"task": "object-detection"}).status_code == 422
    assert browser.post(address, {"task": "text-regression"}).status_code == 302
    version = read(dataset)
    assert version.suggestion["columns"] == {"text": "text", "target": "target"}
    assert decide(browser, prototype, 1, value="3.5", save="1").json()["labelled"] == 1
    page = browser.get(reverse("label", args=[prototype.pk])).content.decode()
    assert "Label something else in these rows" in page
    assert "so far" not in page


def test_pictures_without_labels_lead_to_label_and_to_what_they_are_answered_with(
    user: User, workspace: Workspace, browser: Client, api_of: ClientOf, tmp_path: Path
) -> None:
    inspect([zipped(tmp_path / "a.zip", {f"{n}.png": picture(n + 1) for n in range(3)})], tmp_path / "v1")
    dataset = as_dataset(workspace, user, tmp_path / "v1")
    first = dataset.versions.get()
    shutil.copytree(tmp_path / "v1", first.folder)
    prototype = create_prototype(dataset, user)
    data = browser.get(reverse("data", args=[prototype.pk])).content.decode()
    assert "3 rows without labels" in data
    assert data.index('<option value="image-classification">') < data.index('<option value="object-detection">')
    address = reverse("begin_labels", args=[prototype.pk])
    assert browser.post(address, {"task": "image-classification"})["Location"] == f"/prototypes/{prototype.pk}/label"
    assert "Label something else in these rows" in browser.get(reverse("label", args=[prototype.pk])).content.decode()
    api = api_of(user)
    begin = {"path": f"/api/v1/datasets/{dataset.pk}/labels/begin", "content_type": "application/json"}
    assert api.post(data='{"task": "image-classification"}', **begin).json()["version"] == first.number
    assert api.post(data='{"task": "translation"}', **begin).status_code == 422
    assert api.post(data='{"task": "image-regression"}', **begin).status_code == 202
    version = read(dataset)
    assert (version.suggestion["task"], version.suggestion["columns"]["target"]) == ("image-regression", "target")
    assert api.post(data='{"task": "object-detection"}', **begin).status_code == 202
    version = read(dataset)
    assert (version.suggestion["task"], version.split["pool"]) == ("object-detection", 3)
    assert decide(browser, prototype, 1, value="[]").json()["labelled"] == 1
