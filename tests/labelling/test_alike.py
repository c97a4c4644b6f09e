"""Look-alikes of a row: found by the vectors that suggestions come from, labelled in one step, taken back in one step."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.labelling.rows import as_dataset
from tests.labelling.test_guiding import TOPICS, topic_of
from trainer.data.inspect import inspect
from trainer.labelling.suggest import suggest
from trainer.labelling.vectors import WORDS
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.core.problems import Problem
from webapp.datasets.models import Dataset
from webapp.labelling import actions
from webapp.labelling.alike import MOST, SHOWN, alike, alike_file
from webapp.labelling.models import Decision, Guide, Source
from webapp.prototypes.actions import create_prototype
from webapp.prototypes.models import Prototype

ApiOf = Callable[[User], Client]
JSON = {"Accept": "application/json"}
ROWS, ROW = 120, 50


@pytest.fixture(scope="module")
def worked_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version of three topics, no row with a label but the first twelve (`v1`), and what is suggested for it (`out`), once for
    all tests: by counted words, without the encoder."""
    folder = tmp_path_factory.mktemp("alike")
    lines = [f"{TOPICS[topic_of(row)]} {row},{topic_of(row) if row <= 12 else ''}" for row in range(1, ROWS + 1)]
    (folder / "rows.csv").write_text("\n".join(["text,label", *lines]), "utf-8")
    inspect([folder / "rows.csv"], folder / "v1")
    (folder / "request.json").write_text(json.dumps({"version": str(folder / "v1")}), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.models.BUNDLED", {})
        patch.setenv("MAQUETTE_MODELS_DIR", "")
        patch.setenv("MAQUETTE_CACHE", str(folder / "cache"))
        assert suggest(folder / "request.json", folder / "out")["reader"] == WORDS
    return folder


@pytest.fixture
def fresh(user: User, workspace: Workspace, worked_out: Path) -> Dataset:
    """Nothing was worked out for it."""
    made = as_dataset(workspace, user, worked_out / "v1")
    shutil.copytree(worked_out / "v1", made.versions.get().folder)
    return made


@pytest.fixture
def dataset(fresh: Dataset, worked_out: Path) -> Dataset:
    version = fresh.versions.get()
    shutil.copytree(worked_out / "out", alike_file(version).parent)
    facts = {"due": False, "result": {"reader": WORDS}, "finished_at": timezone.now()}
    Guide.objects.create(workspace=fresh.workspace, dataset=fresh, version=version, **facts)
    return fresh


@pytest.fixture
def prototype(dataset: Dataset, user: User) -> Prototype:
    return create_prototype(dataset, user)


def send(browser: Client, prototype: Prototype, name: str = "label_alike", **fields: Any) -> Any:
    version = prototype.dataset.current
    assert version is not None
    return browser.post(reverse(name, args=[prototype.pk]), {"version": version.pk, **fields}, headers=JSON)


def test_the_nearest_rows_come_the_least_alike_first(dataset: Dataset, user: User, api_of: ApiOf) -> None:
    address = f"/api/v1/datasets/{dataset.pk}/alike?row={ROW}"
    found = api_of(user).get(address).json()["items"]
    assert len(found) == SHOWN
    assert {topic_of(one["row"]) for one in found} == {topic_of(ROW)}
    assert ROW not in [one["row"] for one in found]
    similarities = [one["similarity"] for one in found]
    assert similarities == sorted(similarities)
    assert found[0]["text"].startswith(TOPICS[topic_of(ROW)])
    nearest = api_of(user).get(f"{address}&count=1").json()["items"]
    assert nearest == found[-1:]
    assert len(api_of(user).get(f"{address}&count=999").json()["items"]) <= MOST


def test_what_is_reserved_for_the_test_is_nobodys_look_alike(dataset: Dataset) -> None:
    version = actions.current_version(dataset)
    suggested = pq.read_table(alike_file(version).with_name("suggestions.parquet")).to_pylist()
    reserved = {row["row"] for row in suggested if row["reserved"]}
    near = {row for one in pq.read_table(alike_file(version)).to_pylist() for row in one["alike"]}
    assert reserved
    assert not near & reserved
    assert len({one["row"] for one in pq.read_table(alike_file(version)).to_pylist()}) == ROWS - 12


def test_many_are_labelled_in_one_step_and_taken_back_in_one(
    prototype: Prototype, user: User, client_of: ApiOf
) -> None:
    browser, version = client_of(user), actions.current_version(prototype.dataset)
    actions.decide(version, user, [actions.Entry(ROW, topic_of(ROW))])
    part = browser.get(reverse("label_alike", args=[prototype.pk]), {"row": ROW, "value": topic_of(ROW)})
    assert part.content.decode().count("data-choose") == SHOWN
    rows = [one.item.row for one in alike(version, ROW)]
    told = send(browser, prototype, row=rows[2:], value=topic_of(ROW)).json()
    assert (told["saved"], told["labelled"]) == (rows[2:], 12 + 1 + 10)
    assert told["news"] == f"10 rows have the label “{topic_of(ROW)}” now."
    given = Decision.objects.exclude(row=ROW)
    assert {(one.value, one.source, one.person_id) for one in given} == {(topic_of(ROW), Source.PERSON, user.pk)}
    assert not {one.item.row for one in alike(version, ROW)} & set(rows[2:]), "they have a label"
    assert send(browser, prototype, "undo_label", rows=rows[2:]).json()["labelled"] == 13
    assert Decision.objects.get().row == ROW
    assert [one.item.row for one in alike(version, ROW)] == rows


def test_without_their_numbers_they_are_taken_back_one_by_one(dataset: Dataset, user: User) -> None:
    version = actions.current_version(dataset)
    actions.decide(version, user, [actions.Entry(row, "card") for row in (20, 21, 22)])
    assert [actions.undo(version, user).row for _turn in range(2)] == [22, 21]
    assert Decision.objects.get().row == 20


def test_a_row_that_somebody_has_labelled_meanwhile_is_skipped_and_counted(
    prototype: Prototype, user: User, workspace: Workspace, client_of: ApiOf
) -> None:
    other = User.objects.create_user("other@example.org")
    Membership.objects.create(workspace=workspace, user=other, role=Role.LABELLER)
    version = actions.current_version(prototype.dataset)
    rows = [one.item.row for one in alike(version, ROW)]
    actions.decide(version, other, [actions.Entry(rows[0], "rate")])
    told = send(client_of(user), prototype, row=rows, value="card").json()
    assert told["saved"] == rows[1:]
    assert told["news"].endswith("1 row was skipped: somebody has decided on it meanwhile.")
    assert Decision.objects.get(row=rows[0]).value == "rate"
    send(client_of(user), prototype, "undo_label", rows=rows)
    assert Decision.objects.get().person == other, "what others decided is not taken back"
    refused = send(client_of(user), prototype, row=rows[:1], value="card")
    assert (refused.status_code, refused.json()["code"]) == (409, "decided_meanwhile")


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"value": "card"}, "no_labels"), ({"row": [20], "value": " "}, "bad_label"), ({"row": [999]}, "no_row")],
)
def test_what_cannot_be_labelled_is_told(
    fields: Any, code: str, prototype: Prototype, user: User, client_of: ApiOf
) -> None:
    answer = send(client_of(user), prototype, **{"value": "card", **fields})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not Decision.objects.exists()


