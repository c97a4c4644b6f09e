"""Guests label by a link: a share of the rows, personal data masked, nothing else; and how far people agree."""

import logging
import random
import shutil
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from tests.labelling.rows import as_dataset, made_from, read
from tests.trainer.data_files import picture, sound, zipped
from trainer.data.inspect import inspect
from webapp.accounts.models import User, Workspace
from webapp.answers.classes import OneLabel
from webapp.core.logs import RedactingFormatter
from webapp.core.problems import Problem
from webapp.core.ranges import in_range
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.datasets.rows import connect, names_of
from webapp.datasets.rows import read as read_rows
from webapp.labelling import actions, doubts, guests
from webapp.labelling.agreement import agreement_of, alpha_of
from webapp.labelling.models import Decision, GuestLink, Opinion
from webapp.labelling.queue import in_pool
from webapp.prototypes.actions import create_prototype
from webapp.prototypes.models import Prototype

ROWS = "text,label\n" + "".join(f"order {n} came,{'good' if n % 2 else 'bad'}\n" for n in range(40))
ROWS += "".join(f"write to guest{n}@example.org about it,\n" for n in range(60))


@pytest.fixture
def prototype(user: User, workspace: Workspace, tmp_path: Path) -> Prototype:
    return create_prototype(made_from(ROWS.encode(), user, workspace, tmp_path), user)


@pytest.fixture
def link(prototype: Prototype, user: User) -> GuestLink:
    return guests.create(prototype, user, "Intern", 14, 100)


def version_of(prototype: Prototype) -> DatasetVersion:
    version = prototype.dataset.current
    assert version is not None
    return version


def asked(page: str) -> str:
    return page.partition('name="row" value="')[2].partition('"')[0]


def give(browser: Client, link: GuestLink, value: str, row: str | int, version: str = "") -> Any:
    sent = {"version": version or version_of(link.prototype).pk, "row": row, "value": value}
    return browser.post(reverse("guest_label", args=[link.token]), sent)


def test_a_guest_labels_masked_rows_and_sees_nothing_else(link: GuestLink, prototype: Prototype) -> None:
    Prototype.objects.update(name="A secret idea")
    guests.describe(version_of(prototype), "good", "what customers praise")
    browser, address = Client(), reverse("guest_label", args=[link.token])
    page = browser.get(address).content.decode()
    assert "⟨email⟩" in page
    assert "@example.org" not in page
    assert "what customers praise" in page
    assert "secret idea" not in page
    row = asked(page)
    assert give(browser, link, "good", row).status_code == 302
    made = Decision.objects.get()
    assert (made.row, made.value, made.guest, made.person, made.source) == (int(row), "good", link, None, "person")
    again = browser.get(address).content.decode()
    assert asked(again) != row
    assert "1 row labelled" in again
    for name in ("label", "data", "label_guests"):
        assert browser.get(reverse(name, args=[prototype.pk])).status_code in (302, 404)


@pytest.mark.parametrize("ended", ["revoked", "expired", "nobody"])
def test_a_link_that_ended_in_mid_work_says_so_and_loses_nothing(ended: str, link: GuestLink, user: User) -> None:
    browser = Client()
    give(browser, link, "good", 41)
    if ended == "revoked":
        guests.revoke(link, user)
    elif ended == "expired":
        GuestLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        link.token = "x" * 32
    answer = give(browser, link, "good", 42)
    assert answer.status_code == 410
    assert "Everything that you labelled is kept." in answer.content.decode()
    assert [one.row for one in Decision.objects.all()] == [41]


@pytest.mark.parametrize(
    ("value", "row", "version", "words"),
    [
        ("never heard of", 41, "", "Choose a label."),
        ("good", 1, "", "has a label already"),
        ("good", "x", "", "has a label already"),
        ("good", 41, "another", "What you labelled before is kept."),
        ("l" * 10_000, 41, "", "Choose a label."),
    ],
)
def test_what_cannot_be_a_label_is_told(value: str, row: Any, version: str, words: str, link: GuestLink) -> None:
    answer = give(Client(), link, value, row, version)
    assert answer.status_code in (409, 422)
    assert words in answer.content.decode()
    assert not Decision.objects.exists()


