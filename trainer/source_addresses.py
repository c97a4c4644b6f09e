"""Addresses that data is read from again and again: of the web, of an object in S3, of a Google Sheet."""

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import SplitResult, parse_qs, quote, urlencode, urlsplit

from trainer.errors import SpecError
from trainer.messages import _

SHEETS = "docs.google.com"
SIGNED_SECONDS = 900
"""How long a signed address works: from signing to the first byte."""
DEFAULT_REGION = "us-east-1"


def check_web(address: str) -> None:
    """`SpecError` for what is not an address of the web, or has a password in it."""
    try:
        parts = urlsplit(address)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        is_fine = is_fine and parts.username is None and parts.password is None
    except ValueError:
        is_fine = False
    if not is_fine:
        raise SpecError(
            _("This is not an address that can be read."),
            code="bad_source",
            hint=_("It begins with https:// and has no name and password before the host."),
        )


def is_sheet(address: str) -> bool:
    """Whether it is that of a Google Sheet, as the browser shows it or as it was published."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.hostname == SHEETS and parts.path.startswith("/spreadsheets/")


def csv_of_sheet(address: str) -> str:
    """The address under which Google gives a sheet as CSV: of a published one (`/d/e/…/pub`), and of one that is shared by link."""
    parts = urlsplit(address)
    places = parts.path.strip("/").split("/")
    if "d" not in places or len(places) < places.index("d") + 2:
        raise SpecError(
            _("This address names no Google Sheet."),
            code="bad_source",
            hint=_("Copy the address while the sheet is open, or the one under File, Share, Publish to web."),
        )
    gid = (parse_qs(parts.query).get("gid") or parse_qs(parts.fragment).get("gid") or [""])[0]
    chosen = {"gid": gid} if gid.isascii() and gid.isdigit() else {}
    place = places.index("d") + 1
    if places[place] == "e" and len(places) > place + 1:
        query = urlencode({"output": "csv"} | chosen | ({"single": "true"} if chosen else {}))
        return f"https://{SHEETS}/spreadsheets/d/e/{quote(places[place + 1], safe='')}/pub?{query}"
    query = urlencode({"format": "csv"} | chosen)
    return f"https://{SHEETS}/spreadsheets/d/{quote(places[place], safe='')}/export?{query}"


def signed_address(
    address: str, key_id: str, secret: str, region: str = "", endpoint: str = "", now: datetime | None = None
) -> str:
    """A GET of `s3://bucket/key` as an address that works for some minutes (AWS Signature Version 4, query parameters). Without a
    key, the address of a public object. `endpoint`: of another server than Amazon's; buckets are in its paths."""
    bucket, key = parts_of_s3(address)
    region = region or DEFAULT_REGION
    parts = urlsplit(endpoint or f"https://s3.{region}.amazonaws.com")
    path = f"{quote(parts.path.rstrip('/'), safe='/')}/{quote(bucket, safe='-_.~')}/{quote(key, safe='/-_.~')}"
    if not key_id:
        return f"{parts.scheme}://{parts.netloc}{path}"
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    given = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{key_id}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(SIGNED_SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(given.items()))
    canonical = "\n".join(["GET", path, query, f"host:{host_header(parts)}", "", "host", "UNSIGNED-PAYLOAD"])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = signing_key(secret, moment[:8], region, "\n".join(["AWS4-HMAC-SHA256", moment, scope, digest]))
    return f"{parts.scheme}://{parts.netloc}{path}?{query}&X-Amz-Signature={signature}"


def host_header(parts: SplitResult) -> str:
    """As `http.client` sends it: with the port unless it is the scheme's own."""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.hostname or "" if parts.port in (None, usual) else f"{parts.hostname}:{parts.port}"


def signing_key(secret: str, day: str, region: str, text: str) -> str:
    key = f"AWS4{secret}".encode()
    for word in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def parts_of_s3(address: str) -> tuple[str, str]:
    """(bucket, key); `SpecError` for what names no object."""
    bucket, _slash, key = address.removeprefix("s3://").partition("/")
    if not bucket or not key or key.endswith("/") or not address.startswith("s3://"):
        raise SpecError(
            _("This address names no object in S3."),
            code="bad_source",
            hint=_("It looks like s3://bucket/folder/file.csv."),
        )
    return bucket, key
