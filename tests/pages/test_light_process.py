"""What the web process holds in memory once it has shown a page: neither torch nor what only some requests need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "transformers", "pandas", "PIL"}
WEB_BYTES = 110 * 2**20
"""Of the web process after a page, measured at 92 MiB (docs/benchmarks.md)."""
DEFERRED = {"ninja", "fido2", "requests"}
"""What `webapp.core.deferred` leaves to those who use the API, a second factor or a provider."""


SERVE_HOME = """
import asyncio, json, sys
from webapp.asgi import application

async def main():
    sent = []
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])
    async def receive():
        return next(asked, None) or await asyncio.Event().wait()
    async def send(message):
        sent.append(message)
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/",
             "raw_path": b"/", "query_string": b"", "root_path": "", "scheme": "http", "server": ("127.0.0.1", 8000),
             "client": ("127.0.0.1", 1), "headers": [(b"host", b"127.0.0.1")]}
    await application(scope, receive, send)
    return sent[0]["status"]

status = asyncio.run(main())
resident = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmRSS"))
print(json.dumps({"status": status, "bytes": resident, "modules": sorted({name.split(".")[0] for name in sys.modules})}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_web_process_is_light(tmp_path: Path) -> None:
    hidden = ("DJANGO_SETTINGS_MODULE", "SENTRY_DSN", "DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "ALLOWED_HOSTS")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    for command in (["manage.py", "migrate", "-v0"], ["-c", SERVE_HOME]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=env | {"MAQUETTE_DATA": str(tmp_path), "MALLOC_ARENA_MAX": "2"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["status"] == 302
    assert not (HEAVY | DEFERRED) & set(found["modules"])
    assert "sentry_sdk" not in found["modules"], "nobody is told anything without SENTRY_DSN"
    assert found["bytes"] < WEB_BYTES