def test_one_row_in_ten_has_a_label_by_somebody_else(link: GuestLink, prototype: Prototype, user: User) -> None:
    version = version_of(prototype)
    actions.decide(version, user, [actions.Entry(row, "good") for row in range(41, 51)])
    for _turn in range(20):
        item = guests.next_item(link, version)
        assert item is not None
        guests.decide(link, version, item.row, "bad")
    assert (Opinion.objects.count(), link.decisions.count()) == (2, 18)
    assert {one.value for one in Decision.objects.filter(guest=None)} == {"good"}


def test_who_comes_second_is_kept_as_a_second_opinion_and_its_row_is_disputed(
    link: GuestLink, prototype: Prototype, user: User
) -> None:
    version = version_of(prototype)
    actions.decide(version, user, [actions.Entry(41, "good")])
    guests.decide(link, version, 41, "bad")
    assert guests.units_of(prototype) == [["bad", "good"]]
    actions.done(version, user)
    after = read(prototype.dataset)
    found = doubts.items(after, "disputed", "", 5)
    assert [(item.row, item.label, item.suggestion and item.suggestion.label) for item in found] == [
        (41, "good", "bad")
    ]


def test_a_share_is_about_that_large_and_stays_the_same(link: GuestLink) -> None:
    link.share = 30
    rows = [row for row in range(1, 10_001) if guests.in_share(link, row)]
    assert 2_800 < len(rows) < 3_200
    assert guests.in_share(link, rows[0])


@pytest.mark.parametrize(
    ("name", "days", "share"), [("", 1, 50), ("x", 0, 50), ("x", 366, 50), ("x", 1, 0), ("x", 1, 101)]
)
def test_links_that_cannot_be_are_refused(name: str, days: int, share: int, prototype: Prototype, user: User) -> None:
    with pytest.raises(Problem):
        guests.create(prototype, user, name, days, share)


def test_the_page_makes_revokes_and_describes(
    link: GuestLink, prototype: Prototype, user: User, client_of: Callable[[User], Client]
) -> None:
    browser, address = client_of(user), reverse("label_guests", args=[prototype.pk])
    browser.post(address, {"action": "invite", "name": "Customer", "days": "3", "share": "50"})
    page = browser.post(
        address, {"action": "describe", "label": "bad", "words": "what they complain about"}, follow=True
    )
    assert "what they complain about" in page.content.decode()
    assert "Customer" in page.content.decode()
    page = browser.post(address, {"action": "revoke", "link": link.pk}, follow=True)
    assert "What was labelled is kept." in page.content.decode()
    assert "does not work any more" in page.content.decode()


def test_alpha_is_that_of_published_examples() -> None:
    """Krippendorff 2011: binary data of two observers (0.095), nominal data of two (0.692)."""
    nominal = OneLabel().apart
    binary = list(zip("0100000000", "1110011000", strict=True))
    assert alpha_of(binary, nominal) == pytest.approx(0.095, abs=0.001)
    same = list(zip("aabbddccceddaa"[:12], "aabbddccceddaa"[:12], strict=True))
    assert alpha_of(same, nominal) == 1.0
    first, second = "aabbdcccedda", "babbbcccedd" + "d"
    assert alpha_of(list(zip(first, second, strict=True)), nominal) == pytest.approx(0.692, abs=0.001)


def test_agreement_has_an_interval_and_names_the_pair_that_is_disputed_most() -> None:
    generator = random.Random(1)
    units = [("card", "card" if generator.random() < 0.8 else "cash") for _row in range(100)]
    units += [("cash", "cash")] * 100
    found = agreement_of(units)
    assert found is not None
    assert found.low < found.alpha < found.high
    assert (found.rows, found.pair) == (200, ("card", "cash"))
    assert agreement_of(units[:9]) is None


