"""Fetches a base model from the Hugging Face hub: its size asked first and bounded, its progress told."""

import errno
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from trainer import disk
from trainer.errors import DOWNLOADING, ModelError
from trainer.events import STAGES, Emit
from trainer.messages import _
from trainer.resumed_download import bytes_of, fetch_rest, is_resumed, part_of

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.spm", "tokenizer*", "README.md"]
"""What is fetched of a repository, its card for the licence: no code, no pickles, no weights of other libraries."""
TELL_SECONDS = 1.0
CONFIG, LOCK = "config.json", "maquette.lock"
MAX_BYTES = 5 << 30
"""The largest model that is downloaded, unless MAQUETTE_HUB_MODEL_BYTES says otherwise."""
SECONDS = 20

Progress = Callable[[int, int], None]
"""Called with (bytes downloaded, bytes to download); what it raises ends the download."""


Waiting = Callable[[], None]
"""Called once a second while another process downloads the same model; what it raises ends the wait."""


def unwatched(_done: int, _total: int) -> None:
    pass


def unheard() -> None:
    pass


class Watch:
    """Tells how far a download is, at most once a second, and that it waits for another's."""

    def __init__(self, emit: Emit, *, may_wait: bool) -> None:
        self.emit, self.may_wait = emit, may_wait
        self.told_at: float | None = None
        self.has_waited = False

    def progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self.told_at is None:
            self.emit("stage", name=STAGES[0], state="start")
        elif now - self.told_at < TELL_SECONDS:
            return
        self.told_at = now
        fraction = round(done / total, 4) if total else 1.0
        self.emit(
            "progress", stage=STAGES[0], fraction=0.0, stage_fraction=fraction, done=done, total=total, unit="bytes"
        )

    def wait(self) -> None:
        """Raises `ModelError` where it may not wait."""
        if not self.may_wait:
            raise being_downloaded()
        if not self.has_waited:
            self.has_waited = True
            self.emit("log", message=_("Waiting for another download of this model to finish."))


def being_downloaded() -> ModelError:
    """The error of what does not wait for somebody else's download of the same model."""
    return ModelError(
        _("This model is being downloaded for another run."),
        code=DOWNLOADING,
        hint=_("Ask again in a few minutes, or start the run without an estimate."),
    )


def fetch(repo: str, revision: str | None, progress: Progress = unwatched, waiting: Waiting = unheard) -> Path:
    """The folder of a model's snapshot in the hub's cache. What is not there yet is downloaded, where the hub can be reached
    and the model is not too large for this site or its disk; `ModelError`."""
    errors = client_errors()
    try:
        info = look_up(repo, revision)
    except errors:
        info = None
    try:
        return find_cached(repo, revision) if info is None else download(repo, info, progress, waiting)
    except errors as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise not_fetched(repo) from error


def fetch_config(repo: str, revision: str | None) -> tuple[str, int, str]:
    """(its config.json, bytes to download in all, licence) of a model of the hub, of which nothing else is fetched; `ModelError`.
    It does not come into the cache, where a configuration says that a snapshot is whole."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import filter_repo_objects

    try:
        info = look_up(repo, revision)
        sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or []}
        with tempfile.TemporaryDirectory() as folder:
            config = Path(hf_hub_download(repo, CONFIG, revision=info.sha, local_dir=folder)).read_text("utf-8")
    except client_errors() as error:
        raise not_fetched(repo) from error
    size = sum(sizes[path] for path in filter_repo_objects(sizes, allow_patterns=FILES))
    return config, size, str(getattr(info.card_data, "license", None) or "")


def not_fetched(repo: str) -> ModelError:
    return ModelError(
        _("The model “%(repo)s” could not be fetched from the Hugging Face hub.", repo=repo),
        hint=_("Check the name and the connection, or use bundled:all-MiniLM-L6-v2, which needs neither."),
    )


def client_errors() -> tuple[type[Exception], ...]:
    """What the hub's client raises where the hub cannot be reached, refuses, or does not know a name."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import RevisionResolutionError

    return HTTPError, OSError, ValueError, RevisionResolutionError


