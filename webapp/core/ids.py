"""Opaque identifiers: 80 random bits, 16 characters without vowels or look-alikes, safe in a URL and a file name."""

import secrets

ALPHABET = "0123456789bcdfghjkmnpqrstvwxyz23"


def new_id() -> str:
    return "".join(ALPHABET[byte & 31] for byte in secrets.token_bytes(16))
