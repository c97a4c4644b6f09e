"""Pictures that get boxes around their objects."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.labelling.kinds import Labelled, of_dataset
from tests.labelling.rows import as_dataset
from tests.trainer.data_files import picture, zipped
from trainer.data.inspect import inspect
from webapp.accounts.models import User, Workspace
from webapp.labelling.models import Decision, GuestLink

ClientOf = Callable[[User], Client]
ROWS, WIDTH, HEIGHT = 12, 40, 20


def box(*sides: object, label: object = "cat") -> dict[str, object]:
    return {"label": label, "box": list(sides)}


@pytest.fixture
def it(user: User, workspace: Workspace, client_of: ClientOf, api_of: ClientOf, tmp_path: Path) -> Labelled:
    files = {f"{n}.png": picture(n + 1, (WIDTH, HEIGHT)) for n in range(ROWS + 3)}
    lines = ["file_name,place", *(f"{n}.png,{n % 5}" for n in range(ROWS + 3))]
    files["metadata.csv"] = "\n".join(lines).encode()
    inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v0")
    columns = {"image": "image", "objects": "objects"}
    entries = [
        {"row": row + 1, "value": json.dumps([box(1, 2, 10, 8), box(20, 2, 5, 5, label="dog")])} for row in range(ROWS)
    ]
    inspect(
        [tmp_path / "v0"],
        tmp_path / "boxes",
        changes={"add": ["objects"]},
        task="object-detection",
        columns=columns,
    )
    inspect(
        [tmp_path / "boxes"], tmp_path / "v2", changes={"labels": entries}, task="object-detection", columns=columns
    )
    dataset = as_dataset(workspace, user, tmp_path / "v2")
    shutil.copytree(tmp_path / "v2", dataset.versions.get().folder)
    made = of_dataset(dataset, user, client_of(user), api_of(user))
    assert (made.version.suggestion["task"], made.version.split["pool"]) == ("object-detection", 3)
    return made


def test_the_page_shows_a_picture_to_draw_on(it: Labelled) -> None:
    page = it.page()
    assert 'alt="Picture of row 13"><svg' in page
    assert '<button class="btn" type="button" value="dog" data-key="2">' in page
    assert "js/label-boxes.js" in page


def test_boxes_become_a_version_and_undo_gives_the_old_one(it: Labelled) -> None:
    it.decide(13, value=json.dumps([box(0, 0, WIDTH, HEIGHT), box(1.26, 2, 3, 4, label=" bird ")]))
    it.send([{"row": 14, "value": []}])
    assert [it.undo()["value"] for _ in range(2)] == [[], [box(0, 0, 40, 20), box(1.26, 2, 3, 4, label="bird")]]
    assert it.done().sha256 == it.version.sha256
    it.decide(13, value=json.dumps([box(0, 0.04, WIDTH, HEIGHT)]))
    it.decide(14)
    made = it.done()
    assert it.cells(made, "objects")[12:] == ['[{"label": "cat", "box": [0, 0.04, 40, 19.96]}]', "[]", None]
    assert made.split["pool"] == 1


def test_two_people_and_a_newer_version_lose_nothing(it: Labelled, workspace: Workspace, api_of: ClientOf) -> None:
    it.check_shared(it.by(workspace, api_of), 13, [box(1, 2, 3, 4)], [], "objects", json.dumps([box(1, 2, 3, 4)]))


@pytest.mark.parametrize(
    "value",
    [
        "cat",
        4,
        ["cat"],
        [box(0, 0, WIDTH + 1, 5)],
        [box(0, 19, 5, 2)],
        [box(-1, 0, 5, 5)],
        [box(0, 0, 0, 5)],
        [box(0, 0, 5)],
        [box(0, 0, "5", 5)],
        [box(0, 0, 5, True)],
        [box(0, 0, 1e300, 5)],
        [box(0, 0, 5, 5, label="")],
        [box(0, 0, 5, 5, label="x" * 10_000)],
        [box(0, 0, 5, 5, label=None)],
        [{"label": "cat"}],
        [box(0, 0, 5, 5) | {"score": 1}],
        [box(0, 0, 5, 5)] * 501,
    ],
)
def test_what_is_no_box_of_the_picture_is_told(value: Any, it: Labelled) -> None:
    problem = it.send([{"row": 13, "value": value}], 422)
    assert problem["code"] in ("bad_label", "invalid")
    assert problem["hint"]
    assert len(problem["detail"]) < 200
    assert not Decision.objects.exists()


def test_guests_draw_no_boxes(it: Labelled) -> None:
    answer = it.browser.get(reverse("label_guests", args=[it.prototype.pk]))
    assert answer.status_code == 422
    assert "Guests give labels and numbers, but no answers of this kind." in answer.content.decode()
    link = GuestLink.objects.create(workspace=it.prototype.workspace, prototype=it.prototype, name="Kim", token="t")
    answer = Client().get(reverse("guest_label", args=[link.token]))
    assert answer.status_code == 422
    assert "There is nothing here for guests to label right now" in answer.content.decode()
