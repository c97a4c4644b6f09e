"""Tells serving what it may serve, and hears what was used: the two ends in Redis (docs/architecture.md)."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from webapp.catalog.titles import reads_media
from webapp.core.ids import new_id
from webapp.core.redis import best_effort, client
from webapp.costs.gate import Month, month
from webapp.endpoints.models import Endpoint, EndpointKey, Status, UsageHour, UsageMark

log = logging.getLogger(__name__)
PREFIX, CHANNEL, USAGE = "maquette:endpoint:", "maquette:endpoints", "maquette:usage"
PUBLISHED, PUBLISHING = "maquette:published", "maquette:publishing"
"""Set once every record has been written: without it, a slug that has none is one that nobody knows yet. And the lock."""
PUBLISHING_SECONDS = 60
MOST_WRITES = 4
"""Of one record in a row, while others change it."""
DRAIN_AT_ONCE = 2000
MAX_INPUTS, MAX_BYTES, MAX_MEDIA_BYTES = 64, 1024 * 1024, 15 * 1024 * 1024
"""A picture of 10 MB is 14 MB as a `data:` URL."""


def record(endpoint: Endpoint, blocked: str | None) -> dict[str, Any]:
    version = endpoint.current
    keys = dict(endpoint.keys.working().values_list("digest", "pk"))
    return {
        "slug": endpoint.slug,
        "status": state(endpoint),
        "visibility": endpoint.visibility,
        "run": version.run_id if version else None,
        "version": version.number if version else None,
        "artifact": str(version.run.artifact) if version else None,
        "engine": version.engine if version else None,
        "blocked": blocked,
        "limits": {
            "requests_per_minute": endpoint.requests_per_minute,
            "inputs_per_request": MAX_INPUTS,
            "bytes_per_request": MAX_MEDIA_BYTES if version and reads_media(version.run.task) else MAX_BYTES,
        },
        "keys": keys,
        "system_prompt": endpoint.system_prompt,
    }


def state(endpoint: Endpoint) -> str:
    """live, off, or failed: there is nothing to serve, and nothing on its way."""
    if endpoint.status == Status.LIVE and endpoint.current:
        return "live"
    return "failed" if endpoint.status == Status.FAILED and not endpoint.current else "off"


def publish(endpoint: Endpoint, money: Month | None = None) -> None:
    """Write one endpoint's record; a deleted one is withdrawn by `withdraw`. `money` is this month's of its workspace.

    It is looked at again once it is written: of two that overlap, the one that read before the other's change may write last,
    and a key that was just revoked would work on.
    """
    written: dict[str, Any] | None = None
    for _attempt in range(MOST_WRITES):
        try:
            endpoint.refresh_from_db()
        except Endpoint.DoesNotExist:
            if written:
                leave(written["slug"])
            return  # else `delete` withdraws it
        blocked = "budget" if (money or month(endpoint.workspace)).is_spent else None
        content = record(endpoint, blocked)
        if content == written:
            break
        with best_effort("publishing an endpoint"):
            client().set(PREFIX + endpoint.slug, json.dumps(content))
            client().publish(CHANNEL, endpoint.slug)
        if written and written["slug"] != content["slug"]:
            leave(written["slug"])
        written = content
    check_owner(endpoint)


def check_owner(endpoint: Endpoint) -> None:
    """What was written is right only while the slug is still this endpoint's: it may have been deleted or renamed since."""
    owner = Endpoint.objects.filter(slug=endpoint.slug).first()
    if owner is None:
        withdraw(endpoint.slug)
    elif owner.pk != endpoint.pk:
        publish(owner)


def leave(slug: str) -> None:
    """An endpoint has this slug no longer: withdraw it, unless another endpoint has taken it by now."""
    if not Endpoint.objects.filter(slug=slug).exists():
        withdraw(slug)
    owner = Endpoint.objects.filter(slug=slug).first()  # asked again: it may have been taken, and published, meanwhile
    if owner is not None:
        publish(owner)


