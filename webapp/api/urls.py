"""The API object, its errors and its routers. JSON only, and no logic of its own: the pages call the same actions."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError as FieldError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_script_prefix
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from webapp.api import (
    comparisons,
    costs,
    endpoints,
    examinations,
    gguf,
    golden,
    groups,
    guests,
    judging,
    labelling,
    more_rows,
    people,
    prototypes,
    rules,
    runs,
    searches,
    sources,
    storage,
    tokens,
)
from webapp.api.auth import PlainJson, Token, known_parameters_only
from webapp.core.problem_responses import problem_response
from webapp.core.problems import Problem, problem_of

log = logging.getLogger(__name__)


class SiteApi(NinjaAPI):
    def get_root_path(self, path_params: Mapping[str, Any]) -> str:
        """Said here: its routes are loaded late (`webapp.core.deferred`), so that no name of theirs can be reversed."""
        return f"{get_script_prefix()}api/v1/"

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """The same for everybody and as long as the process lives; making it takes a second of the processor."""
        if not hasattr(self, "_schema"):
            self._schema = super().get_openapi_schema(**options)
        return self._schema


api = SiteApi(
    title="Maquette",
    version="1",
    description="Upload data, train a model, share a demo. Errors are RFC 9457 problem+json.",
    auth=Token(),
    parser=PlainJson(),
    urls_namespace="api",
    docs_url=None,
)
for router in (
    more_rows.router,  # those of datasets too
    labelling.router,
    prototypes.router,
    rules.router,
    sources.router,
    runs.router,
    comparisons.router,
    groups.router,
    gguf.router,
    judging.router,
    golden.router,
    guests.router,
    examinations.router,
    searches.router,
    endpoints.router,
    costs.router,
    tokens.router,
    people.router,
    storage.router,
):
    router.add_decorator(known_parameters_only)
    api.add_router("", router)


def problem(status: int, code: str, detail: str, hint: str = "", **extra: Any) -> HttpResponse:
    return problem_response(Problem(detail, code=code, hint=hint, status=status, **extra))


def no_such_call(request: HttpRequest, rest: str) -> HttpResponse:
    """Every address below /api/ that is not a call."""
    return problem(
        404, "no_such_call", f"There is no call {request.method} /api/{rest[:200]}.", "See /api/v1/openapi.json."
    )


@api.exception_handler(Problem)
def refused(request: HttpRequest, error: Problem) -> HttpResponse:
    return problem_response(error)


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(
        404, "not_found", "There is no such object.", "Check the id; another workspace's objects are not shown."
    )


@api.exception_handler(AuthenticationError)
def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    hint = "Send Authorization: Bearer TOKEN; tokens are on the settings page."
    return problem(401, "bad_token", "The token is missing or wrong.", hint)


@api.exception_handler(ValidationError)
def malformed(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "payload"))
    return problem(
        422,
        "invalid",
        f"{where}: {first['msg']}",
        "See /api/v1/openapi.json for the fields.",
        errors=jsonable(error.errors),
    )


@api.exception_handler(FieldError)
def unfit(request: HttpRequest, error: FieldError) -> HttpResponse:
    return problem(422, "invalid", "; ".join(error.messages), "See /api/v1/openapi.json for the fields.")


@api.exception_handler(HttpError)
def plain(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code, "bad_request", error.message, "See /api/v1/openapi.json.")


@api.exception_handler(Exception)
def broken(request: HttpRequest, error: Exception) -> HttpResponse:
    refusal = problem_of(error)
    if isinstance(refusal, Problem):
        return refused(request, refusal)
    log.exception("%s %s failed", request.method, request.path, exc_info=error)
    return problem(
        500, "bug", "Something went wrong on our end, not in your request.", "Try again; the site’s log says more."
    )


def jsonable(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"loc": list(map(str, detail["loc"])), "msg": detail["msg"], "type": detail["type"]} for detail in errors]
