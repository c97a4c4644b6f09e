"""The form of a model that reads a text and a question, and the call that its endpoint shows."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string

from tests import things
from trainer.tasks.question_answering import QuestionAnswering, inputs_of
from webapp.accounts.models import Workspace
from webapp.endpoints.snippets import example_of
from webapp.runs import inputs
from webapp.runs.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(workspace: Workspace, settings: Any, tmp_path: Path) -> Run:
    settings.MAQUETTE_DATA = tmp_path
    made = things.run(things.prototype(workspace))
    made.task = QuestionAnswering.slug
    made.save()
    made.artifact.mkdir(parents=True)
    (made.artifact / "manifest.json").write_text(json.dumps({"inputs": inputs_of()}))
    return made


def test_both_fields_are_named(run: Run) -> None:
    page = render_to_string("runs/_inputs.html", inputs.try_it(run), request=None)
    assert '<label for="in-0">Context</label>' in page
    assert "Question</label>" in page
    assert page.index("<textarea") < page.index('name="in-1"')


def test_what_was_written_is_one_input_that_the_task_takes(run: Run) -> None:
    asked = inputs.read(run, {"in-0": "Anna lives in Rome.", "in-1": "Where?"}, {})
    assert asked.value == {"context": "Anna lives in Rome.", "question": "Where?"}
    assert QuestionAnswering.check_input(asked.value) is None
    one_side = inputs.read(run, {"in-0": "Anna lives in Rome.", "in-1": ""}, {})
    assert "no question" in str(QuestionAnswering.check_input(one_side.value))


def test_the_call_that_is_shown_works(run: Run) -> None:
    endpoint = things.endpoint(run, visibility="link")
    assert QuestionAnswering.check_input(example_of(endpoint, run, inputs.fields_of(run))) is None
