"""The records inside a JSON document, at any depth, and what is nested in them, flattened under dotted names."""

from collections.abc import Collection, Iterator
from typing import Any

from trainer.json_types import Json, JsonObject

MAX_DEPTH, MAX_PAGES = 6, 10_000
"""How deep inside a document records are looked for, and how many pages of an API are joined."""
MAX_FLATTENED = 4
WHOLE = frozenset(
    {
        "answers",
        "translation",
        "messages",
        "conversations",
        "label",
        "labels",
        "entities",
        "objects",
        "annotations",
        "spans",
        "tokens",
        "tools",
        "tool_calls",
        "qas",
        "meta",
    }
)
"""Keys whose value means something as a whole."""
WRAPPERS = frozenset(
    [
        "next",
        "next_page",
        "previous_page",
        "previous",
        "offset",
        "has_more",
        "hasMore",
        "cursor",
        "per_page",
        "pagination",
        "paging",
        "total_pages",
        "nextPageToken",
        "next_page_token",
    ]
)
"""Keys that a page of an API has and a record has not."""
NUMBERED = frozenset(
    [
        "page",
        "page_number",
        "pageNumber",
        "page_size",
        "pageSize",
        "limit",
        "total",
        "count",
        "meta",
        "links",
        "status",
        "object",
        "url",
        "success",
        "ok",
    ]
)
CONTAINERS = frozenset(["results", "items", "data", "records", "rows", "entries", "list", "content", "hits", "value"])
"""What pages have and nothing else, beside records under one of these keys: an order has items and a total, and an id."""
SIDE_LISTS = frozenset(
    {
        "users",
        "groups",
        "organizations",
        "authors",
        "agents",
        "brands",
        "customers",
        "contacts",
        "members",
        "categories",
        "labels",
        "tags",
        "types",
        "licenses",
        "included",
        "includes",
        "errors",
        "warnings",
        "links",
        "columns",
        "fields",
        "metric_sets",
        "sharing_agreements",
    }
)
"""Lists that APIs send along with the records which name their entries (sideloads)."""
LOGS = frozenset(
    [
        "actions",
        "activities",
        "activity",
        "history",
        "histories",
        "changelog",
        "changelogs",
        "changes",
        "audit",
        "auditlog",
        "audit_log",
        "logs",
        "notifications",
        "checklists",
        "checkitems",
        "attachments",
        "lists",
        "columns",
        "statuses",
        "states",
        "memberships",
        "webhooks",
        "plugindata",
        "customfields",
        "custom_fields",
    ]
)
"""Lists that tools export beside their records (cards, tasks), which say what was done with these or how they are laid out."""
Place = tuple[str, list[Any]]


def find_rows(value: Json) -> list[Any] | None:
    """The list of a document; inside an object, at any depth, the longest list of objects, or equally long lists as columns."""
    return next((join_pages(rows) for _path, rows in find_lists(value)), None)


def find_lists(value: Json) -> list[Place]:
    """(path of keys, list) of every list of records, the likeliest first: the longest, logs of others behind these, those of what is
    only named by records last."""
    if isinstance(value, list):
        return [("", value)]
    if not isinstance(value, dict):
        return []
    places = sorted(
        lists_of_rows(value),
        key=lambda place: (
            place[0].rpartition(".")[2].lower() in SIDE_LISTS,
            place[0].rpartition(".")[2].lower() in LOGS,
            -len(place[1]),
            any(map(holds_rows, place[1][0].values())) if isinstance(place[1][0], dict) else True,
        ),
    )
    if places:
        return places
    lists = [entry for entry in value.values() if isinstance(entry, list) and entry]
    if len(lists) > 1 and len(lists) == len(value) and len({len(entries) for entries in lists}) == 1:
        return [("", [dict(zip(value, row, strict=True)) for row in zip(*lists, strict=True)])]
    return []


def lists_of_rows(value: JsonObject, path: str = "", depth: int = 0) -> Iterator[Place]:
    """Lists of objects in an object and in the objects that it holds; never those within records."""
    for key, entry in value.items():
        if (
            isinstance(entry, list)
            and entry
            and sum(isinstance(row, dict) for row in entry[:100]) > 0.5 * len(entry[:100])
        ):
            yield path + key, entry
        elif isinstance(entry, dict) and depth < MAX_DEPTH:
            yield from lists_of_rows(entry, f"{path}{key}.", depth + 1)


def join_pages(values: list[Any]) -> list[Any]:
    """The records of several pages of an API, which each wrap a list of them under the same key; else the list itself."""
    first = values[0] if values else None
    key = page_list(first) if isinstance(first, dict) and len(values) <= MAX_PAGES else ""
    if not key or not all(isinstance(page, dict) and isinstance(page.get(key), list) for page in values):
        return values
    return [row for page in values for row in page[key]]


def page_list(page: JsonObject) -> str:
    """The key under which a page of an API holds its records; "" for what is not a page."""
    keys = [key for key, cell in page.items() if holds_rows(cell)]
    if len(keys) != 1:
        return ""
    others = set(page) - set(keys)
    is_page = bool(WRAPPERS & others) or (keys[0] in CONTAINERS and bool(others) and others <= NUMBERED)
    return keys[0] if is_page else ""


def holds_rows(cell: Json) -> bool:
    return isinstance(cell, list) and bool(cell) and isinstance(cell[0], dict)


def nested_keys(rows: list[JsonObject]) -> set[str]:
    """Keys whose values are objects wherever they are there, and are not whole of their own."""
    kinds: dict[str, bool] = {}
    for row in rows:
        for key, value in row.items():
            if value is not None:
                kinds[key] = kinds.get(key, True) and isinstance(value, dict) and not is_whole(value)
    return {key for key, is_nested in kinds.items() if is_nested and key.lower() not in WHOLE}


def is_whole(value: JsonObject) -> bool:
    """An object of lists, such as answers with their places, is one thing."""
    return bool(value) and all(isinstance(cell, list) for cell in value.values())


def flatten(row: JsonObject, nested: set[str], depth: int = 1) -> JsonObject:
    """The same record with the fields of its objects beside its own, as `via.channel`; where the record has a field of that
    name already, as `via.channel (2)`."""
    flat: JsonObject = {}
    own = row.keys()
    for key, value in row.items():
        if key in nested and isinstance(value, dict):
            coming = {f"{key}.{inner}" for inner in value}
            for inner, cell in value.items():
                name = f"{key}.{inner}"
                if isinstance(cell, dict) and cell and depth < MAX_FLATTENED and not is_whole(cell):
                    deeper = flatten({name: cell}, {name}, depth + 1)
                    for under, entry in deeper.items():
                        flat[free_name(under, flat, own, coming)] = entry
                else:
                    flat[free_name(name, flat, own)] = None if cell == {} else cell
        elif not (key in nested and value is None):
            flat[key] = value
    return flat


def free_name(name: str, *taken: Collection[str]) -> str:
    """The name itself, or with the first number behind it that nothing has."""
    free, count = name, 2
    while any(free in names for names in taken):
        free, count = f"{name} ({count})", count + 1
    return free
