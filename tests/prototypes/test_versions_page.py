"""The data page of a version while a newer one is read, cannot be made, or can be used."""

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import DatasetVersion

ClientOf = Callable[[User], Client]
OLDER = ("An older version, unchanged.", "Restore this version")


def opened(client: Client, workspace: Workspace, status: str, address: str = "") -> str:
    """The data page of a dataset of a ready version 1 and a version 2 in this state."""
    prototype = things.prototype(workspace)
    first = prototype.dataset.current
    ready = {"profile": things.PROFILE, "rows": 3} if status == "ready" else {}
    second = DatasetVersion.objects.create(
        workspace=workspace, dataset=prototype.dataset, parent=first, number=2, status=status, **ready
    )
    if status == "ready":
        things.write_rows(second)
    answer = client.get(reverse("data", args=[prototype.pk]) + address)
    return " ".join(html.unescape(answer.content.decode()).replace("\xa0", " ").split())


def current(shown: str) -> str:
    """The version that is tagged as the current one."""
    tagged = [one for one in shown.partition("Versions</h2>")[2].split("<li>") if ">Current<" in one]
    assert len(tagged) == 1
    return re.search(r"Version \d+", tagged[0])[0]


@pytest.mark.parametrize("status", ["processing", "failed"])
@pytest.mark.parametrize("address", ["", "?version=1"])
def test_the_last_ready_version_is_no_older_one(
    status: str, address: str, user: User, workspace: Workspace, client_of: ClientOf
) -> None:
    shown = opened(client_of(user), workspace, status, address)
    assert not [words for words in OLDER if words in shown]
    assert "Choose a model" in shown
    assert ("Can be changed once version 2 has been read." in shown) == (status == "processing")
    assert ("Creates a new version" in shown) == (status == "failed")
    assert current(shown) == "Version 1"


def test_an_older_version_can_be_restored(user: User, workspace: Workspace, client_of: ClientOf) -> None:
    shown = opened(client_of(user), workspace, "ready", "?version=1")
    assert all(words in shown for words in OLDER)
    assert current(shown) == "Version 2"
