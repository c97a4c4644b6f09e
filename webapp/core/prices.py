"""Prices that the operator fixes for all workspaces, from the environment: `RATES=cpu=0.09,gpu=0.80,endpoint=0.02`."""

import re
from decimal import Decimal

from django.core.exceptions import ImproperlyConfigured

KINDS = ("cpu", "gpu", "endpoint")
PRICE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,5})?")


def fixed_prices(text: str) -> dict[str, Decimal]:
    """{kind: price of an hour}; empty where nothing is fixed, and then every workspace sets its own."""
    prices = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        kind, _equals, price = (piece.strip() for piece in part.partition("="))
        if kind not in KINDS or not PRICE.fullmatch(price):
            raise ImproperlyConfigured(f"RATES looks like cpu=0.09,gpu=0.80,endpoint=0.02; “{part[:60]}” does not.")
        prices[kind] = Decimal(price)
    return prices
