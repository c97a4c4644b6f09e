"""Everything that a person and their workspace have here, as one zip: their rows as JSON, and their files."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, QuerySet

from webapp.accounts import security
from webapp.accounts.access import member
from webapp.accounts.confirming import confirmed_download
from webapp.accounts.models import Membership, SecurityEvent, User, Workspace
from webapp.accounts.requests import AuthedRequest
from webapp.core.downloads import Remote, ZipOf
from webapp.core.files import files_below, safe_name
from webapp.core.models import WorkspaceOwned
from webapp.costs.models import Budget
from webapp.datasets.models import Dataset
from webapp.endpoints.models import UsageHour
from webapp.runs import storage
from webapp.runs.models import Run

LEFT_OUT = ("idempotentanswer", "reservation")
"""Rows that only serve the next minutes."""
SECRETS = ("digest", "token", "lease", "password", "sealed")
README = """Your account and the workspace "{workspace}", as Maquette has them.

account.json     you, and the workspaces that you belong to
rows/            one file for each kind of object, as JSON; secrets such as keys are not kept and not in here
uploads/         files as they were uploaded, by dataset
datasets/        rows that were read from them, as Parquet, by dataset and version
runs/            settings, events, reports and models, by run
MISSING.txt      what could not be fetched from object storage, if anything; its pages offer it later
"""


@member
@confirmed_download("settings")
def export(request: AuthedRequest) -> ZipOf:
    """Nothing of it is written to the disk."""
    workspace = request.workspace
    runs = list(Run.objects.for_workspace(workspace))
    datasets = list(Dataset.objects.for_workspace(workspace))
    away = [run for run in runs if run.stored_at and not run.artifact.is_dir()]
    readme = README.format(workspace=workspace.name)
    made = [("README.txt", readme.encode()), ("account.json", as_json(account(request.user)))]
    made += [(f"rows/{name}.json", as_json(rows)) for name, rows in rows_of(workspace).items()]
    places = [(run.folder, f"runs/{run.pk}") for run in runs]
    for dataset in datasets:
        places += [(dataset.upload_folder, f"uploads/{dataset.pk}"), (dataset.folder, f"datasets/{dataset.pk}")]
    files = [
        (path, f"{name}/{path.relative_to(folder).as_posix()}")
        for folder, name in places
        for path, _facts in sorted(files_below(folder))
    ]
    security.record(request, "own_data_downloaded", workspace=workspace)
    return ZipOf(made, files, f"maquette-{safe_name(workspace.name) or 'workspace'}.zip", remote_files(away))


def remote_files(runs: list[Run]) -> Iterator[Remote]:
    """Of runs whose artifact is in the bucket alone. One that cannot be listed stands for all its files."""
    for run in runs:
        folder = f"runs/{run.pk}/artifact"
        try:
            yield from (Remote(f"{folder}/{path}", opened) for path, opened in storage.stored_files(run))
        except OSError as error:
            yield Remote(folder, partial(refuse, error))


def refuse(error: OSError) -> None:
    raise error


def account(user: User) -> dict[str, Any]:
    memberships = user.memberships.select_related("workspace")
    return {
        "email": user.email,
        "name": user.name,
        "date_joined": user.date_joined,
        "security_log": [row_of(event) for event in SecurityEvent.objects.filter(user=user, is_copy=False)],
        "workspaces": [
            {"id": membership.workspace_id, "name": membership.workspace.name, "role": membership.role}
            for membership in memberships
        ],
    }


def rows_of(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """{kind of object: its rows}."""
    rows: dict[str, QuerySet[Any]] = {
        "workspace": Workspace.objects.filter(pk=workspace.pk),
        "budget": Budget.objects.filter(workspace=workspace),
        "usagehour": UsageHour.objects.filter(endpoint__workspace=workspace),
    }
    for model in apps.get_models():
        if issubclass(model, WorkspaceOwned) and model._meta.model_name not in LEFT_OUT:
            rows[str(model._meta.model_name)] = model.objects.filter(workspace=workspace)
    members = Membership.objects.filter(workspace=workspace).values("user__email", "role", "created_at")
    return {"members": [dict(fields) for fields in members]} | {
        name: [row_of(row) for row in rows] for name, rows in rows.items()
    }


def row_of(row: Model) -> dict[str, Any]:
    """All of its fields but secrets."""
    fields = [field for field in row._meta.concrete_fields if field.name not in SECRETS]
    return {field.attname: field.value_from_object(row) for field in fields}


def as_json(rows: object) -> bytes:
    return json.dumps(rows, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1).encode()
