"""Whether a model of the Hugging Face hub is on this machine, or could be fetched. Looks at files; fetches nothing."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from django.core.cache import cache

from trainer import disk

HUB = "hub:"
ANSWER_SECONDS, WAIT_SECONDS = 60, 0.5
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def cache_folder() -> Path:
    """Where the hub's own library keeps what it fetched."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def downloaded() -> list[Path]:
    """The folders of all models that were fetched, or are being fetched, into the cache."""
    return sorted(cache_folder().glob("models--*"))


def downloaded_bytes() -> int:
    """What they take on disk, as it was a minute ago at most: snapshots are links to files that count once."""
    key = f"hub:bytes:{len(downloaded())}:{cache_folder()}"
    size = cache.get(key)
    if size is None:
        size = disk.hub_bytes(cache_folder())
        cache.set(key, size, ANSWER_SECONDS)
    return int(size)


def size_words() -> str:
    """For the operator, in one line; empty where there is none."""
    count = len(downloaded())
    models = "1 model" if count == 1 else f"{count} models"
    return (
        f"{models} downloaded from the hub, {disk.hub_bytes(cache_folder()) / 2**30:.1f} GB in {cache_folder()}"
        if count
        else ""
    )


def is_downloaded(ref: str) -> bool:
    """Whether some revision of `hub:ORG/NAME@REVISION` lies in the cache with its weights."""
    repo = ref.removeprefix(HUB).partition("@")[0]
    snapshots = cache_folder() / f"models--{repo.replace('/', '--')}" / "snapshots"
    return any(
        any(snapshot.glob("*.safetensors")) for snapshot in snapshots.glob("*") if (snapshot / "config.json").is_file()
    )


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
    is_connected = cache.get(key)
    if is_connected is None:
        is_connected = connects(place)
        cache.set(key, is_connected, ANSWER_SECONDS)
    return bool(is_connected)


def connects(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=WAIT_SECONDS).close()
    except OSError:
        return False
    return True