def test_a_guest_labels_no_row_beyond_their_share(prototype: Prototype, user: User) -> None:
    version = version_of(prototype)
    link = guests.create(prototype, user, "Intern", 14, 20)
    pool = range(41, 101)
    own = [row for row in pool if guests.in_share(link, row)]
    other = next(row for row in pool if row not in own)
    with pytest.raises(Problem):
        guests.decide(link, version, other, "good")
    guests.decide(link, version, own[0], "good")
    assert [one.row for one in Decision.objects.all()] == [own[0]]


def test_the_address_is_the_public_one_and_stays_out_of_logs(
    client_of: Callable[[User], Client], prototype: Prototype, user: User, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://models.example.org"
    link = guests.create(prototype, user, "Intern", 14, 100)
    page = client_of(user).get(reverse("label_guests", args=[prototype.pk])).content.decode()
    assert f"https://models.example.org/guests/{link.token}" in page
    record = logging.makeLogRecord({"msg": f"GET /guests/{link.token} 500", "levelname": "ERROR"})
    assert link.token not in RedactingFormatter("%(message)s").format(record)


def rows_in_share(link: GuestLink) -> list[int]:
    """Twelve of the pool."""
    return [row for row in range(41, 101) if guests.in_share(link, row)][:12]


def test_by_rest(prototype: Prototype, user: User, api_of: Callable[[User], Client]) -> None:
    api, address = api_of(user), f"/api/v1/prototypes/{prototype.pk}/guests"
    made = api.post(address, {"name": "Intern", "share": 50}, content_type="application/json")
    assert made.status_code == 201, made.content
    link = GuestLink.objects.get()
    assert made.json()["address"].endswith(reverse("guest_label", args=[link.token]))
    assert Client().get(reverse("guest_label", args=[link.token])).status_code == 200
    assert [(one["share"], one["works"], one["labelled"]) for one in api.get(address).json()["items"]] == [
        (50, True, 0)
    ]
    assert api.get(address).json()["agreement"] is None
    version = version_of(prototype)
    actions.decide(version, user, [actions.Entry(row, "good") for row in rows_in_share(link)])
    for at, row in enumerate(rows_in_share(link)):
        guests.decide(link, version, row, "bad" if at < 4 else "good")
    agreed = api.get(address).json()["agreement"]
    assert (agreed["rows"], agreed["pair"], agreed["times"]) == (12, ["bad", "good"], 4)
    assert agreed["low"] <= agreed["alpha"] <= agreed["high"]
    note = {"label": "bad", "words": " what they  complain about"}
    told = api.put(f"{address}/notes", note, content_type="application/json").json()
    assert told == {"label": "bad", "words": "what they complain about"}
    assert api.get(address).json()["notes"] == [told]
    assert "what they complain about" in Client().get(reverse("guest_label", args=[link.token])).content.decode()
    unknown = api.put(f"{address}/notes", note | {"label": "x"}, content_type="application/json")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "bad_label")
    assert api.post(address, {"name": " "}, content_type="application/json").json()["code"] == "bad_guest_link"
    assert api.delete(f"{address}/{link.pk}").status_code == 204
    assert Client().get(reverse("guest_label", args=[link.token])).status_code == 410
    assert [one["works"] for one in api.get(address).json()["items"]] == [False]