def look_up(repo: str, revision: str | None) -> "ModelInfo":
    """One commit of a repository: `sha`, and `siblings` with their sizes. The client remembers the commit of a branch for
    when the hub is away."""
    from huggingface_hub import HfApi

    api = HfApi()
    commit = api.resolve_revision(repo, revision=revision).resolved
    return api.model_info(repo, revision=commit, files_metadata=True, timeout=SECONDS)


def find_cached(repo: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(repo, revision=revision, allow_patterns=FILES, local_files_only=True))


def download(repo: str, info: "ModelInfo", progress: Progress, waiting: Waiting) -> Path:
    """Fetch what is missing of a commit, one file after another. The configuration comes last, so that a snapshot that has
    it is whole."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import filter_repo_objects

    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or []}
    paths = sorted(filter_repo_objects(sizes, allow_patterns=FILES), key=lambda path: (path == CONFIG, path))
    if not paths:
        raise ModelError(
            _("The repository “%(repo)s” holds no model.", repo=repo), hint=_("Only safetensors are loaded.")
        )
    missing: list[str] = []

    def claimed() -> int:
        """Bytes to fetch; those of the one before, who may have fetched the same, are there."""
        missing[:] = list_missing(repo, info.sha, paths)
        needed = sum(sizes[path] for path in missing)
        if missing:
            check_size(repo, sum(sizes[path] for path in paths), needed - come())
        return needed

    def come() -> int:
        """Bytes of them that an earlier download left."""
        parts = [part_of(cache_folder(), repo, str(info.sha), path) for path in missing]
        return sum(min(bytes_of(part), sizes[path]) for part, path in zip(parts, missing, strict=True))

    if list_missing(repo, info.sha, paths):
        with take_turn(repo, claimed, waiting) as (needed, promise):

            def tell(done: int, total: int) -> None:
                promise(total - done)
                progress(done, total)

            counter = make_counter(repo, needed, tell)
            for path in missing:
                if is_resumed(path, sizes[path]):
                    fetch_rest(cache_folder(), repo, str(info.sha), path, sizes[path], counter)
                hf_hub_download(repo, path, revision=info.sha, tqdm_class=counter)
                counter.tell()
    last = Path(hf_hub_download(repo, paths[-1], revision=info.sha, local_files_only=True))
    return last.parents[len(PurePosixPath(paths[-1]).parts) - 1]


def list_missing(repo: str, commit: str, paths: list[str]) -> list[str]:
    from huggingface_hub import try_to_load_from_cache

    return [path for path in paths if not isinstance(try_to_load_from_cache(repo, path, revision=commit), str)]


@contextmanager
def take_turn(repo: str, claimed: Callable[[], int], waiting: Waiting) -> Iterator[tuple[int, Callable[[int], None]]]:
    """One download of a repository at a time among all processes that share the cache; those of others go on meanwhile.
    Whoever downloads holds a file whose content is how many bytes are still to come: `claimed` tells them, and asks the
    disk, while nobody else does; the function that is yielded keeps them. Of a process that dies the file is held no
    more, and counts no more."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = claim_path(repo)
    path.touch()
    with path.open("r+b") as claim:

        def promise(left: int) -> None:
            os.pwrite(claim.fileno(), b"%020d" % left, 0)

        while True:
            with (folder / LOCK).open("w") as everybody:
                fcntl.flock(everybody, fcntl.LOCK_EX)  # for a moment
                if mine := is_free(claim):
                    promise(0)
                    needed = claimed()
                    promise(needed)
            if mine:
                break
            waiting()
            time.sleep(1)
        yield needed, promise


def claim_path(repo: str) -> Path:
    return cache_folder() / f"maquette.{hashlib.sha256(repo.encode()).hexdigest()[:16]}.lock"


