"""The form of a model that looks at a picture and reads the text beside it."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import render_to_string

from tests import things
from trainer.tasks.image_text_classification import ImageTextClassification
from webapp.accounts.models import Workspace
from webapp.core.problems import Problem
from webapp.runs import inputs
from webapp.runs.models import Run

pytestmark = pytest.mark.django_db
PICTURE = ImageTextClassification.sample()[0]["image"]


@pytest.fixture
def run(workspace: Workspace, settings: Any, tmp_path: Any) -> Run:
    settings.MAQUETTE_DATA = tmp_path
    made = things.run(things.prototype(workspace))
    made.task = ImageTextClassification.slug
    made.artifact.mkdir(parents=True)
    declared = [{"name": "image", "kind": "image"}, {"name": "text", "kind": "text", "long": True}]
    (made.artifact / "manifest.json").write_text(json.dumps({"inputs": declared}))
    return made


def test_the_text_may_stay_empty_and_the_picture_may_not(run: Run) -> None:
    page = render_to_string("runs/_inputs.html", inputs.try_it(run))
    picture, text = (line for line in page.splitlines() if 'name="in-' in line)
    assert ' type="file"' in picture
    assert " required" in picture
    assert "<textarea" in text
    assert " required" not in text


def test_what_was_sent_is_one_input(run: Run) -> None:
    file = SimpleUploadedFile("a.png", PICTURE, "image/png")
    for text in ("so rude", ""):
        asked = inputs.read(run, {"in-1": text}, {"in-0": file})
        file.seek(0)
        assert ImageTextClassification.check_input(asked.value) is None
        assert asked.value["text"] == text
    assert asked.media[0]["kind"] == "image"
    with pytest.raises(Problem):
        inputs.read(run, {"in-1": ""}, {})