def check_second_opinion_beyond_what_is_unshown(link: GuestLink, version: DatasetVersion, user: User) -> None:
    """Of the six rows of the pool, the first three that would be asked about cannot be shown."""
    entries = [actions.Entry(row, "cat") for row in in_pool(version, list(range(1, 19)))]
    actions.decide(version, user, entries)
    pool = list(Decision.objects.order_by("pk").values_list("row", flat=True))
    place = [column["kind"] in ("image", "audio") for column in version.columns].index(True)
    with connect() as cursor:
        rows = read_rows(cursor, version, names_of(version), [row - 1 for row in pool[:3]])
    for record in rows:
        (version.folder / "media" / record["cells"][place]).write_bytes(b"OggS" + bytes(60))
    item = guests.next_item(link, version)
    assert item is not None
    assert item.row == pool[3]


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_media_are_shown_where_it_is_said_that_they_may(
    kind: str,
    user: User,
    workspace: Workspace,
    tmp_path: Path,
    client_of: Callable[[User], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make, ending = {"image": (picture, "png"), "audio": (sound, "wav")}[kind]
    files = {
        f"{label}/{n}.{ending}": make(10 * n + at + 200 * (kind == "audio"))
        for at, label in enumerate(("cat", "dog", "unlabelled"))
        for n in range(6)
    }
    inspect([zipped(tmp_path / "media.zip", files)], tmp_path / "media")
    dataset = as_dataset(workspace, user, tmp_path / "media")
    shutil.copytree(tmp_path / "media", version_of_dataset(dataset).folder)
    prototype = create_prototype(dataset, user)
    page = client_of(user).get(reverse("label_guests", args=[prototype.pk])).content.decode()
    assert {"image": "see the pictures as they are", "audio": "hear the sounds as they are"}[kind] in page
    with pytest.raises(Problem, match="not masked"):
        guests.create(prototype, user, "Intern", 14, 100)
    link = guests.create(prototype, user, "Intern", 14, 100, unmasked=True)
    browser = Client()
    page = browser.get(reverse("guest_label", args=[link.token])).content.decode()
    row = int(asked(page))
    shown = reverse("guest_media", args=[link.token, row])
    assert f"<{'img' if kind == 'image' else 'audio'} " in page
    assert shown in page
    answer = browser.get(shown)
    assert (answer.status_code, answer["Content-Type"]) == (200, f"{kind}/{ending}")
    assert "sandbox" in answer["Content-Security-Policy"]
    whole = answer.getvalue()
    part = browser.get(shown, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.getvalue()) == (206, whole[4:10])
    assert part["Content-Range"] == f"bytes 4-9/{len(whole)}"
    labelled = next(
        number for number in range(1, 19) if number not in in_pool(version_of(prototype), list(range(1, 19)))
    )
    for other in (labelled, 0, 99):
        assert browser.get(reverse("guest_media", args=[link.token, other])).status_code == 404
    monkeypatch.setattr(guests, "TRIED", 2)
    check_second_opinion_beyond_what_is_unshown(link, version_of(prototype), user)
    for file in (version_of(prototype).folder / "media").iterdir():
        file.write_bytes(b"OggS" + bytes(60))
    assert "No row is left" in browser.get(reverse("guest_label", args=[link.token])).content.decode()
    guests.revoke(link, user)
    assert browser.get(shown).status_code == 410


@pytest.mark.parametrize(
    ("asked_for", "status", "content"),
    [
        ("", 200, b"0123456789"),
        ("bytes=0-1", 206, b"01"),
        ("bytes=8-", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=4-99", 206, b"456789"),
        ("bytes=10-", 416, b""),
        ("bytes=5-4", 416, b""),
        ("bytes=-", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_players_get_the_part_that_they_ask_for(asked_for: str, status: int, content: bytes) -> None:
    request = RequestFactory().get("/", headers={"Range": asked_for})
    answer = in_range(request, BytesIO(b"0123456789"), "audio/wav")
    assert (answer.status_code, answer.getvalue(), answer["Accept-Ranges"]) == (status, content, "bytes")
    assert int(answer["Content-Length"]) == len(content)


def version_of_dataset(dataset: Dataset) -> DatasetVersion:
    version = dataset.current
    assert version is not None
    return version
