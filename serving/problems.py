"""Every refusal, as RFC 9457 problem+json with a stable code and a next step."""

from typing import Any

import orjson

TITLES = {
    400: "Bad request",
    401: "Not authorised",
    402: "Budget spent",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    422: "Input not usable",
    429: "Too many requests",
    500: "Our fault",
    503: "Not ready",
}


class Problem(Exception):  # noqa: N818  the standard's own word
    """A refusal with its HTTP status."""

    def __init__(self, status: int, code: str, detail: str, hint: str = "", **headers: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.hint = status, code, detail, hint
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def body(self) -> bytes:
        fields: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Refused"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "hint": self.hint,
        }
        return orjson.dumps(fields)


def not_found() -> Problem:
    return Problem(
        404, "not_found", "There is no such endpoint.", "Check the address, or ask its owner whether it is on."
    )
