"""A run's version never changes under it, whatever becomes of its dataset."""

import hashlib
from collections.abc import Callable

from django.core.files.uploadedfile import SimpleUploadedFile

from tests import things
from tests.site import rows_of
from webapp.accounts.models import User, Workspace
from webapp.datasets import actions, versions
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run


def bytes_of(version: DatasetVersion) -> dict[str, str]:
    files = (path for path in version.folder.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_run_on_version_one_is_unchanged_after_versions_two_and_three(
    user: User, workspace: Workspace, read: Callable[[Dataset], Dataset]
) -> None:
    dataset = read(actions.create_dataset(workspace, user, [SimpleUploadedFile("rows.csv", rows_of(60))]))
    first = dataset.current
    assert first is not None
    prototype = Prototype.objects.create(workspace=workspace, dataset=dataset, name="idea")
    run = things.run(prototype)
    before = (bytes_of(first), first.sha256, first.profile, first.rows)
    versions.change(first, user, {"drop": [1, 2], "set": [{"row": 5, "column": "label", "value": "odd"}]})
    second = read(dataset).current
    assert second is not None
    versions.remap(second, user, "text-classification", {"text": "text", "label": "label"}, {"seed": 7})
    third = read(dataset).current
    assert third is not None
    assert [third.number, len({one.sha256 for one in (first, second, third)})] == [3, 3]
    stored = Run.objects.get(pk=run.pk)
    first = DatasetVersion.objects.get(pk=first.pk)
    assert stored.version == first
    assert (bytes_of(first), first.sha256, first.profile, first.rows) == before