def is_free(file: BinaryIO) -> bool:
    """Take a file that nobody holds, until it is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def promised_bytes() -> int:
    """Bytes of disk that the downloads of other repositories are about to fill. To be asked while nobody claims any."""
    total = 0
    for path in cache_folder().glob("maquette.*.lock"):
        with path.open("rb") as file:
            if not is_free(file):
                total += int(file.read() or 0)
    return total


def cache_folder() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE).expanduser().resolve()


def max_bytes() -> int:
    return int(os.environ.get("MAQUETTE_HUB_MODEL_BYTES") or MAX_BYTES)


def check_size(repo: str, size: int, missing: int) -> None:
    """Whether a model of `size` bytes may be downloaded, and the disk has room for the `missing` ones; `ModelError`."""
    if size > max_bytes():
        raise too_large(repo, size)
    promised = promised_bytes()
    free = max(disk.free_bytes(cache_folder()) - promised, 0)
    if free < missing:
        raise ModelError(
            _(
                "The disk has no room for the model “%(repo)s”: %(missing)s are to be downloaded, %(free)s are free.",
                repo=repo,
                missing=format_bytes(missing),
                free=format_bytes(free),
            ),
            code="no_space",
            hint=_("Free some space and start it again, or choose a smaller model."),
        )
    if disk.hub_bytes(cache_folder()) + promised + missing > disk.hub_limit_bytes():
        raise no_more(repo, missing)


def no_more(repo: str, missing: int) -> ModelError:
    """The error for a model beyond what this site keeps of the hub's."""
    return ModelError(
        _(
            "The base models of this site have no room for “%(repo)s”: %(missing)s are to be downloaded, and %(held)s of "
            "%(most_bytes)s are taken.",
            repo=repo,
            missing=format_bytes(missing),
            held=format_bytes(disk.hub_bytes(cache_folder())),
            most_bytes=format_bytes(disk.hub_limit_bytes()),
        ),
        code="hub_full",
        hint=_(
            "Choose a model that is on this machine. The operator of this site can delete models that nobody uses, or raise "
            "MAQUETTE_HUB_BYTES."
        ),
    )


def too_large(repo: str, size: int) -> ModelError:
    """The error for a model of more bytes than this site downloads."""
    return ModelError(
        _(
            "The model “%(repo)s” is too large: %(size)s, and at most %(most_bytes)s are downloaded.",
            repo=repo,
            size=format_bytes(size),
            most_bytes=format_bytes(max_bytes()),
        ),
        code="model_too_large",
        hint=_("Choose a smaller model. The operator of this site can raise MAQUETTE_HUB_MODEL_BYTES."),
    )


def format_bytes(size: int) -> str:
    for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


class Counter:
    """What the client takes for its progress bar: one instance a file, `done` bytes of all files of the subclass. It ends a
    download that brings more than was announced and than is allowed."""

    repo: str
    done: int
    total: int
    progress: Progress

    def __init__(self, *_arguments: object, initial: float = 0, **_more: object) -> None:
        self.update(initial)

    def __enter__(self) -> "Counter":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def update(self, count: float | None = 1) -> None:
        type(self).done += int(count or 0)
        self.tell()

    @classmethod
    def tell(cls) -> None:
        if cls.done > max(cls.total, max_bytes()):
            raise too_large(cls.repo, cls.done)
        cls.progress(min(cls.done, cls.total), cls.total)

    def ignore(self, *_arguments: object, **_more: object) -> None:
        """The rest of a progress bar."""

    close = refresh = reset = set_description = set_postfix_str = update_transfer = set_transfer_postfix_str = ignore


def make_counter(repo: str, total: int, progress: Progress) -> type[Counter]:
    fields = {"repo": repo, "done": 0, "total": total, "progress": staticmethod(progress)}
    return type("Counter", (Counter,), fields)
