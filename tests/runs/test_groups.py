"""Groups of a run's test rows: page and API say the same, only to those who may look at the rows."""

import html
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from tests.run_pages import opens, opens_for_strangers
from trainer.group_scores import LEAST_ROWS
from trainer.groups import MOST_GROUPS
from webapp.accounts.models import Membership, User, Workspace
from webapp.accounts.rights import Right, Role
from webapp.runs import grouping
from webapp.runs.models import Run, Status

ClientOf = Callable[[User], Client]
CITIES = ["Bonn"] * 60 + ["Köln"] * 60 + ["Aachen"] * 5
AGES = [str(18 + row % 50) for row in range(124)] + [""]
TRUTH = ["good", "bad"] * 62 + ["good"]
PREDICTED = TRUTH[:60] + ["good"] * 65
"""All right in Bonn, half of it in Köln."""


def finished(
    workspace: Workspace,
    columns: dict[str, Sequence[str]] | None = None,
    truth: Sequence[Any] = TRUTH,
    predicted: Sequence[Any] = PREDICTED,
    labels: Sequence[str] = ("bad", "good"),
    **fields: Any,
) -> Run:
    """A finished run that was tested on all rows of its version."""
    columns = columns or {"city": CITIES, "age": AGES, "mail": [f"{row}@example.org" for row in range(125)]}
    run = things.run(things.prototype(workspace), **fields)
    version = run.version
    pq.write_table(pa.table({name: list(cells) for name, cells in columns.items()}), version.folder / "data.parquet")
    kinds = {"age": "number", "photo": "image"}
    described = [{**things.COLUMNS[0], "name": name, "kind": kinds.get(name, "category")} for name in columns]
    version.profile |= {"columns": described}
    version.save()
    table = {"row": list(range(1, len(truth) + 1)), "text": ["hello"] * len(truth)}
    run.artifact.mkdir(parents=True)
    table |= {"truth": list(truth), "predicted": list(predicted)}
    pq.write_table(pa.table(table), run.artifact / "predictions.parquet")
    (run.artifact / "manifest.json").write_text(json.dumps({"labels": list(labels)}), "utf-8")
    return run


def asked(client: Client, run: Run, **query: str) -> Any:
    return client.get(f"/api/v1/runs/{run.pk}/groups", query)


def card(client: Client, run: Run, **query: str) -> str:
    answered = client.get(reverse("run", args=[run.pk]), query)
    assert answered.status_code == 200
    text = html.unescape(answered.content.decode()).replace("\xa0", " ")
    found = re.search(r'<section class="panel" id="groups".*?</section>', text, re.DOTALL)
    return found[0] if found else ""


