"""Previews lie in the cache of runs and share its limit."""

import os

import pytest

from tests import things
from trainer import cache
from webapp.accounts.models import Workspace
from webapp.runs import previews


def test_a_preview_that_is_looked_at_stays_longest(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAQUETTE_CACHE_BYTES", "1000")
    version = things.prototype(workspace).dataset.current
    folders = [previews.folder_of(version, f"key{number}") for number in range(3)]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / previews.PICTURE).write_bytes(bytes(400))
        os.utime(folder, (number + 1, number + 1))
    cache.touch(folders[0])
    cache.keep_within(previews.cache_root())
    assert [folder.exists() for folder in folders] == [True, False, True]
    previews.keep(folders[1], {"changes": ""})
    assert previews.read(folders[1])["problem"] is None
