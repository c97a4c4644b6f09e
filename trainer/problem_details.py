"""RFC 9457 problem details: the one form of every refusal that programs read, of the site and of serving. Light."""

from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"
TITLES = {status.value: status.phrase for status in HTTPStatus}


def problem_details(status: int, code: str, detail: str, hint: str = "", **extra: object) -> dict[str, Any]:
    """The members of the body. Programs tell problems apart by `code`, which is stable; the type stays `about:blank`, whose
    title is the phrase of the status, as the RFC has it. `extra`: further members."""
    title = TITLES.get(status, "")
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
    } | extra
