"""/storage and /retention: what the workspace keeps on disk, and for how long. A workspace or an account is deleted on its page
alone, since no token has that right."""

from typing import Any

from django.conf import settings
from ninja import Field, Router

from webapp.accounts import actions as accounts
from webapp.accounts.access import load
from webapp.accounts.forms import MOST_DAYS
from webapp.accounts.models import Workspace
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.api.auth import Body, Token
from webapp.api.workspace_schemas import DatasetRetention, RetentionOut, StorageOut
from webapp.datasets import actions as datasets
from webapp.datasets.models import Dataset
from webapp.datasets.quota import room, used_by_kind

router = Router(tags=["storage"])
ADMIN = Token(Right.ADMINISTER)
DAYS = Field(ge=0, le=MOST_DAYS, description="0: for good; null: as long as the site keeps it")


class DaysIn(Body):
    days: int | None = DAYS


class RetentionIn(Body):
    feedback_days: int | None = DAYS


@router.get("/storage", response=StorageOut)
def storage(request: AuthedRequest) -> dict[str, Any]:
    """Bytes that count towards the quota, by kind. Caches are emptied when something else needs their room."""
    used = used_by_kind(request.workspace)
    total = sum(used.values())
    return {"used": used, "total": total, "quota": settings.MAQUETTE_QUOTA_BYTES, "room": room(request.workspace)}


def retention_shape(workspace: Workspace) -> dict[str, Any]:
    return {
        "feedback_days": workspace.feedback_days,
        "default_feedback_days": settings.FEEDBACK_RETENTION_DAYS,
        "default_dataset_days": settings.DATASET_RETENTION_DAYS,
    }


@router.get("/retention", response=RetentionOut)
def get_retention(request: AuthedRequest) -> dict[str, Any]:
    """How many days what visitors of demos typed, sent and rated is kept; 0: for good."""
    return retention_shape(request.workspace)


@router.put("/retention", response=RetentionOut, auth=ADMIN)
def put_retention(request: AuthedRequest, payload: RetentionIn) -> dict[str, Any]:
    accounts.keep_feedback(request.workspace, payload.feedback_days, request.user)
    return retention_shape(request.workspace)


def dataset_shape(dataset: Dataset) -> dict[str, Any]:
    return {"days": dataset.retention_days, "default_days": settings.DATASET_RETENTION_DAYS}


@router.get("/datasets/{pk}/retention", response=DatasetRetention)
def get_dataset_retention(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """How many days after its last use a dataset is deleted with all that was made from it; 0: never."""
    return dataset_shape(load(Dataset, request.workspace, pk))


@router.put("/datasets/{pk}/retention", response=DatasetRetention, auth=ADMIN)
def put_dataset_retention(request: AuthedRequest, pk: str, payload: DaysIn) -> dict[str, Any]:
    dataset = load(Dataset, request.workspace, pk)
    datasets.keep_for(dataset, payload.days, request.user)
    return dataset_shape(dataset)
