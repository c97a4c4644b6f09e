"""The sample sets of the trainer, offered on the page of a new prototype and written by a worker."""

from collections.abc import Callable

import pytest
from django.test import Client

from trainer.samples import SAMPLES
from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.prototypes.models import Prototype

pytestmark = pytest.mark.django_db


def test_the_page_offers_each(web: Client) -> None:
    page = web.get("/new").content.decode()
    assert all(f'value="{name}"' in page for name in SAMPLES)


@pytest.mark.parametrize(
    ("name", "task", "rows"), [("diabetes", "tabular-regression", 442), ("harvest", "image-text-classification", 200)]
)
def test_it_is_written_and_read(
    web: Client, read: Callable[[Dataset], Dataset], name: str, task: str, rows: int
) -> None:
    answer = web.post("/new", {"sample": name})
    prototype = Prototype.objects.get()
    assert answer["Location"] == f"/prototypes/{prototype.pk}/data"
    assert not prototype.sample
    version = read(prototype.dataset).latest
    assert version is not None
    assert (version.rows, version.suggestion["task"]) == (rows, task)
    assert len(version.sources) == 1


def test_one_that_is_not_there(web: Client) -> None:
    answer = web.post("/new", {"sample": "../etc"})
    assert answer.status_code == 422
    assert "no sample set" in answer.content.decode()
    assert not Dataset.objects.exists()


def test_a_stranger_starts_none(client: Client, user: User) -> None:
    assert client.post("/new", {"sample": "digits"}).status_code == 302
    assert not Dataset.objects.exists()