def test_page_and_api_agree(workspace: Workspace, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    run = finished(workspace)
    told = asked(api_of(user), run, by="city").json()
    assert (told["by"], told["metric"], told["rows"], told["least_rows"]) == ("city", "accuracy", 125, LEAST_ROWS)
    groups = {group["name"]: group for group in told["groups"]}
    assert {name: group["rows"] for name, group in groups.items()} == {"Bonn": 60, "Köln": 60, "Aachen": 5}
    assert (groups["Bonn"]["score"]["value"], groups["Köln"]["score"]["value"]) == (1.0, 0.5)
    assert (groups["Aachen"]["score"], groups["Aachen"]["reason"]) == (None, "few_rows")
    gap = told["gap"]
    assert (gap["first"], gap["second"], gap["value"], gap["verdict"]) == ("Bonn", "Köln", 0.5, "gap")
    shown = card(client_of(user), run, by="city")
    sentence = told["sentence"].replace("\xa0", " ")
    assert sentence in shown
    assert sentence.startswith(
        "“Köln” 50.0 % (37.7–62.3 %) against “Bonn” 100.0 %: the gap is 50.0 points (95 % CI 36."
    )
    assert "not judged: fewer than 20 test rows" in shown
    assert shown.count('<svg class="strip') == 2
    assert '<option value="city" selected>' in shown


def test_rates_of_two_classes(workspace: Workspace, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    run = finished(workspace)
    told = asked(api_of(user), run, by="city", positive="good").json()
    assert told["positive"] == "good"
    rates = {group["name"]: group["rates"] for group in told["groups"]}
    assert rates["Bonn"]["selection_rate"]["value"] == 0.5
    assert rates["Köln"]["false_positive_rate"] == pytest.approx(
        {"value": 1.0, "low": 0.886, "high": 1, "rows": 30}, abs=1e-3
    )
    assert told["rates"]["true_positive_rate"]["verdict"] == "not shown"
    assert told["equalised_odds"] == 1.0
    assert asked(api_of(user), run, by="city").json()["positive"] == "bad", "fewer rows have it"
    shown = card(client_of(user), run, by="city", positive="good")
    for words in (
        "Predicted “good” · selection rate: “Bonn” 50.0 % (37.7–62.3 %) against “Köln” 100.0 %",
        "Of the actual “good” · true positive rate: No difference between the groups that can be shown",
        "Of the others · false positive rate: “Bonn” 0.0 % (0.0–11.4 %) against “Köln” 100.0 %",
        "Equalised odds: the larger of the last two gaps is 100.0 points.",
        "<option selected>good</option>",
    ):
        assert words in shown


def test_a_condition(workspace: Workspace, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    run, condition = finished(workspace), "age < 40 and city != Aachen"
    told = asked(api_of(user), run, by=condition).json()
    assert [group["name"] for group in told["groups"]] == [condition, f"not ({condition})"]
    assert told["rows"] == 125, "the row without an age is in Aachen, which decides"
    shown = card(client_of(user), run, condition=condition, by="city")
    assert f'value="{condition}"' in shown
    assert "all others" in shown
    assert "selected>city" not in shown, "a condition goes before a column"
    assert asked(api_of(user), run, by="age < 40").json()["rows"] == 124


def test_numbers_are_bands_and_further_values_are_counted(
    workspace: Workspace, user: User, client_of: ClientOf, api_of: ClientOf
) -> None:
    run = finished(workspace)
    told = asked(api_of(user), run, by="age").json()
    assert told["groups"][0]["name"] == "18 – 27"
    assert told["groups"][-1]["name"] is None
    assert "(empty)" in card(client_of(user), run, by="age")
    told = asked(api_of(user), run, by="mail").json()
    assert (len(told["groups"]), told["others"], told["gap"]) == (MOST_GROUPS, 125 - MOST_GROUPS, None)
    shown = card(client_of(user), run, by="mail")
    assert "Fewer than two groups have enough test rows, so nothing is compared." in shown
    assert f"and {125 - MOST_GROUPS} further values" in shown


def test_a_number_is_told_in_its_own_unit(workspace: Workspace, user: User, client_of: ClientOf) -> None:
    truth = [float(row % 7) for row in range(125)]
    predicted = [value + (0.5 if row < 60 else 3 if row % 2 else -3) for row, value in enumerate(truth)]
    headline = {"name": "mae", "value": 1.8, "low": 1.5, "high": 2.0}
    run = finished(workspace, None, truth, predicted, (), task="text-regression", headline=headline)
    shown = card(client_of(user), run, by="city")
    assert "“Köln” 3 (3–3) against “Bonn” 0.500: the gap is 2.50 (95 % CI 2.50 to 2.50)." in shown
    assert "selection rate" not in shown
    assert "Rates of" not in shown


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"by": "town"}, 422, "unknown_column"),
        ({"by": ""}, 422, "unknown_column"),
        ({"by": "age <"}, 422, "bad_condition"),
        ({"by": "age < 5) or (1 = 1"}, 422, "bad_condition"),
        ({"by": "city", "positive": "great"}, 422, "unknown_label"),
    ],
)
def test_what_cannot_be_asked(
    query: dict[str, str],
    status: int,
    code: str,
    workspace: Workspace,
    user: User,
    client_of: ClientOf,
    api_of: ClientOf,
) -> None:
    run = finished(workspace)
    refused = asked(api_of(user), run, **query)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.json()["hint"]
    shown = card(client_of(user), run, condition=query["by"], positive=query.get("positive", ""))
    assert ('role="alert"' in shown) == bool(query["by"])
    assert f'value="{query["by"]}"' in shown, "what was typed is kept"


