"""Whether a model of the Hugging Face hub is on this machine, or could be fetched. Looks at files; fetches nothing."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from django.core.cache import cache

HUB = "hub:"
ANSWER_SECONDS, WAIT_SECONDS = 60, 0.5
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def cache_folder() -> Path:
    """Where the hub's own library keeps what it fetched."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def is_downloaded(ref: str) -> bool:
    """Whether some revision of `hub:ORG/NAME@REVISION` lies in the cache with its weights."""
    repo = ref.removeprefix(HUB).partition("@")[0]
    snapshots = cache_folder() / f"models--{repo.replace('/', '--')}" / "snapshots"
    return any(any(one.glob("*.safetensors")) for one in snapshots.glob("*") if (one / "config.json").is_file())


def is_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")


def is_reachable() -> bool:
    """Whether the hub answers; asked at most once a minute, and for half a second."""
    if is_offline():
        return False
    if any(os.environ.get(name) for name in PROXIES):
        return True
    parts = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    place = (parts.hostname or "huggingface.co", parts.port or (80 if parts.scheme == "http" else 443))
    key = f"hub:{place[0]}:{place[1]}"
    known = cache.get(key)
    if known is None:
        known = connects(place)
        cache.set(key, known, ANSWER_SECONDS)
    return bool(known)


def connects(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=WAIT_SECONDS).close()
    except OSError:
        return False
    return True
