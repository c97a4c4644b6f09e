"""Bearer tokens, pages of lists, and Idempotency-Key."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Schema
from ninja.parser import Parser
from ninja.security import HttpBearer

from webapp.accounts.factors import check_factor
from webapp.accounts.models import ApiToken, Membership
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right, check, right_for
from webapp.accounts.tokens import admit_token
from webapp.api.models import IdempotentAnswer
from webapp.core.clients import client_ip
from webapp.core.models import WorkspaceOwned
from webapp.core.problems import Conflict, Problem

Row = TypeVar("Row", bound=WorkspaceOwned)
PAGE = 50
AT_WORK = timedelta(minutes=10)
"""Longer than any request takes: the process of one that has not answered by then was killed."""
ZERO_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class Body(Schema):
    """A request's body; a field that is not known is refused, since a misspelt wish must not be passed over."""

    model_config = {"extra": "forbid", "allow_inf_nan": False}


class PlainJson(Parser):
    """JSON that any database holds: no zero bytes or half characters in its texts, no NaN and nothing infinite among its
    numbers, all of which Python's reader takes."""

    def parse_body(self, request: HttpRequest) -> Any:
        text = request.body.decode("utf-8-sig")
        body = json.loads(text, parse_constant=finite, parse_float=finite, parse_int=whole)
        if "\\u" in text:
            text = json.dumps(body, ensure_ascii=False)
            text.encode()
            if ZERO_BYTE.search(text):
                raise ValueError
        return body


def finite(text: str) -> float:
    """A number of JSON; `ValueError` for NaN, Infinity and what is too large for a float."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def whole(text: str) -> int:
    """A whole number of JSON; `ValueError` for one that no float holds, at which arithmetic would end in a fault."""
    finite(text)
    return int(text)


class Token(HttpBearer):
    """A token of the settings page, and the right that a call needs: view to read and edit to change, unless it says another.

    A signed-in browser may also read, so that the pages can link to their API call.
    """

    def __init__(self, changing: Right = Right.EDIT, *, reading: Right = Right.VIEW) -> None:
        super().__init__()
        self.changing, self.reading = changing, reading

    def __call__(self, anybody: HttpRequest) -> Membership | ApiToken | None:
        request = cast(AuthedRequest, anybody)
        if request.method == "GET" and "Authorization" not in request.headers and request.membership:
            request.workspace = request.membership.workspace
            check_factor(request.user, request.workspace)
            check(request.membership, self.reading)
            return request.membership
        return cast(ApiToken | None, super().__call__(request))

    def authenticate(self, anybody: HttpRequest, token: str) -> ApiToken | None:
        """`Problem` with the reason for a token that works no longer, or whose scope is too small."""
        request = cast(AuthedRequest, anybody)
        api_token, membership = admit_token(token, client_ip(request))
        request.user, request.workspace, request.membership = api_token.user, api_token.workspace, membership
        request.api_token = api_token
        check(membership, right_for(request.method, self.changing, self.reading))
        return api_token


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """The moment and the id that `page` wrote into `next`."""
    microseconds, _comma, pk = cursor.partition(",")
    try:
        return datetime.fromtimestamp(int(microseconds) / 1e6, tz=timezone.get_default_timezone()), pk
    except (ValueError, OverflowError, OSError) as error:
        raise bad_cursor() from error


def id_in(model: type[models.Model], text: str) -> Any:
    """The id of a model that a cursor holds; `Problem` for one that no object can have."""
    try:
        pk = model._meta.pk.to_python(text)
        model._meta.pk.run_validators(pk)
    except (ValidationError, ValueError) as error:
        raise bad_cursor() from error
    return pk


def bad_cursor() -> Problem:
    hint = "Send what an answer gave as next, or leave it out."
    return Problem("The cursor is not one of ours.", code="bad_cursor", hint=hint)


def check_choice(name: str, value: str | None, allowed: Iterable[str]) -> None:
    """`Problem` for a filter's value that no object can have: an empty list would hide the misspelling."""
    values = list(allowed)
    if value and value not in values:
        raise Problem(
            f"“{value[:60]}” is no {name}.", code=f"bad_{name}", hint=f"Use one of {', '.join(values)}.", allowed=values
        )


def known_parameters_only(view: Callable[..., Any]) -> Callable[..., Any]:
    """A GET with a query parameter that the call does not know is refused: passed over, a misspelt filter would answer with
    everything."""

    @wraps(view)
    def checked(request: HttpRequest, *args: object, **kwargs: object) -> Any:
        if request.method == "GET":
            path = request.resolver_match.kwargs if request.resolver_match else {}
            parameters = [name for name in kwargs if name not in path]
            refuse_unknown(request.GET, parameters)
        return view(request, *args, **kwargs)

    return checked


