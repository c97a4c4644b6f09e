"""Milliseconds of server time for the lists, with 1,000 runs and 200 datasets in a database of their own.

    python benchmarks/pages.py [--requests 200]

Prints the median and the 95th percentile of each page. Requests go through Django's handler in this process, settings as
in production, so that the figures are the server's own, without a network. Each opens the database anew, as on a server,
where every request has a thread of its own. The prototype with the runs has a demo, is at work, and comes first on home.
"""

import argparse
import gc
import logging
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ["LIMIT_REQUESTS_MINUTE"] = "unlimited"  # counted in Redis, which is not here: benchmarks/rate_limit.py
WANTED_MS = 50.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MAQUETTE_DATA": folder, "DJANGO_SETTINGS_MODULE": "webapp.settings", "ALLOWED_HOSTS": "*"}
        os.environ.pop("DATABASE_URL", None)
        measure(options.requests)


def measure(requests: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    from tests import things
    from tests.datasets.test_lists import PATHS, fill
    from webapp.accounts.actions import ensure_user

    user = ensure_user("ada@example.org")[0]
    workspace = user.workspaces.get()
    first = things.run(things.prototype(workspace))
    things.endpoint(first)
    things.run(first.prototype, 2, status="running", headline=None)
    fill(workspace, 200, 1000)
    client = Client()
    client.force_login(user)
    gc.collect()
    gc.freeze()
    print(f"{'page':<28}{'median':>10}{'p95':>10}   milliseconds (wanted: p95 under {WANTED_MS:.0f})")
    for path in PATHS:
        path = path.format(prototype=f"/prototypes/{first.prototype_id}")
        took = []
        for _ in range(requests + 5):
            connection.close()
            began = time.perf_counter()
            answer = client.get(path)
            took.append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 200, (path, answer.status_code)
        took = took[5:]
        shown = path.replace(first.prototype_id, "…")
        print(f"{shown:<28}{statistics.median(took):>10.1f}{statistics.quantiles(took, n=20)[-1]:>10.1f}")


if __name__ == "__main__":
    main()
