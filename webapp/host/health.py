"""Health checks for containers: `python -P webapp/host/health.py web|worker|beat [FILE]`; exit code 0 or 1.

Run as a file, not as a module: the package brings Celery with it, seconds on a busy machine, every few seconds.
"""

import os
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

# Celery's beat writes its schedule down every three minutes.
BEAT_SECONDS = 600


def web() -> bool:
    address = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}/healthz"
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # as webapp.host.direct, which brings the package along
    with opener.open(urllib.request.Request(address, headers=allowed_host()), timeout=10) as response:
        return bool(response.status == 200)


def allowed_host() -> dict[str, str]:
    """The header that makes the site answer: a public site knows its own name alone, and ALLOWED_HOSTS, where it is set, need
    not hold the address that is asked either."""
    names = [name.strip().lstrip(".") for name in os.environ.get("ALLOWED_HOSTS", "").split(",")]
    public = urlsplit(os.environ.get("PUBLIC_URL", "")).hostname or ""
    hosts = [name for name in (*names, public) if name not in ("", "*")]
    return {"Host": hosts[0]} if hosts else {}


def worker() -> bool:
    """Whether a worker of this host has announced itself within the last 20 seconds."""
    import redis

    with redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5) as client:
        return next(client.scan_iter(f"maquette:worker:{socket.gethostname()}-*", count=500), None) is not None


def beat(schedule: str) -> bool:
    path = Path(schedule)
    newest = max((file.stat().st_mtime for file in path.parent.glob(path.name + "*")), default=0.0)
    return time.time() - newest < BEAT_SECONDS


def main(arguments: list[str]) -> int:
    what, *rest = arguments
    checks: dict[str, Callable[..., bool]] = {"web": web, "worker": worker, "beat": beat}
    try:
        good = checks[what](*rest)
    except Exception as error:
        sys.stderr.write(f"{what}: {error}\n")
        return 1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
