"""/endpoints: deploy, share, switch, keys, links, usage, feedback."""

from dataclasses import replace
from typing import Any

from django.http import Http404
from ninja import Router, Schema, Status

from webapp.accounts.access import load
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.api.auth import Body, Token, once, page
from webapp.api.schemas import (
    EndpointOut,
    ExampleOut,
    FeedbackOut,
    KeyOut,
    LinkOut,
    NewEndpoint,
    NewKey,
    Page,
    UsageOut,
)
from webapp.api.shapes import endpoint_shape, example_shape, feedback_shape, fields_of, link_shape
from webapp.core.problems import Conflict
from webapp.costs.gate import month
from webapp.endpoints import actions, choosing, inbox, licensing, replacing, visitors
from webapp.endpoints.examples import Sight
from webapp.endpoints.models import LONGEST_CORRECTION, Endpoint, EndpointKey, ShareLink
from webapp.endpoints.usage import COUNTED, price_per_1000, used
from webapp.runs.models import Run
from webapp.runs.views import load_run

router = Router(tags=["sharing"])
HOURS = 24 * 31
NO_WISHES = {"run", "examples", "texts", "anyway", "licence_confirmed"}
"""Fields of a body that are no field of a demo."""


class ExampleIn(Body):
    """Either a row of the run by its number (`GET /runs/{id}/examples`), or an input that you write yourself."""

    row: int | None = None
    input: str | dict[str, Any] | None = None


class EndpointIn(Body):
    run: str
    name: str | None = None
    slug: str | None = None
    visibility: str | None = None
    """private, link or public; link (anyone with the link) for the first demo of a prototype when left out."""
    examples: list[int | ExampleIn] | None = None
    """What visitors see of the data, see `PATCH`; nothing when left out."""
    texts: bool | None = None
    anyway: bool = False
    """Replace the run that is live even where this one is worse or not shown to be better (409 `not_better` otherwise)."""
    licence_confirmed: bool = False
    """You keep to the licence of the base model, where it forbids commercial use or passing on (409 `licence_forbids` otherwise)."""


class EndpointPatch(Body):
    """What is left out stays. `run` deploys another run; `status` is live or off. `examples` is all that visitors see of the
    data: rows of the run by their number, and inputs that you write; `[]` is none. `texts`: whether they may read the texts that
    the model finds. `system_prompt`: what a model that writes is told before each conversation; only members see it."""

    run: str | None = None
    name: str | None = None
    words: str | None = None
    slug: str | None = None
    visibility: str | None = None
    status: str | None = None
    examples: list[int | ExampleIn] | None = None
    texts: bool | None = None
    anyway: bool = False
    """Replace the run that is live even where `run` is worse or not shown to be better (409 `not_better` otherwise)."""
    licence_confirmed: bool = False
    """As in `POST /endpoints`, for a `run` whose base model forbids what the live one does not."""
    system_prompt: str | None = None


class NameIn(Body):
    name: str = ""


class LinkIn(Body):
    name: str = ""
    days: int | None = None


def load_endpoint(request: AuthedRequest, slug: str) -> Endpoint:
    endpoint = (
        Endpoint.objects.for_workspace(request.workspace)
        .filter(slug=slug)
        .select_related("current__run", "workspace", "prototype")
        .first()
    )
    if endpoint is None:
        raise Http404
    return endpoint


def choice_of(run: Run | None, payload: EndpointIn | EndpointPatch) -> choosing.Choice | None:
    """None where nothing was asked for: what visitors see stays."""
    examples = payload.examples
    if examples is None and payload.texts is None:
        return None
    if run is None:
        raise Conflict("This demo is not ready yet.", code="not_ready", hint="Wait until it is live.")
    if examples is None:
        return choosing.check(run, choosing.Wish(texts=payload.texts))
    plain = [example if isinstance(example, int) else example.model_dump(exclude_none=True) for example in examples]
    return choosing.check(run, replace(choosing.wish_of_list(plain), texts=payload.texts))


