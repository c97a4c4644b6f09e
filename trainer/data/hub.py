"""A data set of the Hugging Face hub by its name: its data files, never its code, never with anybody's token."""

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from httpx2 import HTTPError

from trainer.errors import DataError
from trainer.events import Emit
from trainer.json_types import JsonObject
from trainer.messages import _

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo

NAME = re.compile(r"(?:hub:)?((?:\w[\w.-]{0,95}/)?\w[\w.-]{0,95})(?:@([\w./-]{1,200}))?")
KINDS = (
    (".parquet",),
    (".csv", ".tsv", ".jsonl", ".json", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".json.gz"),
    (".zip", ".tar", ".tar.gz", ".tgz"),
    (".txt",),
)
"""What is taken, the best first: a set often holds the same rows in several forms."""
IGNORED = frozenset({"dataset_infos.json", "dataset_info.json", "state.json", "package.json", "tokenizer.json"})
DEFAULT_FOLDERS = ("", "data", "default", "main", "plain_text")
UNREACHABLE = (HTTPError, OSError, ValueError)
"""What the hub's client raises where there is no way to it."""
MAX_FILES, MAX_BYTES = 200, 2 * 2**30
SECONDS = 20


def fetch_dataset(name: str, out: Path, emit: Emit) -> JsonObject:
    """Download the data files into `out`: {files, bytes, revision}. Raises `DataError`."""
    repo, revision = parse_name(name)
    info = look_up(repo, revision)
    files = choose_files({sibling.rfilename: sibling.size or 0 for sibling in info.siblings or []}, repo)
    out.mkdir(parents=True, exist_ok=True)
    names, total = [], sum(files.values())
    done = 0
    for number, (path, size) in enumerate(files.items()):
        names.append(download(repo, path, info.sha, out, number))
        done += size
        emit("progress", stage="fetch", fraction=done / max(total, 1), done=done, total=total, unit="bytes")
    return {"files": names, "bytes": sum((out / name).stat().st_size for name in names), "revision": info.sha}


def parse_name(name: str) -> tuple[str, str | None]:
    """(repository, revision or None) of ORG/NAME@REVISION; `DataError`."""
    match = NAME.fullmatch(name.strip())
    if match is None:
        raise DataError(
            _("“%(name)s” is not the name of a dataset.", name=name[:100]),
            code="bad_hub_name",
            hint=_("It looks like ORG/NAME, as at the top of its page on the hub."),
        )
    return match[1], match[2]


def look_up(repo: str, revision: str | None) -> "DatasetInfo":
    """The hub's record of a dataset with the sizes of its files; `DataError` where there is none, or no way to it."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return HfApi(token=False).dataset_info(repo, revision=revision, files_metadata=True, timeout=SECONDS)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise DataError(
            (
                _("The hub has no public dataset “%(name)s” at %(revision)s.", name=repo, revision=revision)
                if revision
                else _("The hub has no public dataset “%(name)s”.", name=repo)
            ),
            code="hub_not_found",
            hint=_("Check its name; sets that need a sign-in must be downloaded by hand and uploaded here."),
        ) from error
    except (HfHubHTTPError, OfflineModeIsEnabled, *UNREACHABLE) as error:
        raise unreachable() from error


def unreachable() -> DataError:
    return DataError(
        _("The Hugging Face hub cannot be reached from here."),
        code="hub_away",
        hint=_("Try again later, or download the files and upload them here."),
    )


def choose_files(sizes: dict[str, int], repo: str) -> dict[str, int]:
    """The data files to take, of one kind and one configuration: that of the root or of the usual folders, else the first."""
    for endings in KINDS:
        paths = [
            path for path in sorted(sizes) if path.lower().endswith(endings) and PurePosixPath(path).name not in IGNORED
        ]
        if not paths:
            continue
        folders = {str(PurePosixPath(path).parent).removeprefix(".") for path in paths}
        folder = next((usual for usual in DEFAULT_FOLDERS if usual in folders), sorted(folders)[0])
        sizes_here = {
            path: sizes[path] for path in paths if str(PurePosixPath(path).parent).removeprefix(".") == folder
        }
        if len(sizes_here) > MAX_FILES or sum(sizes_here.values()) > MAX_BYTES:
            raise DataError(
                _(
                    "The dataset “%(repo)s” is too large: %(count)s files, %(value)s GB.",
                    repo=repo,
                    count=f"{len(sizes_here):,}",
                    value=f"{sum(sizes_here.values()) / 2**30:.1f}",
                ),
                code="too_large",
                hint=_(
                    "Up to %(most_files)s files and %(value)s GB are taken; download a part of it and upload that.",
                    most_files=MAX_FILES,
                    value=MAX_BYTES // 2**30,
                ),
            )
        return sizes_here
    raise DataError(
        _("The dataset “%(repo)s” holds no file that can be read here.", repo=repo),
        code="hub_no_data",
        hint=_("Taken are Parquet, CSV, JSON, zip and tar files; a set made by a script must be exported first."),
    )


def download(repo: str, path: str, revision: str, out: Path, number: int) -> str:
    """The file's name in `out`: its own, with a number in front so that two folders' files do not meet."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        downloaded = hf_hub_download(
            repo, path, repo_type="dataset", revision=revision, local_dir=out / "hub", token=False
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, *UNREACHABLE) as error:
        raise unreachable() from error
    name = f"{number}-{re.sub(r'[^-.A-Za-z0-9_]', '_', PurePosixPath(path).name)[-100:]}"
    Path(downloaded).resolve().replace(out / name)
    return name