def refuse_unknown(names: Iterable[str], allowed: list[str]) -> None:
    unknown = next((name for name in names if name not in allowed), None)
    if unknown is not None:
        hint = f"This call knows {', '.join(allowed)}." if allowed else "This call knows no parameters."
        raise Problem(
            f"There is no parameter “{unknown[:60]}”.",
            code="unknown_parameter",
            hint=hint,
            parameter=unknown,
            known=allowed,
        )


def page(queryset: models.QuerySet[Row], cursor: str | None, show: Callable[[Row], dict[str, Any]]) -> dict[str, Any]:
    """`{"items", "next"}`, newest first; the cursor is the last object's time and id."""
    ordered = queryset.order_by("-created_at", "-id")
    if cursor:
        moment, written = read_cursor(cursor)
        pk = id_in(queryset.model, written)
        ordered = ordered.filter(models.Q(created_at__lt=moment) | models.Q(created_at=moment, id__lt=pk))
    rows = list(ordered[: PAGE + 1])
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    following = f"{round(last.created_at.timestamp() * 1e6)},{last.pk}" if last else None
    return {"items": [show(row) for row in rows[:PAGE]], "next": following}


def once(view: Callable[..., Any]) -> Callable[..., Any]:
    """Honour `Idempotency-Key`: a POST that is sent again answers as the first time and does nothing.

    Only what is shown once stays out of the answer that is kept: `key` is null when it is asked for again.
    """

    @wraps(view)
    def checked(request: AuthedRequest, *args: object, **kwargs: object) -> Any:
        key = request.headers.get("Idempotency-Key", "")[:200]
        if not key:
            return view(request, *args, **kwargs)
        digest = digest_of(request)
        # One person's key is nobody else's.
        mine = hashlib.sha256(f"{request.user.pk}:{key}".encode()).hexdigest()
        where = {"workspace": request.workspace, "key": mine, "path": request.path[:200]}
        IdempotentAnswer.objects.outdated().filter(**where).delete()
        try:
            with transaction.atomic():
                stored = IdempotentAnswer.objects.create(**where, digest=digest)
        except IntegrityError:
            return replay(IdempotentAnswer.objects.filter(**where).first(), digest)
        try:
            answer = view(request, *args, **kwargs)
        except BaseException:
            stored.delete()
            raise
        stored.status = answer.status_code
        stored.body = without_secrets(json.loads(json.dumps(answer.value, default=str)))
        stored.save()
        return answer

    return checked


SECRETS = ("key", "accept_url")
"""Fields of answers that are shown once; of a key only its hash is stored anywhere."""


def without_secrets(body: object) -> Any:
    return body | {name: None for name in SECRETS if name in body} if isinstance(body, dict) else body


def digest_of(request: HttpRequest) -> str:
    """What tells one request from another: its body, or a form's fields and the name, size and content of its files."""
    if not (request.content_type or "").startswith(("multipart/", "application/x-www-form-urlencoded")):
        return hashlib.sha256(request.body).hexdigest()
    files = [
        [field, file.name, file.size, hashed_file(file)] for field, files in request.FILES.lists() for file in files
    ]
    return hashlib.sha256(json.dumps([sorted(request.POST.lists()), sorted(files)]).encode()).hexdigest()


def hashed_file(file: "File[bytes]") -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def replay(stored: IdempotentAnswer | None, digest: str) -> JsonResponse:
    """The answer that is kept; None where the first request was refused just now, so that it may be sent again."""
    if stored is not None and stored.digest != digest:
        raise Conflict(
            "This Idempotency-Key was used for another request.",
            code="key_reused",
            hint="Use a new key for each request.",
        )
    if stored is not None and not stored.status and stored.created_at < timezone.now() - AT_WORK:
        raise Conflict(
            "The first request with this Idempotency-Key was cut off, and nobody can say how far it came.",
            code="outcome_unknown",
            hint="Look whether it was done; if not, send it with a new key.",
        )
    if stored is None or not stored.status:
        raise Conflict(
            "The first request with this Idempotency-Key is still running.", code="at_work", hint="Ask again soon."
        )
    response = JsonResponse(stored.body, status=stored.status, safe=False)
    response["Idempotent-Replayed"] = "true"
    return response
