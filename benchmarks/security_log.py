"""A million events in the security log of one workspace: page, filters, CSV, JSON lines, and what is cleared after 180 days.

python benchmarks/security_log.py [--events 1000000]

On a SQLite file of its own, or where DATABASE_URL leads. Seconds of whole requests; memory is what the process grew by.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
DAYS, WORKSPACES = 200, 4
"""The events are spread over so many days; every fourth is of the workspace that is looked at, plus copies of nobody's."""
KINDS = (
    ("sign_in_failed", "sign_in", "failed"),
    ("signed_in", "sign_in", "done"),
    ("data_downloaded", "downloads", "done"),
)


def fill(count: int, workspaces: list[str], users: list[int]) -> None:
    """By SQL: a million objects would take longer than all that is measured."""
    from django.db import connection, transaction
    from django.utils import timezone

    now, agent = timezone.now(), "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
    columns = "id created_at verb kind outcome user_id workspace_id is_copy given given_digest address agent via subject subject_id text"
    names = columns.split()
    statement = f"INSERT INTO accounts_securityevent ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"
    with transaction.atomic(), connection.cursor() as cursor:
        for start in range(0, count, 50_000):
            rows = (
                (
                    *(f"{number:016d}", now - timedelta(days=DAYS) * (number / count), *KINDS[number % len(KINDS)]),
                    *(users[number % len(users)], workspaces[number // 7 % len(workspaces)], False, "", ""),
                    *(f"203.0.113.{number % 256}", agent, "", "", "", ""),
                )
                for number in range(start, min(start + 50_000, count))
            )
            cursor.executemany(statement, rows)


def measured(what: str, call: Callable[[], object]) -> None:
    before, began = peak(), time.perf_counter()
    result = call()
    print(f"{what}: {time.perf_counter() - began:.2f} s, {peak() - before:.0f} MB more; {result}", flush=True)


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    count = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MAQUETTE_DATA": folder, "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        os.environ |= {"LIMIT_REQUESTS_MINUTE": "unlimited", "ALLOWED_HOSTS": "testserver"}
        import django

        django.setup()
        measure(count)


def measure(count: int) -> None:
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from webapp.accounts import security
    from webapp.accounts.actions import ensure_user
    from webapp.accounts.models import SecurityEvent

    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    call_command("migrate", verbosity=0)
    people = [ensure_user(f"p{number}@example.org") for number in range(WORKSPACES)]
    began = time.perf_counter()
    fill(count, [workspace.pk for _user, workspace in people], [user.pk for user, _workspace in people])
    print(f"{count:,} events written in {time.perf_counter() - began:.0f} s", flush=True)
    owner = people[0][0]
    client = Client()
    client.force_login(owner)
    page = "/settings/security-log"

    def get(query: str) -> Callable[[], object]:
        def ask() -> object:
            answer = client.get(page + query)
            size = sum(map(len, answer.streaming_content)) if answer.streaming else len(answer.content)
            answer.close()
            return f"{answer.status_code}, {size:,} bytes"

        return ask

    measured("warm up", get(""))
    measured("first page", get(""))
    measured("one kind", get("?kind=downloads"))
    measured("one kind that has none", get("?kind=deletions"))
    measured("one person", get(f"?who={owner.pk}"))
    measured("one person and kind", get(f"?who={owner.pk}&kind=downloads"))
    measured("one day, the oldest", get(f"?day={SecurityEvent.objects.earliest('created_at').created_at:%Y-%m-%d}"))
    oldest = SecurityEvent.objects.filter(workspace=people[0][1]).earliest("created_at")
    measured(
        "last page", get(f"?before={(oldest.created_at + timedelta(minutes=9)).isoformat().replace('+', '%2B')},0")
    )
    measured("CSV of a workspace", get("?format=csv"))
    with open(os.devnull, "w") as nowhere:
        measured("JSON lines of all", lambda: call_command("security_log", "--since", "300d", "--json", stdout=nowhere))
    measured("clearing after 180 days", lambda: f"{security.prune():,} events deleted")


if __name__ == "__main__":
    main()
