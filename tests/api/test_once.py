"""Idempotency-Key: what is kept of an answer, what tells two requests apart, and for how long."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.api.auth import AT_WORK
from webapp.api.models import IdempotentAnswer
from webapp.api.tasks import sweep
from webapp.datasets.models import Dataset
from webapp.endpoints.models import EndpointKey

ApiOf = Callable[[User], Client]
KEY = {"Idempotency-Key": "one"}


def test_a_key_is_in_the_first_answer_and_nowhere_else(user: User, workspace: Workspace, api_of: ApiOf) -> None:
    things.endpoint(things.run(things.prototype(workspace)))
    client = api_of(user)

    def ask() -> dict:
        answer = client.post(
            "/api/v1/endpoints/the-demo/keys", {"name": "x"}, content_type="application/json", headers=KEY
        )
        assert answer.status_code == 201
        return answer.json()

    first, again = ask(), ask()
    assert first["key"].startswith("mqe_")
    assert again == first | {"key": None}
    assert first["key"] not in str(list(IdempotentAnswer.objects.values()))
    assert EndpointKey.objects.count() == 2


def test_another_file_is_another_request(user: User, api_of: ApiOf) -> None:
    client = api_of(user)

    def send(content: bytes, name: str = "rows.csv") -> int:
        fields = {"name": "rows", "file": SimpleUploadedFile(name, content)}
        return client.post("/api/v1/datasets", fields, headers=KEY).status_code

    rows = b"text,label\na,b\n"
    assert [send(rows), send(rows)] == [201, 201]
    assert send(b"text,label\na,c\n") == 409
    assert send(rows, "other.csv") == 409
    (dataset,) = Dataset.objects.all()
    (kept,) = dataset.upload_folder.iterdir()
    assert kept.read_bytes() == rows, "reading it for its hash took nothing away"


def test_answers_are_forgotten_after_a_day(user: User, workspace: Workspace) -> None:
    fields = {"workspace": workspace, "path": "/x", "digest": "", "status": 201}
    IdempotentAnswer.objects.create(key="old", **fields)
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    IdempotentAnswer.objects.create(key="new", **fields)
    sweep()
    assert IdempotentAnswer.objects.get().key == "new"


def test_a_request_whose_process_was_killed_is_not_at_work_for_a_day(user: User, api_of: ApiOf) -> None:
    """It left its key behind. Whether it did its work cannot be told, so it is not done again either."""
    client, body = api_of(user), {"name": "x"}

    def ask() -> tuple[int, str]:
        answer = client.post("/api/v1/endpoints/none/keys", body, content_type="application/json", headers=KEY)
        return answer.status_code, answer.json()["code"]

    digest = hashlib.sha256(json.dumps(body).encode()).hexdigest()
    mine = hashlib.sha256(f"{user.pk}:one".encode()).hexdigest()
    path = "/api/v1/endpoints/none/keys"
    IdempotentAnswer.objects.create(workspace=user.workspaces.get(), key=mine, path=path, digest=digest)
    assert ask() == (409, "at_work")
    IdempotentAnswer.objects.update(created_at=timezone.now() - AT_WORK)
    assert ask() == (409, "outcome_unknown")
