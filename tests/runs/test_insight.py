"""The view from above on a run's page: the map opens rows, rules and curves are in words; the API has the same."""

import html
import json
from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.runs import insight
from webapp.runs.models import Examination, Run

ClientOf = Callable[[User], Client]
POINTS = [
    {"row": row, "x": row / 9, "y": 1 - row / 9, "label": row % 7 if row else None, "part": part, "right": right, "shown": f"text <{row}>"}
    for row, (part, right) in enumerate([("train", None)] * 5 + [("test", True), ("test", False), ("pool", None)], 1)
]  # fmt: skip
TREE = {
    "column": "plan", "level": "monthly", "rows": 9,
    "yes": {"column": "since", "part": "month", "at_most": 6.5, "rows": 5,
            "yes": {"answer": "leaves", "share": 0.9, "rows": 3}, "no": {"answer": "stays", "share": 0.6, "rows": 2}},
    "no": {"answer": "stays", "share": 1.0, "rows": 4},
}  # fmt: skip
FOUND: dict[str, Any] = {
    "map": {
        "reader": "words",
        "labels": list("abcdefg"),
        "variance": [0.4, 0.2],
        "points": POINTS,
        "classes": [{"label": "a", "rows": 2, "typical": [1], "odd": [2]}],
        "nearest": {"7": [{"row": 3, "similarity": 0.91}]},
    },
    "tree": {"tree": TREE, "fidelity": {"value": 0.9, "low": 0.8, "high": 0.95, "rows": 60}},
    "dependence": {
        "labels": ["stays"],
        "columns": [
            {"column": "age", "kind": "number", "values": [20, 40, 60], "answers": [[0.2], [0.5], [0.9]], "span": 0.7},
            {"column": "plan", "kind": "category", "values": ["free"], "answers": [[0.5]], "span": 0},
        ],
    },
}


def run_of(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace))
    made.artifact.mkdir(parents=True)
    for name in ("report", "manifest"):
        (made.artifact / f"{name}.json").write_text("{}")
    return made


def test_rows_that_are_files_are_seen_and_heard(workspace: Workspace, user: User, client_of: ClientOf) -> None:
    for kind, element in (("image", "<img"), ("audio", "<audio")):
        run = run_of(workspace)
        (run.artifact / "manifest.json").write_text(json.dumps({"inputs": [{"name": kind, "kind": kind}]}))
        Run.objects.filter(pk=run.pk).update(task=f"{kind}-classification")
        name = "0123456789abcdef01234567.wav"
        points = [one | {"shown": name} for one in POINTS]
        browser = client_of(user)
        browser.post(reverse("examination", args=[run.pk, "insight"]))
        found = FOUND | {"map": FOUND["map"] | {"points": points}, "tree": None, "dependence": None}
        Examination.objects.filter(run=run).update(result=found)
        page = browser.get(reverse("run", args=[run.pk]), {"row": 7}).content.decode()
        address = reverse("run_media", args=[run.pk, name])
        assert page.count(f'src="{address}') == 4, "the row, its neighbour, a typical and an odd one"
        assert element in page


def test_the_map_colours_and_opens_rows(
    workspace: Workspace, user: User, client_of: ClientOf, api_of: ClientOf
) -> None:
    run, browser = run_of(workspace), client_of(user)

    def page(**query: object) -> str:
        text = browser.get(reverse("run", args=[run.pk]), query).content.decode()
        return html.unescape(text).replace("\xa0", " ")

    assert "Look from above" in page()
    browser.post(reverse("examination", args=[run.pk, "insight"]))
    assert "read and compared" in page()
    Examination.objects.update(result=FOUND)
    assert page().count('tabindex="-1"><circle') == len(POINTS)
    assert "60 % of what differs" in page()
    opened = page(colour="right", row=7)
    assert "Row 7" in opened
    assert "wrong" in opened
    assert "91 %" in opened
    assert "?colour=right&row=3#insight" in opened
    assert "<title>text <7>" in opened
    assert "Row 99" not in page(row=99)
    assert "Row" in page(row="x")
    told = api_of(user).get(f"/api/v1/runs/{run.pk}/insight").json()
    assert told["map"]["nearest"] == FOUND["map"]["nearest"]
    assert api_of(user).post(f"/api/v1/runs/{run.pk}/insight").status_code == 200


def test_colours() -> None:
    by_label = insight.colours_of(FOUND["map"], "label")
    assert [css for css, _label in by_label.keys] == [*insight.COLOURS, "others"]
    assert insight.colours_of(FOUND["map"], "right").of[5:7] == ["k1", "k4"]
    assert insight.colours_of(FOUND["map"], "part").of == ["k1"] * 5 + ["k5"] * 2 + ["others"]
    six = [point | {"label": place % 6} for place, point in enumerate(POINTS)]
    named = FOUND["map"] | {"labels": list("abcdef"), "points": six}
    assert sorted(str(label) for _css, label in insight.colours_of(named, "label").keys) == list("abcdef")
    bare = FOUND["map"] | {"labels": [], "points": [point | {"label": None} for point in POINTS]}
    assert [name for name, _title, _chosen in insight.map_of(bare, "label", None)["colours"]] == ["part"]


def test_rules_and_curves() -> None:
    told = insight.described(FOUND)
    assert [rule["when"] for rule in told["rules"]] == [
        "plan is “monthly” and since (month) ≤ 6.50",
        "plan is “monthly” and since (month) > 6.50",
        "plan is not “monthly”",
    ]
    assert told["fidelity"].replace("\xa0", " ") == (
        "It answers 90 % of 60 test rows as the model does (95 % CI 80 % to 95 %)."
    )
    age, plan = told["curves"]
    assert "20: 20" in age["chart"].replace("\xa0", " ")
    assert plan["lines"][0]["value"] == "free"
    assert insight.described({"map": None, "tree": None, "dependence": None}) == {
        "map": None, "rules": [], "fidelity": "", "curves": [],
    }  # fmt: skip