@router.post("/endpoints", response={201: NewEndpoint})
@once
def create_endpoint(request: AuthedRequest, payload: EndpointIn) -> Status[dict[str, Any]]:
    """Serve a run. Its demo opens for anyone with the link in `demo_url` unless `visibility` says otherwise. The key comes
    only in this answer, the first time a prototype is deployed."""
    run = load_run(request, payload.run)
    before = Endpoint.objects.filter(prototype=run.prototype).first()
    licensing.for_programs(before, run, confirmed=payload.licence_confirmed)
    replacing.check_better(before, run, anyway=payload.anyway)
    changes = payload.model_dump(exclude=NO_WISHES) | {"examples": choice_of(run, payload)}
    endpoint, key = actions.deploy(run, request.user, **changes)
    if key is None:
        _key, key = actions.create_key(endpoint, request.user, "another key")
    return Status(201, endpoint_shape(endpoint, key))


@router.get("/runs/{pk}/examples", response=list[ExampleOut])
def run_examples(request: AuthedRequest, pk: str) -> list[dict[str, Any]]:
    """The rows of a run that a demo may show its visitors. `hidden`: inputs that they never get, since personal data was found
    in their column; `refusal`: why the row cannot be chosen at all."""
    sight = Sight(load_run(request, pk))
    return [example_shape(sight, number) for number in range(len(sight.examples))]


@router.get("/endpoints", response=Page[EndpointOut])
def list_endpoints(request: AuthedRequest, cursor: str | None = None) -> dict[str, Any]:
    endpoints = (
        Endpoint.objects.for_workspace(request.workspace)
        .select_related("current__run")
        .prefetch_related("links", "examples")
    )
    money = month(request.workspace)
    return page(endpoints, cursor, lambda endpoint: endpoint_shape(endpoint, money=money))


@router.get("/endpoints/{slug}", response=EndpointOut)
def get_endpoint(request: AuthedRequest, slug: str) -> dict[str, Any]:
    return endpoint_shape(load_endpoint(request, slug))


@router.patch("/endpoints/{slug}", response=EndpointOut)
def patch_endpoint(request: AuthedRequest, slug: str, payload: EndpointPatch) -> dict[str, Any]:
    endpoint = load_endpoint(request, slug)
    changes = payload.model_dump(exclude=NO_WISHES, exclude_none=True)
    if payload.run:
        run = load_run(request, payload.run)
        if run.prototype_id != endpoint.prototype_id:
            raise Http404
        licensing.for_programs(endpoint, run, confirmed=payload.licence_confirmed)
        replacing.check_better(endpoint, run, anyway=payload.anyway)
        changes["examples"] = choice_of(run, payload)
        endpoint, _key = actions.deploy(run, request.user, **changes)
    else:
        changes["examples"] = choice_of(endpoint.current.run if endpoint.current else None, payload)
        actions.update(endpoint, request.user, changes)
    endpoint.refresh_from_db()
    return endpoint_shape(endpoint)


@router.delete("/endpoints/{slug}", response={204: None})
def delete_endpoint(request: AuthedRequest, slug: str) -> Status[None]:
    actions.delete(load_endpoint(request, slug), request.user)
    return Status(204, None)


@router.get("/endpoints/{slug}/usage", response=UsageOut)
def usage(request: AuthedRequest, slug: str) -> dict[str, Any]:
    """Totals and hours of the last 31 days; serving's counts arrive within about ten seconds."""
    endpoint = load_endpoint(request, slug)
    rows, totals = endpoint.usage.all()[:HOURS], used(endpoint)
    price = price_per_1000(endpoint, totals["completion_tokens"])
    items = [
        fields_of(row, "hour", *COUNTED)
        | {"key": row.key or None, "mean_ms": round(row.ms / row.requests, 2) if row.requests else None}
        for row in rows
    ]
    total = {name: totals[name] for name in COUNTED} | {"price_per_1000_tokens": None if price is None else str(price)}
    return {"total": total, "items": items, "next": None}


@router.get("/endpoints/{slug}/feedback", response=Page[FeedbackOut])
def list_feedback(request: AuthedRequest, slug: str, cursor: str | None = None, new: bool = False) -> dict[str, Any]:
    """With `new`, only those of which no row was made and that were not dismissed."""
    endpoint = load_endpoint(request, slug)
    return page(inbox.new_ones(endpoint) if new else endpoint.feedback.all(), cursor, feedback_shape)


