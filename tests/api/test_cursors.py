"""Pages of lists: each object once whatever is made meanwhile, and a cursor that is none of ours refused in words."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.api.auth import PAGE, page, read_cursor
from webapp.core.problems import Problem
from webapp.datasets.models import Dataset

LISTS = ("datasets", "prototypes", "runs", "endpoints", "members", "invitations")
NO_CURSORS = (
    "x",
    "1,2,3",
    "1e5,a",
    "9" * 400,
    "-1",
    ",",
    "1700000000000000,abc",
    "1700000000000000," + "9" * 400,
    "999999999999999999999999,a",
    "١٢٣,a",
    "1700000000000000,\ud83d",
)


def show(made: Any) -> dict[str, Any]:
    return {"id": str(made.pk)}


def every_page(rows: Any) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        answer = page(rows, cursor, show)
        pages.append([item["id"] for item in answer["items"]])
        cursor = answer["next"]
        if cursor is None:
            return pages


@pytest.mark.parametrize("count", [0, 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 3])
@pytest.mark.parametrize("moments", [1, 3])
def test_each_object_comes_once_newest_first(workspace: Workspace, count: int, moments: int) -> None:
    """`moments`: how many different times of creation there are."""
    made = Dataset.objects.bulk_create(Dataset(workspace=workspace, name=f"d{n}") for n in range(count))
    now = timezone.now()
    for number, one in enumerate(made):
        one.created_at = now - timedelta(microseconds=number % moments)
    Dataset.objects.bulk_update(made, ["created_at"])
    rows = Dataset.objects.filter(workspace=workspace)
    pages = every_page(rows)
    ids = [pk for each in pages for pk in each]
    wanted = sorted(made, key=lambda one: (one.created_at, one.pk), reverse=True)
    assert ids == [str(one.pk) for one in wanted]
    assert [len(each) for each in pages[:-1]] == [PAGE] * (len(pages) - 1)
    assert len(pages) == max(1, -(-count // PAGE))


def test_what_is_made_between_two_pages_moves_nothing(workspace: Workspace) -> None:
    Dataset.objects.bulk_create(Dataset(workspace=workspace, name=f"d{n}") for n in range(PAGE + 5))
    rows = Dataset.objects.filter(workspace=workspace)
    first = page(rows, None, show)
    things.dataset(workspace, name="new")
    rows.filter(pk=first["items"][0]["id"]).delete()
    second = page(rows, first["next"], show)
    seen = {item["id"] for item in first["items"]} | {item["id"] for item in second["items"]}
    assert len(seen) == PAGE + 5
    assert second["next"] is None


@pytest.mark.parametrize("cursor", ["x", "1e5,a", "9" * 400, ",", "999999999999999999999999,a"])
def test_a_cursor_without_a_moment_is_refused_in_words(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        read_cursor(cursor)
    assert (refused.value.code, refused.value.hint) == (
        "bad_cursor",
        "Send what an answer gave as next, or leave it out.",
    )


@pytest.mark.parametrize("name", LISTS)
def test_no_list_fails_for_a_cursor(user: User, api_of: Callable[[User], Client], name: str) -> None:
    api = api_of(user)
    for cursor in NO_CURSORS:
        answer = api.get(f"/api/v1/{name}", {"cursor": cursor.encode("utf-8", "replace").decode()})
        assert answer.status_code in (200, 400, 422), (cursor, answer.status_code)
        if answer.status_code != 200:
            assert answer.json()["code"] == "bad_cursor", cursor


def test_a_cursor_of_another_workspace_shows_nothing_of_it(
    user: User, outsider: User, api_of: Callable[[User], Client]
) -> None:
    theirs = outsider.workspaces.get()
    Dataset.objects.bulk_create(Dataset(workspace=theirs, name=f"d{n}") for n in range(PAGE + 5))
    cursor = page(Dataset.objects.filter(workspace=theirs), None, show)["next"]
    assert api_of(user).get("/api/v1/datasets", {"cursor": cursor}).json() == {"items": [], "next": None}
