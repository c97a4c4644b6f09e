"""POST /datasets/{id}/rows: more rows for a dataset. An address has one router: that of datasets, which lists its rows too."""

from typing import Any, Literal

from ninja import File, Schema, Status, UploadedFile
from ninja.errors import ValidationError
from pydantic import Field
from pydantic import ValidationError as Unreadable

from webapp.accounts.access import load
from webapp.accounts.requests import AuthedRequest
from webapp.api.auth import Body, once
from webapp.api.datasets import router as router
from webapp.datasets import actions, appending
from webapp.datasets.models import Dataset


class RowsIn(Body):
    """Rows as {column: value}."""

    rows: list[dict[str, Any]] = Field(max_length=appending.MOST_ROWS)


class AddedOut(Schema):
    version: int
    status: Literal["processing", "ready", "failed"]


AS_JSON = {"requestBody": {"content": {"application/json": {"schema": RowsIn.model_json_schema()}}}}


@router.post("/datasets/{pk}/rows", response={202: AddedOut}, openapi_extra=AS_JSON)
@once
def add_rows(request: AuthedRequest, pk: str, file: File[list[UploadedFile] | None] = None) -> Status[dict[str, Any]]:
    """Rows in JSON, or the tables sent as `file` (multipart, repeatable), join the newest version. Columns are matched by name; the
    test stays as it is: rows with a label are learned from, those without join the pool, copies of test rows are left out. The
    problems of the new version say what was joined and how the columns differ."""
    version = actions.current_version(load(Dataset, request.workspace, pk))
    if request.content_type == "application/json":
        made = appending.append_rows(version, request.user, rows_in(request.body))
    else:
        made = appending.append_files(version, request.user, file or [])
    return Status(202, {"version": made.number, "status": made.status})


def rows_in(body: bytes) -> list[dict[str, Any]]:
    try:
        return RowsIn.model_validate_json(body).rows
    except Unreadable as error:
        raise ValidationError(
            [dict(problem) for problem in error.errors(include_url=False, include_context=False)]
        ) from error
