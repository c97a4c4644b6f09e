"""Data of one kind of answer, and people who label it on the page and by REST."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from tests.labelling.rows import made_from, read
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.datasets import versions
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.labelling.models import Decision, Guide
from webapp.labelling.queue import suggestions_file
from webapp.prototypes.actions import create_prototype
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

JSON = {"Accept": "application/json"}


@dataclass(frozen=True)
class Labelled:
    dataset: Dataset
    prototype: Prototype
    version: DatasetVersion
    user: User
    browser: Client
    api: Client

    def page(self, query: str = "?order=file") -> str:
        answer = self.browser.get(reverse("label", args=[self.prototype.pk]) + query)
        assert answer.status_code == 200
        return answer.content.decode()

    def decide(self, row: int, status: int = 200, **fields: Any) -> Any:
        """By the page's script."""
        sent = {"version": self.version.pk, "row": row, **fields}
        answer = self.browser.post(reverse("label", args=[self.prototype.pk]), sent, headers=JSON)
        assert answer.status_code == status, answer.content
        return answer.json()

    def send(self, labels: list[Any], status: int = 201, path: str = "") -> Any:
        address = f"/api/v1/datasets/{self.dataset.pk}/labels{path}"
        answer = self.api.post(address, json.dumps({"labels": labels}), content_type="application/json")
        assert answer.status_code == status, answer.content
        return answer.json()

    def undo(self) -> Any:
        return self.send([], 200, "/undo")

    def done(self) -> DatasetVersion:
        self.send([], 202, "/done")
        return read(self.dataset) if self.dataset.latest != self.version else self.version

    def ask(self, path: str) -> Any:
        answer = self.api.get(f"/api/v1/datasets/{self.dataset.pk}/{path}")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def cells(self, version: DatasetVersion, column: str) -> list[str | None]:
        cells: list[str | None] = pq.read_table(version.folder / "data.parquet").column(column).to_pylist()
        return cells

    def suggest(self, said: dict[int, object]) -> Run:
        """As a finished run, and the worker that asked its model, left it: {row: its answer}."""
        run = things.run(self.prototype, task=self.version.suggestion["task"], name="Quick one")
        rows = [
            (row, json.dumps(value), 0.75, place, False, "uncertain") for place, (row, value) in enumerate(said.items())
        ]
        names = ("row", "label", "confidence", "place", "reserved", "reason")
        path = suggestions_file(self.version)
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), path)
        facts = {"reader": "model", "model": run.pk, "model_name": run.name}
        given = {"workspace": self.dataset.workspace, "version": self.version, "finished_at": timezone.now()}
        Guide.objects.update_or_create(dataset=self.dataset, defaults={"due": False, "result": facts, **given})
        return run

    def check_shared(self, other: "Labelled", row: int, value: object, instead: object, column: str, cell: str) -> str:
        """Who comes second to a row is told, and nothing changes; what was said goes on to a version that came underneath. The sentence
        that was told."""
        other.send([{"row": row, "value": value}])
        problem = self.send([{"row": row, "value": instead}], 409)
        assert (problem["code"], problem["detail"].partition(":")[0]) == (
            "decided_meanwhile",
            f"Bea has decided on row {row} meanwhile",
        )
        assert problem["hint"]
        assert len(problem["detail"]) < 300
        versions.change(self.version, self.user, {"drop": [1, 2]})
        newer = read(self.dataset)
        self.decide(row, 409, value=json.dumps(instead))
        assert self.ask("labelling")["pending"] == 1
        assert Decision.objects.get().row == row - 2
        self.send([], 202, "/done")
        made = read(self.dataset)
        assert (made.number, newer.number) == (3, 2)
        assert self.cells(made, column)[row - 3] == cell
        assert pq.read_table(made.folder / "label_sources.parquet").column("row").to_pylist()[-1] == row - 2
        return str(problem["detail"])

    def append(self, rows: list[dict[str, Any]], column: str) -> tuple[list[str | None], list[str | None], str]:
        """(cells of the answer, parts) of rows that join by REST, and what was told of them."""
        address = f"/api/v1/datasets/{self.dataset.pk}/rows"
        answer = self.api.post(address, json.dumps({"rows": rows}), content_type="application/json")
        assert answer.status_code == 202, answer.content
        made = read(self.dataset)
        before = self.version.rows
        parts = pq.read_table(made.folder / "split.parquet").column("split").to_pylist()
        assert parts[:before] == pq.read_table(self.version.folder / "split.parquet").column("split").to_pylist()
        told = " ".join(problem["message"] for problem in made.problems)
        return self.cells(made, column)[before:], parts[before:], told

    def by(self, workspace: Workspace, api_of: Callable[[User], Client]) -> "Labelled":
        """As somebody else."""
        bea = User.objects.create_user("bea@example.org", name="Bea")
        Membership.objects.create(workspace=workspace, user=bea, role=Role.LABELLER)
        return replace(self, api=api_of(bea))


def of_dataset(dataset: Dataset, user: User, browser: Client, api: Client) -> Labelled:
    version = dataset.current
    assert version is not None
    return Labelled(dataset, create_prototype(dataset, user), version, user, browser, api)


def labelled(content: bytes, user: User, workspace: Workspace, folder: Path, browser: Client, api: Client) -> Labelled:
    return of_dataset(made_from(content, user, workspace, folder), user, browser, api)