def test_what_is_gone_is_told(workspace: Workspace, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    run = finished(workspace)
    (run.version.folder / "data.parquet").unlink()
    assert asked(api_of(user), run, by="city").json()["code"] == "rows_gone"
    assert "cannot be read" in card(client_of(user), run, by="city")
    (run.artifact / "predictions.parquet").unlink()
    refused = asked(api_of(user), run, by="city")
    assert (refused.status_code, refused.json()["code"]) == (409, "answers_gone")
    assert card(client_of(user), run) == "", "nothing to ask about"
    Run.objects.filter(pk=run.pk).update(status=Status.RUNNING, headline=None)
    assert asked(api_of(user), run, by="city").json()["code"] == "no_score"


def test_results_stay_when_the_model_is_removed(workspace: Workspace, user: User, client_of: ClientOf) -> None:
    run = finished(workspace)
    Run.objects.filter(pk=run.pk).update(model_removed_at=timezone.now())
    assert "the gap is 50.0 points" in card(client_of(user), run, by="city")


def test_no_difference_names_what_does_not_differ(workspace: Workspace, user: User, api_of: ClientOf) -> None:
    """The score may be the same where one group gets an answer far more often."""
    run = finished(
        workspace, predicted=[*["good", "good", "bad", "good"] * 15, *["bad", "bad", "bad", "good"] * 15, *["good"] * 5]
    )
    told = asked(api_of(user), run, by="city").json()
    assert told["sentence"].startswith("No difference in accuracy between the groups that can be shown: the gap is")
    assert told["rates"]["selection_rate"]["verdict"] == "gap"


def test_a_long_cell_is_cut_on_the_page(
    workspace: Workspace, user: User, client_of: ClientOf, api_of: ClientOf
) -> None:
    text = "word " * 100
    run = finished(workspace, {"city": [text] * 60 + CITIES[60:]})
    assert asked(api_of(user), run, by="city").json()["groups"][1]["name"] == text.strip()
    shown = card(client_of(user), run, by="city")
    assert text[: grouping.LONGEST_NAME] + "…" in shown
    assert text.strip() not in shown


def test_media_are_no_groups(workspace: Workspace, user: User, client_of: ClientOf) -> None:
    shown = card(client_of(user), finished(workspace, {"photo": ["a.png"] * 125, "city": CITIES}))
    assert '<option value="city">' in shown
    assert "photo" not in shown
    assert "<table" not in shown, "nothing is computed before it is asked for"


@pytest.mark.parametrize("role", Role)
def test_who_may_look_at_the_rows_may_see_groups(role: Role, workspace: Workspace, api_of: ClientOf) -> None:
    """Also those of a column with personal data, as it stands in the rows that they may read and download."""
    run = finished(workspace)
    run.version.problems = [{"code": "personal_data", "columns": ["mail"], "severity": "warning", "message": "Mail"}]
    run.version.save()
    person = User.objects.create_user("person@example.org")
    membership = Membership.objects.create(workspace=workspace, user=person, role=role)
    reads = api_of(person).get(f"/api/v1/datasets/{run.version.dataset_id}/rows").status_code == 200
    assert reads == membership.can(Right.VIEW)
    assert (asked(api_of(person), run, by="mail").status_code == 200) == reads


def test_nobody_else_does(workspace: Workspace, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    theirs = finished(Workspace.objects.create(name="another"))
    assert asked(api_of(user), theirs, by="city").status_code == 404
    assert client_of(user).get(reverse("run", args=[theirs.pk]), {"by": "city"}).status_code == 404
    assert asked(Client(), theirs, by="city").status_code == 401
    opens_for_strangers(things.endpoint(theirs, visibility="link"))
    endpoint = things.endpoint(finished(workspace), slug="another-demo")
    shown = Client().get(reverse("demo", args=[endpoint.slug]), {"by": "mail"}).content.decode()
    assert "0@example.org" not in shown
    assert 'id="groups"' not in shown


def test_in_every_language(workspace: Workspace, user: User, client_of: ClientOf) -> None:
    run, browser = finished(workspace), client_of(user)
    for query in ("", "?by=city&positive=good", "?by=age", "?condition=age+<+40", "?condition=nothing"):
        opens(browser, reverse("run", args=[run.pk]) + query)


@pytest.mark.parametrize("reason", ["", "few_rows", "one_answer"])
def test_every_reason_has_words(reason: str) -> None:
    assert bool(grouping.reason_words(reason)) == bool(reason)
