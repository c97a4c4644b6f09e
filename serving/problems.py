"""Refusals, as RFC 9457 problem+json: a status, a stable code, a sentence and a next step."""

import orjson

from trainer.problem_details import problem_details

Headers = dict[str, str]


class Problem(Exception):  # noqa: N818  the standard's own word
    """Anything that the caller can mend or wait out. `retry_after`: seconds."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        hint: str = "",
        *,
        retry_after: int | None = None,
        headers: Headers | None = None,
        **extra: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.headers = {**(headers or {})}
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, retry_after))
        self.extra = extra

    def body(self) -> bytes:
        return orjson.dumps(problem_details(self.status, self.code, self.detail, self.hint, **self.extra))


def no_endpoint() -> Problem:
    return Problem(404, "no_endpoint", "There is no such endpoint.", "Check the address.")


PAUSED_RETRY_SECONDS = 300
"""A person resumes it; nobody knows when, so a program need not ask every few seconds."""


def paused() -> Problem:
    return Problem(
        503,
        "paused",
        "This endpoint is paused.",
        "Its owner can resume it on the share page.",
        retry_after=PAUSED_RETRY_SECONDS,
    )


def deploying() -> Problem:
    return Problem(503, "deploying", "This endpoint is being prepared.", "Try again in a few seconds.", retry_after=5)


def unusable() -> Problem:
    """Without Retry-After: waiting does not mend it."""
    return Problem(
        503,
        "model_unusable",
        "This endpoint's model could not be prepared.",
        "Its owner sees why on the share page, and can deploy another run.",
    )


def no_key() -> Problem:
    return Problem(
        401,
        "no_key",
        "A working key is needed.",
        "Send `Authorization: Bearer KEY` with a key from the endpoint's page.",
        headers={"WWW-Authenticate": 'Bearer realm="maquette"'},
    )


def budget_spent() -> Problem:
    return Problem(
        402,
        "budget_spent",
        "This month's budget is spent, so the endpoint is paused.",
        "The owner can raise the budget on the costs page.",
    )


def too_many(seconds: float) -> Problem:
    wait = int(seconds) + 1
    return Problem(
        429,
        "rate_limit",
        "Too many requests for this minute.",
        f"Wait {wait} seconds, or send several inputs in one request.",
        retry_after=wait,
    )


def waking(seconds: int = 2) -> Problem:
    return Problem(503, "waking", "The model is being loaded.", "Try again in a few seconds.", retry_after=seconds)


def busy() -> Problem:
    return Problem(
        503, "busy", "More requests are waiting than the model can answer soon.", "Try again shortly.", retry_after=2
    )


def too_large(limit: int) -> Problem:
    return Problem(
        413,
        "too_large",
        f"The request is larger than {limit:,} bytes.",
        "Send fewer or shorter inputs.",
        headers={"Connection": "close"},
    )


def too_slow() -> Problem:
    return Problem(
        408, "too_slow", "The request did not arrive in time.", "Send it again.", headers={"Connection": "close"}
    )


def not_found() -> Problem:
    return Problem(404, "not_found", "There is nothing here.", "Predictions are asked with POST /e/SLUG/predict.")


def wrong_method(method: str, allowed: str) -> Problem:
    detail = f"{method} is not possible here."
    return Problem(405, "wrong_method", detail, f"Use {allowed}.", headers={"Allow": allowed})


def bug() -> Problem:
    return Problem(500, "bug", "Something went wrong on our side.", "Try again; tell the owner if it stays.")