def withdraw(slug: str) -> None:
    with best_effort("withdrawing an endpoint"):
        client().delete(PREFIX + slug)
        client().publish(CHANNEL, slug)


def publish_all() -> None:
    """Write every record anew, and take away those of endpoints that are gone. One at a time: the next one does the same."""
    with best_effort("writing the list of endpoints"), alone() as may:
        if not may:
            return
        names = publish_each(Endpoint.objects.all())
        for name in client().scan_iter(PREFIX + "*", count=500):
            slug = name.removeprefix(PREFIX)
            if name not in names and not Endpoint.objects.filter(slug=slug).exists():
                withdraw(slug)
        client().set(PUBLISHED, timezone.now().isoformat())


def heal() -> None:
    """A Redis that came back empty lacks the mark that all is there: write the list again at once."""
    with best_effort("looking for the list of endpoints"):
        if not client().exists(PUBLISHED):
            publish_all()


@contextmanager
def alone() -> Iterator[bool]:
    """Whether nobody else publishes the list; a process that dies meanwhile holds the others up for a minute at most."""
    mine = new_id()
    taken = bool(client().set(PUBLISHING, mine, nx=True, ex=PUBLISHING_SECONDS))
    try:
        yield taken
    finally:
        if taken and client().get(PUBLISHING) == mine:
            client().delete(PUBLISHING)


def publish_each(endpoints: QuerySet[Endpoint]) -> set[str]:
    """The names of the records that were written. The money of a workspace is looked up once for all of its endpoints."""
    names: set[str] = set()
    money: dict[str, Month] = {}
    for endpoint in endpoints.select_related("workspace").iterator():
        if endpoint.workspace_id not in money:
            money[endpoint.workspace_id] = month(endpoint.workspace)
        names.add(PREFIX + endpoint.slug)
        publish(endpoint, money[endpoint.workspace_id])
    return names


def publish_workspace(workspace_id: str) -> None:
    """Its money has run out, or there is some again."""
    publish_each(Endpoint.objects.filter(workspace=workspace_id))


def drain_usage() -> int:
    """Move what serving counted into the hours, each entry once: the mark of the last one counted is stored with the sums,
    so neither a second drain at the same time nor one that died in between counts it again. How many were moved."""
    with best_effort("reading the usage"):
        mark, _created = UsageMark.objects.get_or_create(stream=USAGE)
        batch = client().xrange(USAGE, min=f"({mark.last}", count=DRAIN_AT_ONCE)
        entries = cast(list[tuple[str, dict[str, str]]], batch)
        last = entries[-1][0] if entries else mark.last
        with transaction.atomic():
            if not UsageMark.objects.filter(stream=USAGE, last=mark.last).update(last=last):
                return 0
            store(json.loads(fields["u"]) for _id, fields in entries)
        client().xtrim(USAGE, minid=last, approximate=False)
        client().xdel(USAGE, last)
        return len(entries)
    return 0


def store(records: Iterable[dict[str, Any]]) -> None:
    sums: dict[tuple[str, str, datetime], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for item in records:
        hour = datetime.fromtimestamp(int(item["minute"]) * 60, tz=timezone.get_default_timezone())
        total = sums[item["slug"], item["key"] or "", hour.replace(minute=0, second=0, microsecond=0)]
        for name in ("requests", "errors", "rows", "ms", "prompt_tokens", "completion_tokens"):
            total[name] += item.get(name, 0)
    ids = dict(Endpoint.objects.filter(slug__in={slug for slug, _key, _hour in sums}).values_list("slug", "pk"))
    with transaction.atomic():
        for (slug, key, hour), total in sums.items():
            if slug not in ids:
                continue
            row, _created = UsageHour.objects.get_or_create(endpoint_id=ids[slug], key=key, hour=hour)
            UsageHour.objects.filter(pk=row.pk).update(**{name: F(name) + value for name, value in total.items()})
            EndpointKey.objects.filter(pk=key).update(last_used_at=timezone.now())
