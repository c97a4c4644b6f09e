"""Many rows with several labels at once: rules that add a label, look-alikes, and labels that are renamed and merged."""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.urls import reverse

from tests.labelling.kinds import JSON, Labelled
from tests.labelling.rows import guide, read
from tests.labelling.test_several_labels import ROWS
from tests.labelling.test_several_labels import it as it  # as a fixture
from webapp.accounts.models import Workspace
from webapp.labelling import doubts
from webapp.labelling.models import Decision, Rule

ClientOf = Any
POOL = range(ROWS + 1, ROWS + 7)
"""Rows “question number 0 about it” to 5."""


def post(it: Labelled, path: str, body: Any = None, status: int = 201) -> Any:
    address = f"/api/v1/datasets/{it.dataset.pk}/{path}"
    answer = it.api.post(address, json.dumps(body or {}), content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def values() -> list[tuple[int, str | None, str]]:
    return list(Decision.objects.order_by("row").values_list("row", "value", "source"))


@pytest.fixture
def rules(it: Labelled) -> list[str]:
    """Of all rows of the pool, and of three of them."""
    every = {"pattern": "question, order", "label": "late", "name": "all"}
    some = {"kind": "regex", "pattern": "question number [0-2] ", "label": "lost", "name": "some"}
    made = [post(it, "rules", rule) for rule in (every, some)]
    assert [(rule["covers"], rule["seen"], rule["right"]) for rule in made] == [(6, ROWS, 20), (3, 0, 0)]
    return [rule["id"] for rule in made]


def delete(it: Labelled, rule: str) -> None:
    assert it.api.delete(f"/api/v1/datasets/{it.dataset.pk}/rules/{rule}").status_code == 204


def test_what_two_rules_say_of_a_row_becomes_one_answer(it: Labelled, rules: list[str]) -> None:
    it.send([{"row": 36, "value": []}])
    assert post(it, f"rules/{rules[0]}/apply", status=200) == {"labelled": 5}
    assert post(it, f"rules/{rules[1]}/apply", status=200) == {"labelled": 3}
    assert post(it, f"rules/{rules[1]}/apply", status=200) == {"labelled": 0}
    both = '["late", "lost"]'
    assert values() == [(row, both if row < 34 else '["late"]', "rule:all") for row in POOL[:5]] + [
        (36, "[]", "person")
    ]
    delete(it, rules[0])
    assert values() == [(row, '["lost"]', "rule:some") for row in POOL[:3]] + [(36, "[]", "person")]
    delete(it, rules[1])
    assert values() == [(36, "[]", "person")], "what a person said stays"
    it.undo()
    assert it.done().sha256 == it.version.sha256


def test_a_rule_goes_out_of_a_version_with_its_label_alone(it: Labelled, rules: list[str]) -> None:
    for rule in rules:
        post(it, f"rules/{rule}/apply", status=200)
    made = it.done()
    both = '["late", "lost"]'
    assert it.cells(made, "labels")[ROWS:] == [both] * 3 + ['["late"]'] * 3
    parts = pq.read_table(made.folder / "split.parquet").column("split").to_pylist()
    assert set(parts[ROWS:]) == {"train"}, "never tested on"
    delete(it, rules[1])
    without = read(it.dataset)
    assert it.cells(without, "labels")[ROWS:] == ['["late"]'] * 6
    delete(it, rules[0])
    after = it.cells(read(it.dataset), "labels")
    assert [cell or "" for cell in after] == it.cells(it.version, "labels")
    assert not Rule.objects.exists()


def test_a_rule_that_was_never_applied_goes_without_a_version(it: Labelled, rules: list[str]) -> None:
    post(it, f"rules/{rules[0]}/apply", status=200)
    made = it.done()
    it.api.delete(f"/api/v1/datasets/{it.dataset.pk}/rules/{rules[1]}")
    lost = post(it, "rules", {"kind": "regex", "pattern": "question number [0-2] ", "label": "lost"})["id"]
    assert post(it, f"rules/{lost}/apply", status=200) == {"labelled": 0}
    never = post(it, "rules", {"pattern": "question", "label": "new"})["id"]
    delete(it, never)
    assert it.dataset.versions.order_by("number").last() == made
    delete(it, lost)
    assert it.dataset.versions.order_by("number").last() == made, "it labelled nothing"


def test_a_label_that_two_rules_give_stays_with_the_other_and_is_never_tested_on(
    it: Labelled, rules: list[str]
) -> None:
    twice = post(it, "rules", {"kind": "regex", "pattern": "number [0-3] ", "label": "late", "name": "twice"})["id"]
    for rule in (rules[0], twice):
        post(it, f"rules/{rule}/apply", status=200)
    it.done()
    delete(it, rules[0])
    made = read(it.dataset)
    assert [cell or "" for cell in it.cells(made, "labels")[ROWS:]] == ['["late"]'] * 4 + [""] * 2
    sources = pq.read_table(made.folder / "label_sources.parquet").to_pylist()
    assert {row["row"]: row["source"] for row in sources} == dict.fromkeys(POOL[:4], "rule:twice")


def meanwhile(said: Callable[[], Any]) -> Callable[..., Any]:
    """Somebody says something just before a decision is changed or deleted."""
    waiting = [said]

    def wrapper(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if waiting and sql.startswith(("UPDATE", "DELETE")) and '"labelling_decision"' in sql:
            waiting.pop()()
        return execute(sql, *rest)

    return wrapper


def test_what_a_person_says_while_rules_are_applied_and_removed_stays(it: Labelled, rules: list[str]) -> None:
    post(it, f"rules/{rules[0]}/apply", status=200)
    with connection.execute_wrapper(meanwhile(lambda: it.send([{"row": 31, "value": []}]))):
        assert post(it, f"rules/{rules[1]}/apply", status=200) == {"labelled": 2}
    assert values()[:2] == [(31, "[]", "person"), (32, '["late", "lost"]', "rule:all")]
    with connection.execute_wrapper(meanwhile(lambda: it.send([{"row": 32, "value": ["lost"]}]))):
        delete(it, rules[0])
    assert values() == [(31, "[]", "person"), (32, '["lost"]', "person"), (33, '["lost"]', "rule:some")]


def test_the_queue_of_a_label_finds_it_however_it_is_written(it: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubts, "MOST_OF_LABEL", 2)
    path = it.version.folder / "data.parquet"
    cells = [
        r'["another"]',
        r'["another", "late"]',
        r'["another"]',
        r'["other"]',
        r'["a\\b \"c\""]',
        r'["caf\u00e9", "other"]',
    ]
    table = pq.read_table(path)
    cells += table.column("labels").to_pylist()[len(cells) :]
    place = table.column_names.index("labels")
    pq.write_table(table.set_column(place, "labels", pa.array(cells, pa.string())), path)
    found = {
        label: [doubt.row for doubt in doubts.of_label(it.version, label)] for label in ("other", 'a\\b "c"', "café")
    }
    assert found == {"other": [4, 6], 'a\\b "c"': [5], "café": [6]}


def test_the_page_of_rules_says_that_they_add(it: Labelled, rules: list[str]) -> None:
    page = it.browser.get(reverse("label_rules", args=[it.prototype.pk])).content.decode()
    assert "Adds the label" in page
    assert "right on 20 of" in page
    assert "Split its rows" in page


def test_labels_are_renamed_within_answers(it: Labelled) -> None:
    it.send([{"row": 31, "value": ["late", "new"]}])
    post(it, "labels/rename", {"labels": ["late"], "name": "slow"}, 202)
    assert Decision.objects.get().value == '["new", "slow"]'
    made = read(it.dataset)
    assert it.cells(made, "labels")[:3] == ['["lost", "slow"]', '["slow"]', "[]"]
    post(it, "labels/rename", {"labels": ["slow"], "name": "lost"}, 202)
    merged = read(it.dataset)
    assert it.cells(merged, "labels")[:3] == ['["lost"]', '["lost"]', "[]"]
    problem = post(it, "labels/rename", {"labels": ["never heard of"], "name": "x"}, 422)
    assert problem["code"] == "bad_label"


def test_what_a_person_says_while_labels_are_renamed_stays(it: Labelled) -> None:
    it.send([{"row": 31, "value": ["late"]}, {"row": 32, "value": ["late"]}])
    with connection.execute_wrapper(meanwhile(lambda: it.send([{"row": 31, "value": ["lost"]}]))):
        post(it, "labels/rename", {"labels": ["late"], "name": "slow"}, 202)
    assert values() == [(31, '["lost"]', "person"), (32, '["slow"]', "person")]


def test_look_alikes_get_all_labels_of_a_row(it: Labelled, workspace: Workspace, api_of: ClientOf) -> None:
    address = reverse("label_alike", args=[it.prototype.pk])
    assert it.ask("labelling")["at_work"]
    guide(it.dataset)
    it.send([{"row": 31, "value": ["late", "lost"]}])
    page = it.browser.get(f"{address}?row=31&value=late&value=lost").content.decode()
    rows = [int(part.partition('"')[0]) for part in page.split('name="row" value="')[1:]]
    assert rows
    assert set(rows) < set(POOL)
    assert "late, lost" in page
    assert page.count('<input type="hidden" name="value"') == 2
    assert "none of the labels" in it.browser.get(f"{address}?row=31").content.decode()
    assert [item["row"] for item in it.ask("alike?row=31")["items"]] == rows
    it.by(workspace, api_of).send([{"row": rows[0], "value": []}])
    sent = {"version": it.version.pk, "row": rows, "value": ["late", "lost"]}
    saved = it.browser.post(address, sent, headers=JSON).json()
    assert saved["saved"] == rows[1:]
    assert "skipped" in saved["news"]
    assert {value for row, value, _source in values() if row in rows[1:]} <= {'["late", "lost"]'}
    it.browser.post(
        reverse("undo_label", args=[it.prototype.pk]), {"version": it.version.pk, "rows": rows}, headers=JSON
    )
    assert [row for row, _value, _source in values()] == sorted([31, rows[0]])
