"""Pictures that get boxes around their objects."""

import json
import random
import shutil
import time
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
from webapp.answers.labelled import as_cell
from webapp.answers.likeness import overlap, places_that_touch
from webapp.answers.objects import Boxes, Drawn, distance_of_boxes
from webapp.core.problems import Problem
from webapp.labelling import guests
from webapp.labelling.agreement import agreement_of
from webapp.labelling.models import Decision

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


def test_guests_draw_boxes_and_how_far_they_agree_is_said(it: Labelled, user: User) -> None:
    with pytest.raises(Problem, match="not masked"):
        guests.create(it.prototype, user, "Kim", 14, 100)
    link = guests.create(it.prototype, user, "Kim", 14, 100, unmasked=True)
    address, browser = reverse("guest_label", args=[link.token]), Client()
    page = browser.get(address).content.decode()
    row = int(page.partition('data-row="')[2].partition('"')[0])
    assert f'src="{reverse("guest_media", args=[link.token, row])}"' in page
    assert "/media/" not in page.replace(f"{link.token}/media/", "")
    assert all(script in page for script in ("js/label-boxes.js", "js/label-guest.js"))
    assert "data-key" not in page.partition('data-part="labels"')[2].partition("</div>")[0].replace('data-key=""', "")
    sent = {"version": it.version.pk, "row": row}
    for wrong, told in (
        ([box(30, 2, 20, 5)], "reaches out of its picture"),
        ([box(1, 2, 3, 4, label="never heard of")], "Choose a label."),
        ([box(1, 2, 3)], "Boxes look like"),
    ):
        answer = browser.post(address, sent | {"value": json.dumps(wrong)})
        assert (answer.status_code, Decision.objects.count()) == (422, 0)
        assert told in answer.content.decode()
        assert "&quot;label&quot;" in answer.content.decode(), "what was drawn comes back"
    assert browser.post(address, sent | {"value": json.dumps([box(1, 2, 10, 8)])}).status_code == 302
    assert [(one.guest, one.person, json.loads(one.value or "")) for one in Decision.objects.all()] == [
        (link, None, [box(1, 2, 10, 8)])
    ]
    other = next(one for one in (13, 14, 15) if one != row)
    it.send([{"row": other, "value": [box(1, 2, 10, 8)]}])
    browser.post(address, sent | {"row": other, "value": json.dumps([box(3, 2, 10, 8)])})
    assert len(guests.units_of(it.prototype)) == 1
    assert (
        "Once there are ten such rows"
        in it.browser.get(reverse("label_guests", args=[it.prototype.pk])).content.decode()
    )
    guests.revoke(link, user)
    answer = browser.post(address, sent | {"value": "[]"})
    assert (answer.status_code, "Everything that you labelled is kept." in answer.content.decode()) == (410, True)
    assert it.done().note == "2 rows labelled"
    again = it.page("?order=disputed")
    assert "has the label <b>1 × cat</b>" in " ".join(again.split())
    assert "the other answer is filled in" in again


def test_boxes_agree_as_far_as_they_overlap() -> None:
    kind = Boxes()
    cat, near, dog = ([box(0, 0, 10, 10)], [box(0, 0, 10, 5)], [box(0, 0, 10, 10, label="dog")])
    one, half, other, none = (kind.compared(as_cell(boxes)) for boxes in (cat, near, dog, []))
    assert [distance_of_boxes(one, two) for two in (one, half, other, none)] == [0, 0.5, 1, 1]
    assert distance_of_boxes(none, none) == 0
    both = kind.compared(as_cell([*cat, *dog]))
    assert distance_of_boxes(one, both) == pytest.approx(1 - 2 * 1 / 3)
    assert [kind.alike(one, two) for two in (one, half, other, none)] == [(2, 2), (2, 2), (0, 2), (0, 1)]
    narrow = kind.compared(as_cell([box(0, 0, 10, 4)]))
    said = [kind.against(one, two) for two in (one, half, narrow, other, none)]
    assert said == [[], [], [("cat", "cat with other bounds")], [("cat", "dog")], [("cat", "not cat")]]
    found = agreement_of([[one, half]] * 8 + [[other, other]] * 8 + [[one, other]] * 2, kind)
    assert found is not None
    assert (found.pair, found.times, found.rows) == (("cat", "dog"), 2, 18)
    assert found.low < found.alpha < found.high < 1
    assert found.likeness is not None
    assert (found.likeness.name, found.likeness.value) == ("f1_50", pytest.approx(32 / 36))


def test_many_boxes_agree_within_a_moment() -> None:
    kind, generator = Boxes(), random.Random(3)

    def drawn(size: float) -> Drawn:
        """500 boxes, each as large as that, that lie on each other where it is large."""
        return tuple(("cat", (generator.uniform(0, 10), generator.uniform(0, 10), size, size)) for _box in range(500))

    for size in (100, 0.5):
        units = [[drawn(size) for _answer in range(4)] for _row in range(20)]
        begun = time.process_time()
        found = agreement_of(units, kind)
        assert time.process_time() - begun < 5, size
        assert found is not None
        assert found.rows == 20


def test_boxes_that_touch_are_found_as_by_comparing_all() -> None:
    generator = random.Random(4)
    first, second = ([tuple(generator.uniform(0, 9) for _side in range(4)) for _box in range(40)] for _answer in "ab")
    every = {(a, b) for a, one in enumerate(first) for b, other in enumerate(second) if overlap(one, other) > 0}
    assert set(places_that_touch(first, second)) == every
