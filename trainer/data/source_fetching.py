"""The command `fetch-source`: what one address leads to now, into a folder; nothing where it is what was there before."""

import hashlib
import json
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from trainer import source_addresses
from trainer.data.checked_connection import NotFetchedError, opened
from trainer.errors import DataError, SpecError
from trainer.messages import _

MAX_BYTES, MAX_SECONDS = 2 << 30, 600.0
PIECE = 1 << 16
ENDINGS = {"text/csv": ".csv", "application/json": ".json", "text/tab-separated-values": ".tsv"}
"""For names that have none."""


def fetch_source(request: Mapping[str, Any], out: Path) -> dict[str, Any]:
    """`request`: {address, etag?, modified?, sha256?, most_bytes?} and for S3 {key_id, secret, region, endpoint}. {changed, and where
    it has: file, bytes, sha256, etag, modified}. `DataError` `source_not_read`; then nothing is left in `out`."""
    try:
        address = address_of(request)
        with opened(address, conditions(request), MAX_SECONDS) as answer:
            if answer.status == 304:
                return {"changed": False}
            check_kind(str(request["address"]), answer)
            return keep(answer, request, out / file_name(address, answer))
    except NotFetchedError as error:
        raise not_read(error.args[0]) from error
    except (OSError, HTTPException) as error:
        raise not_read(_("broke off, or took more than ten minutes")) from error


def not_read(reason: str) -> DataError:
    return DataError(
        _("The address %(reason)s.", reason=reason),
        code="source_not_read",
        hint=_("Nothing was changed. Open the address in a private window to see what others get, then read it again."),
    )


def address_of(request: Mapping[str, Any]) -> str:
    address = str(request.get("address") or "")
    if address.startswith("s3://"):
        key_id, secret, region, endpoint = (
            str(request.get(name) or "") for name in ("key_id", "secret", "region", "endpoint")
        )
        return source_addresses.signed_address(address, key_id, secret, region, endpoint)
    return source_addresses.csv_of_sheet(address) if source_addresses.is_sheet(address) else address


def conditions(request: Mapping[str, Any]) -> dict[str, str]:
    """The header by which a server says that nothing has changed: by the tag, and by the second of the last change only where there
    is no tag, since some servers go by both and a second can have seen two changes."""
    if request.get("etag"):
        return {"If-None-Match": str(request["etag"])}
    return {"If-Modified-Since": str(request["modified"])} if request.get("modified") else {}


def check_kind(address: str, answer: HTTPResponse) -> None:
    """A sheet that is not shared is answered with a page to sign in."""
    if source_addresses.is_sheet(address) and answer.headers.get_content_type() == "text/html":
        raise DataError(
            _("The Google Sheet is not shared with everybody who has its link."),
            code="source_not_read",
            hint=_("In Google Sheets: File, Share, Publish to web, as CSV. Then read it again."),
        )


def keep(answer: HTTPResponse, request: Mapping[str, Any], path: Path) -> dict[str, Any]:
    part = path.with_name("fetched.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as file:
            size, digest = copy(answer, file, int(request.get("most_bytes") or MAX_BYTES))
        declared = answer.headers.get("Content-Length", "")
        if declared.isdigit() and size < int(declared):
            raise NotFetchedError(_("was cut short"))
        if digest == request.get("sha256"):
            return {"changed": False, **tags(answer)}
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return {"changed": True, "file": path.name, "bytes": size, "sha256": digest, **tags(answer)}


def copy(answer: HTTPResponse, file: BinaryIO, most_bytes: int) -> tuple[int, str]:
    """(bytes, SHA-256)."""
    digest, size = hashlib.sha256(), 0
    while piece := answer.read(PIECE):
        size += len(piece)
        if size > most_bytes:
            raise NotFetchedError(_("leads to more than %(size)s MB", size=most_bytes >> 20))
        digest.update(piece)
        file.write(piece)
    return size, digest.hexdigest()


def tags(answer: HTTPResponse) -> dict[str, str]:
    return {
        "etag": (answer.headers.get("ETag") or "")[:200],
        "modified": (answer.headers.get("Last-Modified") or "")[:60],
    }


def file_name(address: str, answer: HTTPResponse) -> str:
    """The last part of the path, with an ending that says what the file is."""
    name = unquote(urlsplit(address).path).rpartition("/")[2][-80:]
    safe = "".join(char if char.isalnum() or char in "._-" else "_" for char in name).strip(".") or "source"
    ending = ENDINGS.get(answer.headers.get_content_type(), "")
    return safe if "." in safe or not ending else safe + ending


def read_asked(path: Path) -> dict[str, Any]:
    try:
        asked = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(_("%(name)s is not JSON.", name=path.name), code="bad_source", hint="") from error
    if not isinstance(asked, dict):
        raise SpecError(_("%(name)s is not JSON.", name=path.name), code="bad_source", hint="")
    return asked
