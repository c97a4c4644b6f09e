"""Weights of the hub, fetched so that a download whose process was ended goes on where it was.

The hub's client goes on by itself where a connection breaks, but names what it has by chance and deletes it when it gives up. Here it
is kept under a name of its own beside the cache's files, and put among them once it is whole, where the client finds it.
"""

import hashlib
import os
from pathlib import Path

from trainer.files import sha256

ENDING = ".safetensors"
"""Of the files that are worth it. Others are small, and some of them are compressed on their way, which cannot be gone on with."""
SHA256_DIGITS = 64
MOST_BYTES = 50 * 10**9
"""The hub gives larger files by another protocol alone."""


def is_resumed(path: str, size: int) -> bool:
    return path.endswith(ENDING) and 0 < size <= MOST_BYTES


def folder_of(cache: Path, repo: str) -> Path:
    """Where the cache keeps the content of a repository's files."""
    return cache / f"models--{repo.replace('/', '--')}" / "blobs"


def part_of(cache: Path, repo: str, commit: str, path: str) -> Path:
    """What is there of a file; the file of a commit never changes."""
    name = hashlib.sha256(f"{commit}/{path}".encode()).hexdigest()
    return folder_of(cache, repo) / f"{name}.part"


def bytes_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def fetch_rest(cache: Path, repo: str, commit: str, path: str, size: int, counter: type[object]) -> None:
    """Fetch what is missing of a file of `size` bytes into the cache's folder of contents. Only the holder of the repository's lock
    may. `counter`: the class of the client's progress bar; what it raises ends the download, and what there is stays. A file that
    is not what the listing said is left to the client."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    url, part = hf_hub_url(repo, path, revision=commit), part_of(cache, repo, commit, path)
    facts = get_hf_file_metadata(url)
    whole = part.with_name(str(facts.etag))
    if not facts.etag or facts.size != size or whole.exists() or bytes_of(part) > size:
        part.unlink(missing_ok=True)
        return
    part.parent.mkdir(parents=True, exist_ok=True)
    part.touch()
    with part.open("r+b") as file:
        offset = file.seek(0, os.SEEK_END)
        http_get(url, file, resume_size=offset, headers=build_hf_headers(), expected_size=size, tqdm_class=counter)
    if offset and is_damaged(part, whole.name):
        part.unlink()
        return
    part.rename(whole)


def is_damaged(part: Path, etag: str) -> bool:
    """Whether it has another content than its name says, as after a power cut; the hub names large files by their SHA-256."""
    return len(etag) == SHA256_DIGITS and sha256(part) != etag
