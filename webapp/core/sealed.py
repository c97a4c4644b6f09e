"""Secrets that the site must be able to read again, encrypted in the database under SECRET_KEY."""

import base64
import hashlib
import json
import logging
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

log = logging.getLogger(__name__)


def cipher(purpose: str) -> Fernet:
    """Of one `purpose`: what is encrypted for one is of no use for another."""
    key = hashlib.sha256(f"maquette {purpose} ".encode() + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def seal(purpose: str, value: dict[str, Any]) -> str:
    return cipher(purpose).encrypt(json.dumps(value).encode()).decode()


def unseal(purpose: str, text: str) -> dict[str, Any] | None:
    """None for what another SECRET_KEY encrypted."""
    try:
        value: dict[str, Any] = json.loads(cipher(purpose).decrypt(text.encode()))
    except InvalidToken:
        log.warning("a secret of %s was stored under another SECRET_KEY", purpose)
        return None
    return value
