"""Pictures changed at random are shown for the version that the train page is about, the newest or an older one."""

import re
from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import DatasetVersion
from webapp.runs import previews
from webapp.runs.models import Preview


def test_of_an_older_version(workspace: Workspace, user: User, client_of: Callable[[User], Client]) -> None:
    prototype, browser = things.prototype(workspace), client_of(user)
    older = prototype.dataset.current
    fields = {"workspace": workspace, "dataset": prototype.dataset, "profile": things.PROFILE, "status": "ready"}
    newer = DatasetVersion.objects.create(number=2, **fields)
    path = reverse("augmented", args=[prototype.pk])
    for version in (older, newer):
        asked = {"version": version.number, "model": "bundled:all-MiniLM-L6-v2", "method": "probe"}
        browser.post(path, asked)
        preview = version.previews.get()
        Preview.objects.filter(pk=preview.pk).update(result={"changes": "flipped"})
        folder = previews.folder_of(version, preview.key)
        folder.mkdir(parents=True)
        (folder / previews.PICTURE).write_bytes(b"\x89PNG of %d" % version.number)
        shown = browser.post(path, asked).content.decode()
        picture = browser.get(re.search(r'src="([^"]+)"', shown)[1])
        assert picture.status_code == 200
        assert b"".join(picture.streaming_content) == b"\x89PNG of %d" % version.number
