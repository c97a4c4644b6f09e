"""Previews lie in the cache of runs and share its limit."""

import os
from datetime import timedelta

import pytest
from django.utils import timezone

from tests import things
from trainer import cache
from webapp.accounts.models import Workspace
from webapp.runs import previews
from webapp.runs.models import Preview


def test_a_preview_that_is_looked_at_stays_longest(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAQUETTE_CACHE_BYTES", "1000")
    version = things.prototype(workspace).dataset.current
    folders = [previews.folder_of(version, f"key{number}") for number in range(3)]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / previews.PICTURE).write_bytes(bytes(400))
        os.utime(folder, (number + 1, number + 1))
    cache.touch(folders[0])
    cache.keep_within(version.cache_folder)
    assert [folder.exists() for folder in folders] == [True, False, True]


def test_a_picture_that_the_cache_had_no_room_for_is_drawn_again(workspace: Workspace) -> None:
    version = things.prototype(workspace).dataset.current
    asked = {"model": "bundled:all-MiniLM-L6-v2", "method": "probe"}
    key = previews.augmented(version, asked)["key"]
    state = {"result": {"changes": "flipped"}, "sent_at": timezone.now() - timedelta(minutes=5)}
    Preview.objects.update(**state)
    folder = previews.folder_of(version, key)
    folder.mkdir(parents=True)
    (folder / previews.PICTURE).write_bytes(b"PNG")
    shown = previews.augmented(version, asked)
    assert (shown["ready"], shown["changes"], shown["problem"]) == (True, "flipped", None)
    assert Preview.objects.get().result
    (folder / previews.PICTURE).unlink()
    shown = previews.augmented(version, asked)
    assert (shown["ready"], shown["problem"]) == (False, None)
    again = Preview.objects.get()
    assert (again.result, again.attempts) == (None, 0)
    assert again.sent_at > state["sent_at"]


def test_why_there_is_no_picture_is_told_for_a_while(workspace: Workspace) -> None:
    version = things.prototype(workspace).dataset.current
    asked = {"model": "bundled:all-MiniLM-L6-v2", "method": "probe"}
    previews.augmented(version, asked)
    drawing = previews.Drawing.begin(version.previews.get(), None)
    assert drawing
    drawing.fail({"code": "preview_died", "message": "The preview could not be made.", "hint": ""})
    for _look in range(2):
        assert previews.augmented(version, asked)["problem"]["code"] == "preview_died"
    Preview.objects.update(finished_at=timezone.now() - timedelta(minutes=2))
    assert previews.augmented(version, asked)["problem"] is None
