"""/datasets/{id}/rules and /labels/rename: many labels at once."""

from typing import Any

from ninja import Router, Schema, Status

from webapp.accounts.access import load
from webapp.accounts.requests import AuthedRequest
from webapp.api.auth import Body, once
from webapp.datasets.models import Dataset
from webapp.labelling import actions, rules
from webapp.labelling.models import Rule

router = Router(tags=["labelling"])


class RuleIn(Body):
    pattern: str
    """Words with commas between, a regular expression (RE2), or the value of a column."""
    label: str
    kind: str = "words"
    """words, regex or value."""
    column: str = ""
    """That it looks at; all that the model reads when left out."""
    name: str = ""


class RuleOut(Schema):
    id: str
    name: str
    kind: str
    pattern: str
    column: str
    label: str
    covers: int
    """Rows without a label that it would give one."""
    seen: int
    """Rows with a label of a person or the file that it matches, of which `right` have its label."""
    right: int
    precision: float | None
    interval: tuple[float, float] | None


class RulesOut(Schema):
    items: list[RuleOut]
    next: None = None


class AppliedOut(Schema):
    labelled: int


class RenameIn(Body):
    labels: list[str]
    name: str


class RenamedOut(Schema):
    version: int
    status: str


def shape(rule: Rule) -> dict[str, Any]:
    measured = rules.measure(actions.version_in_bulk(rule.dataset), rule)
    fields = {name: getattr(rule, name) for name in ("id", "name", "kind", "pattern", "column", "label")}
    return fields | vars(measured) | {"precision": measured.precision, "interval": measured.interval}


def load_rule(request: AuthedRequest, pk: str, rule: str) -> Rule:
    dataset = load(Dataset, request.workspace, pk)
    return load(Rule.objects.select_related("dataset").filter(dataset=dataset), request.workspace, rule)


@router.get("/datasets/{pk}/rules", response=RulesOut)
def list_rules(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """Rules with what they cover and how often they are right, on labels of people and of the file."""
    dataset_rules = Rule.objects.select_related("dataset").filter(dataset=load(Dataset, request.workspace, pk))
    return {"items": [shape(rule) for rule in dataset_rules.order_by("created_at")], "next": None}


@router.post("/datasets/{pk}/rules", response={201: RuleOut})
@once
def create_rule(request: AuthedRequest, pk: str, payload: RuleIn) -> Status[dict[str, Any]]:
    """Measured, and not applied yet."""
    version = actions.version_in_bulk(load(Dataset, request.workspace, pk))
    return Status(201, shape(rules.create(version, request.user, **payload.model_dump())))


@router.post("/datasets/{pk}/rules/{rule}/apply", response=AppliedOut)
def apply_rule(request: AuthedRequest, pk: str, rule: str) -> dict[str, Any]:
    """Labels what it matches; `labels/done` makes a version of that. Its rows are never tested on."""
    return {"labelled": rules.apply(load_rule(request, pk, rule), request.user)}


@router.delete("/datasets/{pk}/rules/{rule}", response={204: None})
def delete_rule(request: AuthedRequest, pk: str, rule: str) -> Status[None]:
    """With all that it labelled: where a version has some, the next one is made without."""
    rules.remove(load_rule(request, pk, rule), request.user)
    return Status(204, None)


@router.post("/datasets/{pk}/labels/rename", response={202: RenamedOut})
@once
def rename_labels(request: AuthedRequest, pk: str, payload: RenameIn) -> Status[dict[str, Any]]:
    """These labels are called `name` in the next version; several become one."""
    version = actions.version_in_bulk(load(Dataset, request.workspace, pk))
    made = rules.rename(version, request.user, payload.labels, payload.name)
    return Status(202, {"version": made.number, "status": made.status})
