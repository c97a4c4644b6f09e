"""/prototypes: list, read, rename, delete."""

from typing import Annotated, Any

from ninja import Router, Status
from pydantic import StringConstraints

from webapp.accounts.access import load
from webapp.accounts.requests import AuthedRequest
from webapp.api.auth import Body, page
from webapp.api.schemas import Page, PrototypeRow
from webapp.api.shapes import prototype_row
from webapp.pages import removal
from webapp.prototypes.actions import rename
from webapp.prototypes.models import Prototype

router = Router(tags=["prototypes"])


class PrototypePatch(Body):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)] | None = None
    summary: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = None


@router.get("/prototypes", response=Page[PrototypeRow])
def list_prototypes(request: AuthedRequest, cursor: str | None = None) -> dict[str, Any]:
    """Those whose data were read or are being read; a file that could not be read leaves none."""
    return page(Prototype.objects.for_workspace(request.workspace).with_data(), cursor, prototype_row)


@router.get("/prototypes/{pk}", response=PrototypeRow)
def get_prototype(request: AuthedRequest, pk: str) -> dict[str, Any]:
    return prototype_row(load(Prototype, request.workspace, pk))


@router.patch("/prototypes/{pk}", response=PrototypeRow)
def patch_prototype(request: AuthedRequest, pk: str, payload: PrototypePatch) -> dict[str, Any]:
    """Rename or describe a prototype. What is left out stays; an empty `summary` removes the description."""
    prototype = load(Prototype.objects.select_related("workspace"), request.workspace, pk)
    fields = {"name": prototype.name, "summary": prototype.summary} | payload.model_dump(exclude_none=True)
    rename(prototype, request.user, fields["name"], fields["summary"])
    return prototype_row(prototype)


@router.delete("/prototypes/{pk}", response={204: None})
def delete_prototype(request: AuthedRequest, pk: str, data: bool = False) -> Status[None]:
    """Its demo stops at once; its runs and their artifacts are deleted for good. The costs stay, and so does the dataset
    unless `data` is true."""
    removal.delete_prototype(load(Prototype, request.workspace, pk), request.user, with_data=data)
    return Status(204, None)
