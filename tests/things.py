"""Stored objects as the workers would leave them, made straight in the database and on disk."""

import json
from typing import Any

from webapp.accounts.models import Workspace
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.endpoints.models import Endpoint, EndpointKey, EndpointVersion, ShareLink
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run, Search

COLUMNS = [
    {"name": name, "kind": "text", "missing": 0, "there": 3, "distinct": 3} for name in ("text", "label", "note")
]
PROFILE = {
    "rows": 3,
    "columns": COLUMNS,
    "suggestion": {"task": "text-classification", "columns": {"text": "text", "label": "label"}, "sentence": "Read."},
    "labels": [{"label": "a", "count": 2}, {"label": "b", "count": 1}],
    "split": {"train": 1, "validation": 1, "test": 1, "unused": 0, "seed": 0, "how": "drawn", "given": False},
    "source": [{"name": "rows.csv", "format": "csv", "bytes": 30, "rows": 3}],
    "sha256": "0" * 64,
}
HEADLINE = {"name": "accuracy", "value": 0.9, "low": 0.8, "high": 0.95}


def dataset(workspace: Workspace, *, ready: bool = True, files: bool = False, **fields: Any) -> Dataset:
    """A dataset of one version; with `files` its rows are really there."""
    made = Dataset.objects.create(workspace=workspace, name=fields.pop("name", "rows"))
    state = {"status": "ready", "profile": PROFILE, "rows": 3} if ready else {}
    version = DatasetVersion.objects.create(workspace=workspace, dataset=made, number=1, **state, **fields)
    if files:
        write_rows(version)
    return made


def write_rows(version: DatasetVersion) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    version.folder.mkdir(parents=True)
    rows = {"text": ["one", "two", "three"], "label": ["a", "a", "b"], "note": ["", "", ""]}
    pq.write_table(pa.table(rows), version.folder / "data.parquet")
    pq.write_table(pa.table({"split": ["train", "validation", "test"]}), version.folder / "split.parquet")


def prototype(workspace: Workspace, **fields: Any) -> Prototype:
    return Prototype.objects.create(workspace=workspace, dataset=dataset(workspace, files=True), name="idea", **fields)


def run(owner: Prototype, number: int = 1, **fields: Any) -> Run:
    ended = {"status": "succeeded", "headline": HEADLINE, "progress": 1}
    recipe = {"task": "text-classification", "model": "local:tiny", "method": "full"}
    return Run.objects.create(
        workspace=owner.workspace,
        prototype=owner,
        version=owner.dataset.current,
        number=number,
        **(ended | recipe | fields),
    )


def search(owner: Prototype, **fields: Any) -> Search:
    """A search without trials, cancelled."""
    recipe = {"task": "text-classification", "model": "local:tiny", "method": "full", "number": 1}
    state = {"status": "cancelled", "due": False, "space": {"batch_size": {"choices": [8, 16]}}}
    return Search.objects.create(
        workspace=owner.workspace, prototype=owner, version=owner.dataset.current, **(recipe | state | fields)
    )


def endpoint(of: Run, slug: str = "the-demo", **fields: Any) -> Endpoint:
    """A live endpoint with a version, a key and a link."""
    state = {"status": "live", "visibility": "public", "name": "demo"} | fields
    made = Endpoint.objects.create(workspace=of.workspace, prototype=of.prototype, slug=slug, **state)
    version = EndpointVersion.objects.create(workspace=of.workspace, endpoint=made, run=of, number=1)
    made.current = version
    made.save()
    EndpointKey.issue(made, "first")
    ShareLink.issue(made, "first")
    return made


def write_events(of: Run, *events: dict[str, Any]) -> None:
    of.folder.mkdir(parents=True, exist_ok=True)
    of.events_path.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
