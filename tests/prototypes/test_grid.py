"""Rows on the data page: the answer first, wide tables folded, pictures as a gallery, and nothing typed lost while reading."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.trainer.data_files import classes, zipped
from webapp.accounts.models import User, Workspace
from webapp.datasets import actions, reading, versions
from webapp.datasets.models import DatasetVersion, Status
from webapp.prototypes.actions import create_prototype
from webapp.prototypes.grid import SHOWN_COLUMNS, order_columns
from webapp.prototypes.models import Prototype

COLUMNS = [f"figure {n}" for n in range(9)]
WIDE = ",".join([*COLUMNS, "churned"]) + "\n"
WIDE += "".join(",".join([*(str(n * k % 17) for k in range(9)), "ny"[n % 2]]) + "\n" for n in range(60))


@pytest.fixture
def made(user: User, workspace: Workspace) -> Callable[[str, bytes], Prototype]:
    def make(name: str, content: bytes) -> Prototype:
        dataset = actions.create_dataset(workspace, user, [SimpleUploadedFile(name, content)])
        version = dataset.latest
        assert version is not None
        reading.read(version.pk)
        return create_prototype(dataset, user)

    return make


def page_of(client: Client, prototype: Prototype, query: str = "", **headers: str) -> str:
    answer = client.get(reverse("data", args=[prototype.pk]) + query, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def rows_of(page: str) -> str:
    """From the panel of rows on: other tables of the page stand before."""
    return page.partition('aria-labelledby="rows"')[2]


def test_the_answer_comes_first_and_a_wide_table_is_folded(
    made: Callable, client_of: Callable[[User], Client], user: User
) -> None:
    prototype = made("wide.csv", WIDE.encode())
    version = prototype.dataset.current
    assert order_columns(version)[0]["name"] == "churned"
    page = rows_of(page_of(client_of(user), prototype))
    assert page.count('<th scope="col"') == SHOWN_COLUMNS + 2
    assert "3 more columns" in page
    everything = rows_of(page_of(client_of(user), prototype, "?columns=all"))
    assert everything.count('<th scope="col"') == len(COLUMNS) + 1 + 2
    assert "Show fewer columns" in everything


def test_pictures_are_a_gallery_and_a_table_when_asked_for(
    made: Callable, client_of: Callable[[User], Client], user: User, tmp_path: Path
) -> None:
    archive = zipped(tmp_path / "pets.zip", classes(each=6))
    prototype = made("pets.zip", archive.read_bytes())
    gallery = page_of(client_of(user), prototype)
    assert 'class="gallery"' in gallery
    assert gallery.count("?thumb") == 12
    assert gallery.count('name="row"') == 12
    table = page_of(client_of(user), prototype, "?view=table")
    assert 'class="gallery"' not in table
    assert "Show as a gallery" in table


def test_only_the_bar_is_drawn_again_while_a_version_is_read(
    made: Callable, client_of: Callable[[User], Client], user: User
) -> None:
    prototype = made("wide.csv", WIDE.encode())
    first = prototype.dataset.current
    second = DatasetVersion.objects.create(
        workspace=first.workspace, dataset=first.dataset, number=2, parent=first, status=Status.PROCESSING
    )
    address = reverse("data", args=[prototype.pk])
    asked = {"HX-Request": "true", "HX-Target": "reading"}
    answer = client_of(user).get(address, {"search": "11"}, headers=asked)
    page = answer.content.decode()
    assert 'hx-target="#reading"' in page
    assert 'hx-include="#filters"' in page
    assert "HX-Retarget" not in answer
    DatasetVersion.objects.filter(pk=second.pk).update(status=Status.FAILED, error={"message": "x", "hint": "y"})
    answer = client_of(user).get(address, {"search": "11"}, headers=asked)
    assert answer["HX-Retarget"] == answer["HX-Reselect"] == "#main"
    assert 'name="search" value="11"' in answer.content.decode()


def test_every_safe_fix_in_one_version_and_one_suggestion_accepted(
    made: Callable, client_of: Callable[[User], Client], user: User
) -> None:
    rows = [f"message number {n} about the order,{'ab'[n % 2]}" for n in range(40)]
    table = "text,label\n" + "\n".join([*rows, rows[0], rows[1], "no label here,", ",a", "a new one,A "]) + "\n"
    prototype = made("rows.csv", table.encode())
    version = prototype.dataset.current
    safe = versions.safe_fixes(version)
    assert {"drop_duplicates", "merge_label_variants"} <= set(safe)
    assert "drop_missing" not in safe, "the row without a label may still get one"
    browser = client_of(user)
    assert f"Fix all {len(safe)} safe issues" in page_of(browser, prototype)
    browser.post(reverse("mend", args=[prototype.pk]), {"action": "safe"})
    fixed = prototype.dataset.latest
    reading.read(fixed.pk)
    fixed.refresh_from_db()
    assert (fixed.number, fixed.status, fixed.rows) == (2, Status.READY, 43)
    assert versions.safe_fixes(fixed) == []
    refused = browser.post(reverse("mend", args=[prototype.pk]), {"action": "safe"})
    assert refused.status_code == 422
