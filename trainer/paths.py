"""Paths that other people write: how they are made safe, for whoever takes files and whoever opens archives."""

import re
import unicodedata


def safe_path(name: str) -> str | None:
    """The path with `/`, letters with their accents in one (NFC); None when it is absolute, has a drive, goes upwards or holds
    control characters."""
    path = name.replace("\\", "/")
    if not path or path.startswith("/") or re.match(r"[A-Za-z]:", path) or re.search(r"[\x00-\x1f\x7f]", path):
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or len(path) > 1_000 or len(parts) > 40:
        return None
    return unicodedata.normalize("NFC", "/".join(parts)).encode("utf-8", "replace").decode()
