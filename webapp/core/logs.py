"""What of the requests that failed is a fault of the site."""

import logging
import re
from http import HTTPStatus

SECRET_PATH = re.compile(
    r"(/signin/|/invitations/|/guests/|/settings/address/|/accounts/password/reset/key/|/accounts/confirm-email/)[^\s\"'<>?]+"
)
"""Addresses that hold a secret: whoever reads one in a log could sign in with it."""


class RedactingFormatter(logging.Formatter):
    """A line as always, tracebacks included, without the secret part of such addresses."""

    def format(self, record: logging.LogRecord) -> str:
        return SECRET_PATH.sub(r"\1…", super().format(record))


class OnlyFaults(logging.Filter):
    """Of Django's loggers: a request that cannot be read, or that names another host, is a warning of one line, and a 503 that a page gave on purpose (a paused
    demo, a database that is away) is a warning. Exceptions of the site's own keep level and traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", None)
        if status is None:
            return True
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            record.exc_info = record.exc_text = None
            soften(record)
        elif status == HTTPStatus.SERVICE_UNAVAILABLE and not record.exc_info:
            soften(record)
        return True


def soften(record: logging.LogRecord) -> None:
    record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)


class NoUpgrades(logging.Filter):
    """Of uvicorn: two lines for each handshake of a stranger, and the advice to install what is left out on purpose."""

    UPGRADES = ("Unsupported upgrade request", "No supported WebSocket library")

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(self.UPGRADES)
