"""Faults go to Sentry only where a DSN is set, and nothing of a person goes with them."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

from trainer import reporting

DSN = "http://public@127.0.0.1:1/1"


class Kept(Transport):
    """Keeps what would be sent."""

    events: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.events += [item.payload.json for item in envelope.items if item.payload.json]


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    Kept.events.clear()
    assert reporting.start("web", DSN, transport=Kept, default_integrations=False)
    yield Kept.events
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    reporting._state["started"] = False


def test_nobody_is_told_without_an_address() -> None:
    assert reporting.start("web", "") is False
    assert not sentry_sdk.get_client().is_active()
    reporting.tell(ValueError("x"))


def test_a_fault_goes_without_the_person(told: list[dict[str, Any]]) -> None:
    def work(text: str) -> None:
        raise ValueError(f"cannot read {text}")

    sentry_sdk.set_user({"email": "ada@example.org"})
    sentry_sdk.set_extra("body", "my secret message")
    logging.getLogger("webapp").error("it said %s", "my secret message")
    try:
        work("my secret message")
    except ValueError as error:
        reporting.tell(error)
    sentry_sdk.flush()
    (event,) = told
    (fault,) = event["exception"]["values"]
    assert fault["type"] == "ValueError"
    assert fault["stacktrace"]["frames"][-1]["function"] == "work"
    sent = json.dumps(event)
    for words in ("my secret message", "ada@example.org", "cannot read"):
        assert words not in sent


def test_a_request_keeps_its_method_alone() -> None:
    event = {
        "request": {
            "method": "POST",
            "url": "http://x/signin/secret",
            "query_string": "link=secret",
            "cookies": {"sessionid": "secret"},
            "headers": {"Authorization": "Bearer secret"},
            "data": "secret",
            "env": {"REMOTE_ADDR": "203.0.113.9"},
        },
        "logentry": {"message": "%s failed", "params": ["secret"], "formatted": "secret failed"},
        "transaction": "/signin/secret",
        "user": {"ip_address": "203.0.113.9"},
    }
    assert reporting.without_persons(event) == {"request": {"method": "POST"}, "logentry": {"message": "%s failed"}}
