"""Columns whose cells are not of one kind though each can be read: amounts of several currencies, times with and without a zone."""

import re
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from trainer.data.dataset import Dataset
from trainer.data.problems import Problem, problem
from trainer.messages import _

CURRENCY = r"(?i)(?P<sign>US\$|A\$|C\$|HK\$|R\$|[$€£¥￥₹₩₽₺₴₫฿₪₦₱元円]|(?:^|[^A-Z])(?:USD|EUR|GBP|CHF|CNY|JPY|RMB|INR|AUD|CAD|NZD|HKD|SGD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|RUB|TRY|ZAR|KRW|ILS|THB)(?:[^A-Z]|$))"
SAME = {
    "$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "￥": "¥", "A$": "AUD", "C$": "CAD", "HK$": "HKD", "R$": "BRL",
    "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "฿": "THB", "₪": "ILS", "元": "CNY", "RMB": "CNY", "円": "JPY",
}  # fmt: skip
"""Signs and the codes that they stand for; ¥ is a currency of two countries and stays as it is."""
ZONE = r"\d(?::\d\d)+(?:[.,]\d+)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|[A-Z]{3,4}|[-+]\d\d:?\d\d)?\s*$"
SAME_ZONE = {"Z": "UTC", "GMT": "UTC", "+0000": "UTC", "-0000": "UTC"}


def mixed_problems(dataset: Dataset) -> list[Problem]:
    """A warning for each column whose amounts are of several currencies, or whose times have several zones."""
    problems = []
    for column in dataset.profile:
        cells = dataset.table.column(column["name"])
        if column["kind"] == "number" and column["name"] not in dataset.kinds:
            problems += currency_problems(column["name"], count_currencies(cells))
        elif column["kind"] == "date":
            problems += zone_problems(column["name"], count_zones(cells))
    return problems


MEDIA_NAME = r"(?i)[^\s/\\]\.(jpe?g|png|webp|bmp|gif|tiff?|heic|wav|mp3|flac|ogg|m4a|mp4|avi|mov)$"
MIN_NAMED = 0.9


def unsent_problems(dataset: Dataset) -> list[Problem]:
    """A warning for each column that names images or recordings which did not come with the table."""
    if dataset.media is not None:
        return []
    problems = []
    for column in dataset.profile:
        cells = dataset.table.column(column["name"])
        if column["kind"] not in ("category", "id", "text") or column["name"] in dataset.kinds or not column["there"]:
            continue
        named = cells.filter(pc.fill_null(pc.match_substring_regex(cells, MEDIA_NAME), False))
        if len(named) >= MIN_NAMED * column["there"]:
            message = _(
                "“%(column)s” names images or recordings (%(example)s) that did not come with the table: send them too, beside it or in "
                "one zip.",
                column=column["name"],
                example=str(named[0])[:80],
            )
            problems.append(
                problem("files_not_sent", "warning", message, examples=named[:3].to_pylist(), count=len(named))
            )
    return problems


def count_currencies(cells: pa.ChunkedArray) -> Counter[str]:
    """Cells of each currency that is written with its amount."""
    looked_at = cells.filter(pc.fill_null(pc.match_substring_regex(cells, CURRENCY), False))
    counts: Counter[str] = Counter()
    if not len(looked_at):
        return counts
    signs = pc.struct_field(pc.extract_regex(looked_at, CURRENCY), "sign")
    for entry in pc.value_counts(signs).to_pylist():
        sign = re.sub(r"[^A-Z$€£¥￥₹₩₽₺₴₫฿₪₦₱元円]", "", (entry["values"] or "").upper())
        counts[SAME.get(sign, sign)] += entry["counts"]
    return counts


def currency_problems(name: str, counts: Counter[str]) -> list[Problem]:
    if len(counts) < 2:
        return []
    listed = ", ".join(f"{sign} ({count:,})" for sign, count in counts.most_common(5))
    message = _(
        "“%(column)s” has amounts in several currencies: %(currencies)s. They are read as plain numbers: convert them to one, or give "
        "each a column.",
        column=name,
        currencies=listed,
    )
    return [problem("mixed_currencies", "warning", message, examples=list(counts), count=sum(counts.values()))]


def count_zones(cells: pa.ChunkedArray) -> Counter[str]:
    """Cells with a time of day by their zone; "" for none."""
    counts: Counter[str] = Counter()
    timed = cells.filter(pc.fill_null(pc.match_substring_regex(cells, ZONE), False))
    zones = pc.struct_field(pc.extract_regex(timed, ZONE), "zone")
    for entry in pc.value_counts(zones).to_pylist():
        zone = (entry["values"] or "").replace(":", "")
        counts[SAME_ZONE.get(zone, zone)] += entry["counts"]
    return counts


def zone_problems(name: str, counts: Counter[str]) -> list[Problem]:
    if len(counts) < 2:
        return []
    listed = ", ".join(f"{zone or _('no zone')} ({count:,})" for zone, count in counts.most_common(5))
    if "" in counts:
        message = _(
            "“%(column)s” has times with and without a zone: %(zones)s. Those without are read as UTC, which may be hours off.",
            column=name,
            zones=listed,
        )
    else:
        message = _(
            "“%(column)s” has times of several zones: %(zones)s. All are turned into UTC.", column=name, zones=listed
        )
    examples = [zone for zone in counts if zone]
    return [
        problem(
            "mixed_time_zones",
            "warning" if "" in counts else "info",
            message,
            examples=examples,
            count=sum(counts.values()),
        )
    ]