def test_before_they_are_worked_out_it_says_so(fresh: Dataset, user: User, client_of: ApiOf, api_of: ApiOf) -> None:
    address = reverse("label_alike", args=[create_prototype(fresh, user).pk])
    page = client_of(user).get(f"{address}?row={ROW}&value=card").content.decode()
    assert "Rows that are like this one are not known yet." in page
    assert "data-choose" not in page
    refused = api_of(user).get(f"/api/v1/datasets/{fresh.pk}/alike?row={ROW}")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_ready")
    assert api_of(user).get(f"/api/v1/datasets/{fresh.pk}/alike?row=999").json()["code"] == "no_row"


def test_where_nothing_reads_the_rows_it_says_so(dataset: Dataset) -> None:
    version = actions.current_version(dataset)
    alike_file(version).unlink()
    Guide.objects.update(result={"reader": None}, due=False)
    with pytest.raises(Problem) as raised:
        alike(version, ROW)
    assert raised.value.code == "no_vectors"


def test_where_the_cache_had_no_room_for_them_they_are_worked_out_anew(dataset: Dataset) -> None:
    version = actions.current_version(dataset)
    alike_file(version).unlink()
    actions.current_version(dataset)
    assert Guide.objects.get(dataset=dataset).due


def test_by_rest_alone(dataset: Dataset, user: User, api_of: ApiOf) -> None:
    api, path = api_of(user), f"/api/v1/datasets/{dataset.pk}"
    rows = [one["row"] for one in api.get(f"{path}/alike?row={ROW}&count=3").json()["items"]]
    labels = {"labels": [{"row": row, "value": topic_of(ROW)} for row in rows]}
    answer = api.post(f"{path}/labels", json.dumps(labels), content_type="application/json")
    assert answer.json() == {"saved": 3, "refused": []}
