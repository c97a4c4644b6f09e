"""Conversations of a demo that were judged become rows to learn from: the better answer, or the one that was liked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from tests.labelling.rows import made_from, read
from trainer.data.conversation_rows import conversation
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import Dataset
from webapp.endpoints.models import Endpoint, Feedback
from webapp.prototypes.actions import create_prototype

ROWS = 40
FORMS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "messages": lambda asked, answer: {"messages": [said("user", asked), said("assistant", answer)]},
    "sharegpt": lambda asked, answer: {
        "conversations": [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
    },
    "alpaca": lambda asked, answer: {"instruction": asked, "input": "", "output": answer},
}


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MAQUETTE_DATA = tmp_path


@pytest.fixture
def demo_of(user: User, workspace: Workspace, tmp_path: Path) -> Callable[[str], Endpoint]:
    def make(form: str) -> Endpoint:
        lines = [json.dumps(FORMS[form](f"Where is parcel {n}?", f"It is in hall {n}.")) for n in range(ROWS)]
        dataset = made_from("\n".join(lines).encode(), user, workspace, tmp_path)
        made: Endpoint = Endpoint.objects.create(
            workspace=workspace, prototype=create_prototype(dataset, user), name="Demo", slug="talks"
        )
        return made

    return make


def judged(endpoint: Endpoint, *texts: str, should: str = "", finish: str = "stop") -> str:
    """A conversation whose last text is the answer that was given."""
    *before, answer = texts
    messages = [said(("user", "assistant")[place % 2], text) for place, text in enumerate(before)]
    made = Feedback.objects.create(
        workspace=endpoint.workspace,
        endpoint=endpoint,
        input=json.dumps({"messages": messages}),
        output={"completion": answer, "finish": finish},
        verdict=Feedback.DOWN if should else Feedback.UP,
        should_have_been=should,
    )
    return str(made.pk)


def added(dataset: Dataset, column: str) -> list[Any]:
    """(cell, part) of the rows that were added."""
    version = read(dataset)
    cells = pq.read_table(version.folder / "data.parquet").column(column).to_pylist()
    parts = pq.read_table(version.folder / "split.parquet").column("split").to_pylist()
    return list(zip(cells, parts, strict=True))[ROWS:]


@pytest.mark.parametrize(("form", "column"), [("messages", "messages"), ("sharegpt", "conversations")])
def test_a_better_answer_and_a_liked_one_are_rows(
    form: str, column: str, demo_of: Callable[[str], Endpoint], user: User, client_of: Callable[[User], Client]
) -> None:
    endpoint = demo_of(form)
    better = judged(endpoint, "Hello", "Hi", "I am ada@example.org, where is it?", "No.", should="In hall 7.")
    liked = judged(endpoint, "Thank you", "You are welcome.")
    cut = judged(endpoint, "Tell me all", "It began", finish="length")
    browser, address = client_of(user), reverse("feedback_inbox", args=[endpoint.pk])
    page = browser.get(address).content.decode()
    assert "Only judgements" not in page
    assert "Asked: I am ⟨email⟩, where is it?" in page
    assert "ada@example.org" not in page
    assert ">In hall 7.</textarea>" in page
    assert ">You are welcome.</textarea>" in page
    assert ">It began</textarea>" not in page, "an answer that was cut is none to learn"
    refused = browser.post(address, {"chosen": cut, f"label-{cut}": " "})
    assert (refused.status_code, "A row needs an answer." in refused.content.decode()) == (422, True)
    sent = {f"label-{better}": "In hall 8.", f"label-{liked}": "You are welcome."}
    assert browser.post(address, {"chosen": [better, liked], **sent}).status_code == 302
    rows = added(endpoint.prototype.dataset, column)
    assert [part for _cell, part in rows] == ["train", "train"]
    read_back = [conversation(cell) for cell, _part in rows]
    assert [row and row.written for row in read_back] == ["In hall 8.", "You are welcome."]
    assert read_back[0]
    assert [turn["content"] for turn in read_back[0].turns] == ["Hello", "Hi", "I am ⟨email⟩, where is it?"]


def test_by_rest_a_question_and_its_answer(
    demo_of: Callable[[str], Endpoint], user: User, api_of: Callable[[User], Client]
) -> None:
    endpoint = demo_of("alpaca")
    one, talk = judged(endpoint, "Where?", "No."), judged(endpoint, "Hello", "Hi", "Where?", "No.")
    address = f"/api/v1/endpoints/{endpoint.slug}/feedback/rows"

    def post(**item: str) -> Any:
        return api_of(user).post(address, json.dumps({"items": [item]}), content_type="application/json")

    assert post(id=one).json()["code"] == "bad_row"
    assert "several questions" in post(id=talk, label="In hall 8.").json()["detail"]
    assert post(id=one, label="In hall 8.").status_code == 202
    dataset = endpoint.prototype.dataset
    assert added(dataset, "instruction") == [("Where?", "train")]
    assert Dataset.objects.get().latest.number == 2  # type: ignore[union-attr]
