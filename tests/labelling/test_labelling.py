"""Rows without a label, from the queue to the version that has their labels: by REST, as a labeller would."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.utils import timezone

from tests.labelling.rows import LABELLED, ROWS, UNLABELLED, csv, made_from, read
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.datasets import versions
from webapp.datasets.models import Dataset, Status
from webapp.datasets.rows import page
from webapp.labelling import actions as labelling
from webapp.labelling import leaving
from webapp.labelling.models import LONGEST_LABEL, Decision
from webapp.pages import removal

ApiOf = Callable[[User], Client]


@pytest.fixture
def api(user: User, api_of: ApiOf) -> Client:
    return api_of(user)


@pytest.fixture
def other(workspace: Workspace, api_of: ApiOf) -> Client:
    """Bea, who may label and nothing else."""
    bea = User.objects.create_user("bea@example.org", name="Bea")
    Membership.objects.create(workspace=workspace, user=bea, role=Role.LABELLER)
    return api_of(bea)


def ask(client: Client, dataset: Dataset, path: str = "queue") -> Any:
    answer = client.get(f"/api/v1/datasets/{dataset.pk}/{path}".rstrip("/"))
    assert answer.status_code == 200, answer.content
    return answer.json()


def send(client: Client, dataset: Dataset, path: str = "", status: int = 201, **body: Any) -> Any:
    address = f"/api/v1/datasets/{dataset.pk}/labels{path}"
    answer = client.post(address, json.dumps(body), content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def label(client: Client, dataset: Dataset, *rows: int, value: str | None = "good", **more: Any) -> Any:
    return send(client, dataset, labels=[{"row": row, "value": value} for row in rows], **more)


# What is asked


def test_the_pool_is_counted_shown_and_filtered(dataset: Dataset, api: Client) -> None:
    assert ask(api, dataset, "")["split"]["pool"] == UNLABELLED
    rows = ask(api, dataset, "rows?split=pool&search=number 3")
    assert {row["split"] for row in rows["items"]} == {"pool"}
    assert ask(api, dataset, "rows?split=unused")["total"] == 0
    assert ask(api, dataset, "labelling") == {
        "labelled": LABELLED,
        "pool": UNLABELLED,
        "pending": 0,
        "waiting": 0,
        "score": None,
        "history": [],
        "change": None,
        "settled": False,
        "thin": [{"label": label, "rows": 15, "more": 5} for label in ("bad", "good")],
        "reader": None,
        "learned_from": 0,
        "at_work": True,
        "advice": "At least 20 rows of each label are needed for a first model: 5 more of bad, 5 more of good.",
    }


def test_the_queue_asks_about_the_pool_alone(dataset: Dataset, api: Client) -> None:
    first = ask(api, dataset, "queue?order=file&count=3")
    assert first == {
        "items": [
            {
                "row": LABELLED + 1 + at,
                "text": f"question number {at} about it",
                "suggestion": None,
                "reason": None,
                "label": None,
            }
            for at in range(3)
        ],
        "next": None,
    }
    everything = [item["row"] for item in ask(api, dataset, "queue?count=50")["items"]]
    assert sorted(everything) == list(range(LABELLED + 1, ROWS + 1))
    assert everything != sorted(everything), "mixed is no order of the file"
    label(api, dataset, everything[0])
    label(api, dataset, everything[1], value=None)
    assert [item["row"] for item in ask(api, dataset, "queue?count=50")["items"]] == everything[2:]


def test_versions_read_before_there_was_a_pool_are_asked_about_too(dataset: Dataset, api: Client) -> None:
    version = dataset.current
    assert version is not None
    del version.profile["split"]["pool"]
    version.save()
    path = version.folder / "split.parquet"
    table = pq.read_table(path)
    nulls = [None if part == "pool" else part for part in table.column("split").to_pylist()]
    pq.write_table(table.set_column(0, "split", [nulls]), path)
    assert len(ask(api, dataset, "queue?count=50")["items"]) == UNLABELLED
    assert ask(api, dataset, "labelling")["pool"] == UNLABELLED
    label(api, dataset, ROWS)


def test_columns_of_a_table_are_named(user: User, workspace: Workspace, api: Client, tmp_path: Path) -> None:
    lines = [f"{row % 7},{row * 3 % 11},{'yes' if row % 2 else 'no'}" for row in range(40)] + ["1,2,", "3,4,"]
    made = made_from("\n".join(["age,size,churned", *lines]).encode(), user, workspace, tmp_path)
    assert made.versions.get().suggestion["task"] == "tabular-classification"
    item = ask(api, made, "queue?order=file")["items"][0]
    assert item == {"row": 41, "columns": {"age": "1", "size": "2"}, "suggestion": None, "reason": None, "label": None}


def test_other_tasks_are_refused(user: User, workspace: Workspace, api: Client, tmp_path: Path) -> None:
    lines = [f"a man walks {row} dogs,{row} dogs are out with him,{row % 5}.5" for row in range(40)] + ["a cat,a dog,"]
    made = made_from("\n".join(["sentence1,sentence2,score", *lines]).encode(), user, workspace, tmp_path)
    answer = api.get(f"/api/v1/datasets/{made.pk}/queue")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_labelling")


# Decisions


def test_decisions_become_a_version_with_their_sources(dataset: Dataset, api: Client, user: User) -> None:
    first = dataset.current
    assert first is not None
    label(api, dataset, *range(31, 36))
    label(api, dataset, 36, value="new one")
    send(api, dataset, labels=[{"row": 37, "value": None, "left_out": True}])
    label(api, dataset, 38, value=None)
    send(api, dataset, labels=[{"row": 39, "value": "bad", "source": "suggestion"}])
    assert ask(api, dataset, "labelling")["labelled"] == LABELLED + 7
    assert send(api, dataset, "/done", 202) == {"version": 2, "status": "processing"}
    second = read(dataset)
    assert second.note == "8 rows labelled"
    assert second.label_rows == first.label_rows + 7
    assert second.split["pool"] == UNLABELLED - 8
    assert second.rows == first.rows, "what is left out stays in the data"
    sources = {row["row"]: row for row in pq.read_table(second.folder / "label_sources.parquet").to_pylist()}
    assert sorted(sources) == [31, 32, 33, 34, 35, 36, 37, 39]
    assert sources[36]["person"] == str(user.pk)
    assert (sources[36]["source"], sources[39]["source"]) == ("person", "suggestion")
    assert page(second, split="train", search="number 8").rows, "a suggestion is learned from"
    assert ask(api, dataset, "labelling")["pending"] == 0
    assert 38 in {item["row"] for item in ask(api, dataset, "queue?count=50")["items"]}, "a skipped row is asked again"


def test_undoing_everything_leaves_the_version_as_it_is(dataset: Dataset, api: Client) -> None:
    before = dataset.current
    assert before is not None
    label(api, dataset, 31)
    label(api, dataset, 32, value="bad")
    label(api, dataset, 33, value=None)
    undone = [send(api, dataset, "/undo", 200) for _ in range(3)]
    assert [(one["row"], one["value"]) for one in undone] == [(33, None), (32, "bad"), (31, "good")]
    assert send(api, dataset, "/undo", 409)["code"] == "nothing_to_undo"
    assert send(api, dataset, "/done", 202) == {"version": 1, "status": "ready"}
    after = dataset.latest
    assert after is not None
    assert (after.pk, after.sha256) == (before.pk, before.sha256)


def test_of_two_people_on_one_row_the_later_is_told(dataset: Dataset, api: Client, other: Client) -> None:
    label(other, dataset, 31, value="bad")
    problem = send(api, dataset, status=409, labels=[{"row": 31, "value": "good"}])
    assert problem["code"] == "decided_meanwhile"
    assert problem["detail"] == "Bea has decided on row 31 meanwhile: bad."
    some = label(api, dataset, 31, 32)
    assert some["saved"] == 1
    assert [(one["row"], one["code"]) for one in some["refused"]] == [(31, "decided_meanwhile")]
    assert Decision.objects.get(row=31).value == "bad"
    assert send(api, dataset, "/undo", 200)["row"] == 32, "only one's own"
    assert send(api, dataset, "/undo", 409)["code"] == "nothing_to_undo"


def test_what_somebody_skipped_another_may_label(dataset: Dataset, api: Client, other: Client) -> None:
    label(other, dataset, 31, value=None)
    assert label(api, dataset, 31)["saved"] == 1
    assert label(api, dataset, 31, value="bad")["saved"] == 1, "and one's own decision may be changed"
    assert Decision.objects.get(row=31).value == "bad"


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "no_labels"),
        ([{"row": 0, "value": "x"}], "no_row"),
        ([{"row": ROWS + 1, "value": "x"}], "no_row"),
        ([{"row": 31, "value": "x" * (LONGEST_LABEL + 1)}], "bad_label"),
        ([{"row": 31, "value": " "}], "bad_label"),
        ([{"row": 31, "value": "n/a"}], "bad_label"),
        ([{"row": 31, "value": "a\tb"}], "bad_label"),
        ([{"row": 31}], "invalid"),
        ([{"row": 31, "value": "x", "by": "me"}], "invalid"),
        ([{"row": 31, "value": "x", "source": "file"}], "invalid"),
    ],
)
def test_what_is_no_label_is_refused(entries: list[Any], code: str, dataset: Dataset, api: Client) -> None:
    problem = send(api, dataset, status=422, labels=entries)
    assert problem["code"] == code
    assert problem["hint"]
    assert not Decision.objects.exists()


def test_a_row_that_has_a_label_is_not_asked_about(dataset: Dataset, api: Client) -> None:
    assert send(api, dataset, status=409, labels=[{"row": 1, "value": "x"}])["code"] == "not_in_pool"


def test_a_viewer_reads_and_decides_nothing(dataset: Dataset, workspace: Workspace, api_of: ApiOf) -> None:
    vic = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=workspace, user=vic, role=Role.VIEWER)
    client = api_of(vic)
    assert ask(client, dataset)["items"]
    for path in ("", "/undo", "/done"):
        assert send(client, dataset, path, 403, labels=[])["code"] == "forbidden"


# Versions that change underneath


def test_labels_go_on_to_a_version_that_came_meanwhile(dataset: Dataset, api: Client, user: User) -> None:
    first = dataset.current
    assert first is not None
    label(api, dataset, 31, 40)
    versions.change(first, user, {"drop": [1, 2, 40]})
    second = read(dataset)
    counts = ask(api, dataset, "labelling")
    assert (counts["pending"], counts["waiting"]) == (1, 1)
    assert list(Decision.objects.pending(second).values_list("row", "value")) == [(29, "good")]
    assert Decision.objects.pending(first).get().row == 40, "the row is gone; the decision waits for it"
    versions.restore(first, user)
    counts = ask(api, dataset, "labelling")
    assert (counts["pending"], counts["waiting"]) == (2, 0)


def test_labels_for_another_column_wait_until_it_is_asked_for_again(
    user: User, workspace: Workspace, api: Client, tmp_path: Path
) -> None:
    rows = [f"order number {row} has come,{'ab'[row % 2]},{'xy'[row // 2 % 2]}" for row in range(40)]
    content = "\n".join(["text,label,kind", *rows, "question one,,", "question two,,"])
    made = made_from(content.encode(), user, workspace, tmp_path)
    first = made.versions.get()
    of_label, of_kind = ({"text": "text", "label": name} for name in ("label", "kind"))
    assert first.suggestion["columns"] == of_label
    label(api, made, 41, value="a")
    versions.remap(first, user, "text-classification", of_kind)
    read(made)
    counts = ask(api, made, "labelling")
    assert (counts["pending"], counts["waiting"], counts["pool"]) == (0, 1, 2)
    versions.restore(first, user)
    assert ask(api, made, "labelling")["pending"] == 1


def test_a_version_that_could_not_be_made_gives_its_labels_back(dataset: Dataset, api: Client) -> None:
    label(api, dataset, 31)
    send(api, dataset, "/done", 202)
    assert send(api, dataset, "/done", 409)["code"] == "not_ready"
    assert ask(api, dataset, "labelling")["pending"] == 0
    dataset.versions.filter(number=2).update(status=Status.FAILED, error={"code": "reader_died"})
    assert ask(api, dataset, "labelling")["pending"] == 1
    assert send(api, dataset, "/done", 202)["version"] == 3
    assert read(dataset).label_rows == LABELLED + 1


def test_labels_of_who_left_without_a_word_become_a_version(dataset: Dataset, api: Client, user: User) -> None:
    label(api, dataset, 31, 32)
    leaving.gather()
    assert dataset.versions.count() == 1, "who has just labelled has not left"
    label(api, dataset, 33, value=None)
    Decision.objects.update(decided_at=timezone.now() - leaving.LEFT)
    leaving.gather()
    leaving.gather()
    made = dataset.versions.get(number=2)
    assert (made.note, made.created_by) == ("2 rows labelled", user)
    dataset.versions.filter(number=2).update(status=Status.FAILED, error={"code": "reader_died"})
    leaving.gather()
    assert dataset.versions.count() == 2, "one that could not be made waits for a person"
    assert ask(api, dataset, "labelling")["pending"] == 2


def test_labels_given_while_a_version_is_made_are_in_the_next(dataset: Dataset, api: Client) -> None:
    label(api, dataset, 31)
    send(api, dataset, "/done", 202)
    label(api, dataset, 32)
    assert send(api, dataset, status=409, labels=[{"row": 31, "value": "bad"}])["code"] == "not_in_pool"
    read(dataset)
    assert send(api, dataset, "/done", 202)["version"] == 3
    assert read(dataset).label_rows == LABELLED + 2


def test_the_person_goes_with_the_account_and_the_label_stays(dataset: Dataset, api: Client, other: Client) -> None:
    label(other, dataset, 31, value="bad")
    User.objects.get(email="bea@example.org").delete()
    problem = send(api, dataset, status=409, labels=[{"row": 31, "value": "good"}])
    assert problem["detail"] == "Somebody has decided on row 31 meanwhile: bad."
    send(api, dataset, "/done", 202)
    sources = pq.read_table(read(dataset).folder / "label_sources.parquet").to_pylist()
    assert [(row["row"], row["person"]) for row in sources] == [(31, "")]


def test_what_was_deleted_for_good_leaves_no_decision(dataset: Dataset, api: Client, user: User) -> None:
    label(api, dataset, 31)
    send(api, dataset, "/done", 202)
    second = read(dataset)
    label(api, dataset, 32)
    removal.purge_history(second, user)
    assert list(Decision.objects.values_list("version__number", "row")) == [(2, 32)]


def test_what_to_do_next_is_said(user: User, workspace: Workspace, tmp_path: Path) -> None:
    version = made_from(csv(50, 2), user, workspace, tmp_path).versions.get()
    assert "enough for a first model" in labelling.advice(version, labelling.progress(version))
    labelling.decide(version, user, [labelling.Entry(row, "good") for row in (51, 52)])
    assert labelling.advice(version, labelling.progress(version)).startswith("Every row has a label. Press")


def test_an_order_that_there_is_not_is_refused(dataset: Dataset, api: Client) -> None:
    answer = api.get(f"/api/v1/datasets/{dataset.pk}/queue?order=backwards")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_order")