class FeedbackIn(Body):
    input: str
    verdict: str
    output: dict[str, Any] | None = None
    should_have_been: str = ""


@router.post("/endpoints/{slug}/feedback", response={201: FeedbackOut}, auth=Token(Right.LABEL))
@once
def create_feedback(request: AuthedRequest, slug: str, payload: FeedbackIn) -> Status[dict[str, Any]]:
    endpoint = load_endpoint(request, slug)
    correction = payload.should_have_been[:LONGEST_CORRECTION]
    made = visitors.take_feedback(
        endpoint, payload.input, payload.output or {}, payload.verdict, should_have_been=correction
    )
    return Status(201, feedback_shape(made))


class JudgementIn(Body):
    id: str
    label: str = ""
    """Empty: the row joins the pool, and has no label yet."""
    text: str | None = None
    """In place of the input; null: as it was asked."""


class JudgementsIn(Body):
    items: list[JudgementIn]


class DismissedIn(Body):
    ids: list[str]


class MadeOut(Schema):
    version: int
    status: str


class DismissedOut(Schema):
    dismissed: int


@router.post("/endpoints/{slug}/feedback/rows", response={202: MadeOut})
@once
def add_feedback_to_data(request: AuthedRequest, slug: str, payload: JudgementsIn) -> Status[dict[str, Any]]:
    """Judgements become rows of the next version of the data, with personal data masked: those with a `label` are learned from,
    the others join the pool. The test stays as it is."""
    choices = [inbox.Choice(item.id, item.label, item.text) for item in payload.items]
    made = inbox.add_to_data(load_endpoint(request, slug), request.user, choices)
    return Status(202, {"version": made.number, "status": made.status})


@router.post("/endpoints/{slug}/feedback/dismiss", response=DismissedOut)
def dismiss_feedback(request: AuthedRequest, slug: str, payload: DismissedIn) -> dict[str, Any]:
    """These judgements are not rows."""
    return {"dismissed": inbox.dismiss(load_endpoint(request, slug), payload.ids)}


@router.get("/endpoints/{slug}/keys", response=Page[KeyOut])
def list_keys(request: AuthedRequest, slug: str) -> dict[str, Any]:
    return page(load_endpoint(request, slug).keys.all(), None, key_shape)


def key_shape(key: EndpointKey) -> dict[str, Any]:
    return fields_of(key, "id", "name", "hint", "last_used_at", "revoked_at", "created_at")


@router.post("/endpoints/{slug}/keys", response={201: NewKey})
@once
def create_key(request: AuthedRequest, slug: str, payload: NameIn) -> Status[dict[str, Any]]:
    key, secret = actions.create_key(load_endpoint(request, slug), request.user, payload.name)
    return Status(201, key_shape(key) | {"key": secret})


@router.delete("/endpoints/{slug}/keys/{pk}", response={204: None})
def revoke_key(request: AuthedRequest, slug: str, pk: str) -> Status[None]:
    keys = EndpointKey.objects.filter(endpoint=load_endpoint(request, slug)).select_related("endpoint", "workspace")
    actions.revoke(load(keys, request.workspace, pk), request.user)
    return Status(204, None)


@router.get("/endpoints/{slug}/links", response=Page[LinkOut])
def list_links(request: AuthedRequest, slug: str) -> dict[str, Any]:
    return page(load_endpoint(request, slug).links.select_related("endpoint"), None, link_shape)


@router.post("/endpoints/{slug}/links", response={201: LinkOut})
@once
def create_link(request: AuthedRequest, slug: str, payload: LinkIn) -> Status[dict[str, Any]]:
    return Status(
        201, link_shape(actions.create_link(load_endpoint(request, slug), request.user, payload.name, payload.days))
    )


@router.delete("/endpoints/{slug}/links/{pk}", response={204: None})
def revoke_link(request: AuthedRequest, slug: str, pk: str) -> Status[None]:
    links = ShareLink.objects.filter(endpoint=load_endpoint(request, slug)).select_related("endpoint", "workspace")
    actions.revoke(load(links, request.workspace, pk), request.user)
    return Status(204, None)
