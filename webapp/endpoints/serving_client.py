"""Asking the serving process from a page: the internal token instead of a key."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import gettext as _

from webapp.core.connections import release_connection
from webapp.core.problems import Problem, Unavailable

Answer = dict[str, Any]
"""JSON of serving: `{outputs, model, timing_ms}`, see docs/serving.md."""
TIMEOUT_SECONDS = 30
WAKE_SECONDS = 20
"""How long a page waits for a model that is still being loaded, or for serving that is just starting again."""
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Serving is a neighbour: the internal token goes through no proxy that the environment names."""


def ask(path: str, body: dict[str, object], visitor: str = "") -> Answer:
    """The answer of serving as JSON."""
    with open_stream(path, body, visitor) as response:
        answer: Answer = json.load(response)
        return answer


def open_stream(path: str, body: dict[str, object], visitor: str = "") -> HTTPResponse:
    """The answer of serving, to be read; while it is waking it is asked again, so that a person need not. Visitors who wait for
    a slow model keep no database connection."""
    until = time.monotonic() + WAKE_SECONDS
    release_connection()
    while True:
        try:
            return open_once(path, body, visitor)
        except Problem as problem:
            if problem.status != 503 or problem.code == "paused" or time.monotonic() > until:
                raise
            time.sleep(1)


def open_once(path: str, body: dict[str, object], visitor: str) -> HTTPResponse:
    """POST JSON to serving; its problem+json comes back as a `Problem` with the same status."""
    request = urllib.request.Request(  # noqa: S310  the address is our own setting
        settings.SERVING_URL + path,
        data=json.dumps(body).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {settings.MAQUETTE_INTERNAL_TOKEN}",
            "X-Maquette-Client": visitor,
        },
    )
    try:
        response: HTTPResponse = DIRECT.open(request, timeout=TIMEOUT_SECONDS)
        return response
    except urllib.error.HTTPError as error:
        raise problem_of(error) from error
    except OSError as error:
        raise Unavailable(
            _("The demo is starting."), code="waking", hint=_("Try again in a few seconds."), retry_after=5
        ) from error


def problem_of(error: urllib.error.HTTPError) -> Problem:
    try:
        details = json.load(error)
    except ValueError:
        details = {}
    details |= told_as_openai(details.get("error"))
    detail, hint = details.get("detail") or "", details.get("hint", "")
    if details.get("code") == "bad_input":  # a page asks about one input
        detail = detail.replace("Input 0 ", _("What you sent") + " ", 1)
        hint = _("Change it, then ask again.")
    return Problem(
        detail or _("The model did not answer."),
        code=details.get("code", "serving"),
        hint=hint,
        status=error.code,
        retry_after=error.headers.get("Retry-After"),
    )


def told_as_openai(error: object) -> dict[str, str]:
    """What an error in OpenAI's form says, in ours."""
    return {"detail": str(error.get("message", "")), "code": str(error.get("code"))} if isinstance(error, dict) else {}


def query_of(explains: str) -> str:
    return f"?{urlencode({'explain': explains})}" if explains else ""


def predict(slug: str, inputs: Sequence[object], visitor: str, *, explains: str = "") -> Answer:
    """`explains`: 1, or the name of a method; then each output has an `explanation` too."""
    return ask(f"/e/{slug}/predict{query_of(explains)}", {"inputs": list(inputs)}, visitor)


def predict_artifact(artifact: Path, inputs: Sequence[object], visitor: str, *, explains: str = "") -> Answer:
    """The same for a run that is not deployed: the try-it box."""
    body: dict[str, object] = {"artifact": str(artifact), "inputs": list(inputs)}
    return ask(f"/internal/predict{query_of(explains)}", body, visitor)
