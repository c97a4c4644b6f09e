"""Rules label many rows at once: measured before, applied, and removed with all that they labelled; labels are renamed and merged."""

import json
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from tests.labelling.rows import read
from webapp.accounts.models import User
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.labelling.models import Decision, Rule
from webapp.prototypes.actions import create_prototype

ApiOf = Callable[[User], Client]


@pytest.fixture
def api(user: User, api_of: ApiOf) -> Client:
    return api_of(user)


def post(api: Client, dataset: Dataset, path: str, body: Any = None) -> Any:
    return api.post(f"/api/v1/datasets/{dataset.pk}/{path}", json.dumps(body or {}), content_type="application/json")


def table(version: DatasetVersion) -> list[tuple[Any, ...]]:
    """(label, part) of each row."""
    labels = pq.read_table(version.folder / "data.parquet").column("label").to_pylist()
    parts = pq.read_table(version.folder / "split.parquet").column("split").to_pylist()
    return [(label or None, part) for label, part in zip(labels, parts, strict=True)]


def test_a_rule_is_measured_applied_and_removed_with_its_labels(dataset: Dataset, api: Client) -> None:
    before = dataset.current
    assert before is not None
    made = post(api, dataset, "rules", {"pattern": "Order, question", "label": "good", "name": "all"}).json()
    assert {key: made[key] for key in ("covers", "seen", "right", "precision")} == {
        "covers": 30, "seen": 30, "right": 15, "precision": 0.5,
    }  # fmt: skip
    some = post(api, dataset, "rules", {"kind": "regex", "pattern": "question number 1[0-9]", "label": "bad"}).json()
    assert (some["covers"], some["seen"], some["interval"]) == (10, 0, None)
    assert post(api, dataset, f"rules/{some['id']}/apply").json() == {"labelled": 10}
    assert post(api, dataset, f"rules/{some['id']}/apply").json() == {"labelled": 0}
    assert [one["covers"] for one in api.get(f"/api/v1/datasets/{dataset.pk}/rules").json()["items"]] == [20, 0]
    post(api, dataset, "labels/done")
    after = read(dataset)
    rows = table(after)
    assert sum(label == "bad" for label, _part in rows) == 25
    assert [part for _label, part in rows[:30]] == [part for _label, part in table(before)[:30]]
    assert {part for label, part in rows[30:] if label} == {"train"}  # never tested on
    assert api.delete(f"/api/v1/datasets/{dataset.pk}/rules/{some['id']}").status_code == 204
    assert table(read(dataset)) == table(before)
    assert not Rule.objects.filter(pk=some["id"]).exists()


def test_labels_of_a_rule_that_are_in_no_version_go_with_it(dataset: Dataset, api: Client) -> None:
    made = post(
        api,
        dataset,
        "rules",
        {"kind": "value", "column": "text", "pattern": "question number 3 about it", "label": "x"},
    )
    rule = made.json()
    assert post(api, dataset, f"rules/{rule['id']}/apply").json() == {"labelled": 1}
    assert Decision.objects.get().source == "rule:question number 3 about it"
    api.delete(f"/api/v1/datasets/{dataset.pk}/rules/{rule['id']}")
    assert not Decision.objects.exists()
    assert dataset.versions.count() == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kind": "regex", "pattern": "("}, "bad_rule"),
        ({"kind": "regex", "pattern": "(a{1000}){1000}"}, "bad_rule"),
        ({"kind": "regex", "pattern": r"(a)\1"}, "bad_rule"),
        ({"pattern": " "}, "bad_rule"),
        ({"pattern": " , ,"}, "bad_rule"),  # no word: each text would match
        ({"pattern": "x" * 201}, "bad_rule"),
        ({"kind": "value", "pattern": "x"}, "bad_rule"),
        ({"pattern": "x", "column": "not there"}, "bad_rule"),
        ({"kind": "magic", "pattern": "x"}, "bad_rule"),
        ({"pattern": "x", "label": ""}, "bad_label"),
        ({"pattern": "x", "label": "l" * 10_000}, "bad_label"),
    ],
)
def test_what_is_no_rule_is_refused(fields: Any, code: str, dataset: Dataset, api: Client) -> None:
    answer = post(api, dataset, "rules", {"label": "good", **fields})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not Rule.objects.exists()


def test_an_expression_that_others_never_end_with_is_searched_for_at_once(dataset: Dataset, api: Client) -> None:
    """Engines that go back take a time here that doubles with every letter; RE2 does not."""
    answer = post(api, dataset, "rules", {"kind": "regex", "pattern": "^(o|or|[a-z]+)+$", "label": "good"})
    assert answer.status_code == 201


def test_labels_are_renamed_and_merged_and_every_row_keeps_its_part(dataset: Dataset, api: Client) -> None:
    before = table(dataset.versions.get())
    post(api, dataset, "labels", {"labels": [{"row": 31, "value": "good"}, {"row": 32, "value": "fine"}]})
    assert post(api, dataset, "labels/rename", {"labels": ["good"], "name": "fine"}).status_code == 202
    made = read(dataset)
    assert made.note == "good renamed to fine"
    assert table(made) == [("fine" if label == "good" else label, part) for label, part in before]
    assert {one.value for one in Decision.objects.all()} == {"fine"}
    assert post(api, dataset, "labels/rename", {"labels": ["nothing"], "name": "x"}).json()["code"] == "bad_label"
    queue = api.get(f"/api/v1/datasets/{dataset.pk}/queue?order=label&about=bad&count=50").json()["items"]
    assert [item["label"] for item in queue] == ["bad"] * 15


def test_the_page_measures_applies_and_renames(
    dataset: Dataset, user: User, client_of: Callable[[User], Client]
) -> None:
    browser, address = client_of(user), reverse("label_rules", args=[create_prototype(dataset, user).pk])
    refused = browser.post(address, {"action": "add", "pattern": "(", "kind": "regex", "label": "bad"})
    assert "not a regular expression" in refused.content.decode()
    sent = {"action": "add", "pattern": "order", "kind": "words", "label": "bad"}
    page = browser.post(address, sent, follow=True).content.decode()
    assert "right on 15 of" in page
    browser.post(address, {"action": "add", "pattern": "question", "kind": "words", "label": "bad"})
    rule = Rule.objects.get(pattern="question")
    assert (
        "30 rows labelled" in browser.post(address, {"action": "apply", "rule": rule.pk}, follow=True).content.decode()
    )
    assert "Removed" in browser.post(address, {"action": "remove", "rule": rule.pk}, follow=True).content.decode()
    answer = browser.post(address, {"action": "rename", "label": "bad", "name": "poor"})
    assert answer["Location"].endswith("/data")
