"""Secrets that the site must be able to read again, encrypted in the database under SECRET_KEY."""

import base64
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

log = logging.getLogger(__name__)


def cipher(purpose: str) -> "Fernet":
    """Of one `purpose`: what is encrypted for one is of no use for another."""
    from cryptography.fernet import Fernet  # 8 MB, which only sites with such secrets pay for

    key = hashlib.sha256(f"maquette {purpose} ".encode() + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def seal_text(purpose: str, text: str) -> str:
    return cipher(purpose).encrypt(text.encode()).decode()


def unseal_text(purpose: str, sealed: str) -> str | None:
    """None for what another SECRET_KEY encrypted."""
    from cryptography.fernet import InvalidToken

    try:
        return cipher(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        log.warning("a secret of %s was stored under another SECRET_KEY", purpose)
        return None


def seal(purpose: str, value: dict[str, Any]) -> str:
    return seal_text(purpose, json.dumps(value))


def unseal(purpose: str, text: str) -> dict[str, Any] | None:
    """None for what another SECRET_KEY encrypted."""
    text_inside = unseal_text(purpose, text)
    return None if text_inside is None else json.loads(text_inside)
