"""What the pages around runs tell."""

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import DatasetVersion
from webapp.runs import storage

ClientOf = Callable[[User], Client]


def test_what_runs_and_data_take_on_disk(user: User, workspace: Workspace, client_of: ClientOf) -> None:
    prototype = things.prototype(workspace)
    for number in (1, 2):
        run = things.run(prototype, number)
        run.artifact.mkdir(parents=True)
        (run.artifact / "weights").write_bytes(bytes(1_500_000))
    DatasetVersion.objects.update(bytes=4_000_000)
    storage.measure_waiting()
    page = client_of(user).get(reverse("runs", args=[prototype.pk])).content.decode()
    assert "On disk: the runs 3.0 MB, the data 4.0 MB." in page.replace("\xa0", " ")


def test_more_labels_than_a_profile_lists(user: User, workspace: Workspace, client_of: ClientOf) -> None:
    prototype = things.prototype(workspace)
    version = prototype.dataset.current
    version.profile |= {"label_total": 1_234, "label_rows": 5_000}
    version.save()
    page = client_of(user).get(reverse("data", args=[prototype.pk])).content.decode()
    assert "3 rows in 1,234 labels" in page
    assert version.label_rows == 5_000
