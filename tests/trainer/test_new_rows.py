"""Data that is read again: what an address leads to now, and which of its rows are new."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.trainer.object_storage import BUCKET, object_storage
from trainer.data.inspect import inspect
from trainer.data.new_rows import find_new_rows
from trainer.data.source_fetching import fetch_source
from trainer.errors import DataError, SpecError
from trainer.events import silent
from trainer.source_addresses import csv_of_sheet, is_sheet, signed_address

DOCS = "https://docs.google.com/spreadsheets/d"


@pytest.mark.parametrize(
    ("pasted", "read"),
    [
        (f"{DOCS}/1aB_c/edit#gid=7", f"{DOCS}/1aB_c/export?format=csv&gid=7"),
        (f"{DOCS}/1aB_c/edit?gid=7#gid=7", f"{DOCS}/1aB_c/export?format=csv&gid=7"),
        (f"{DOCS}/1aB_c/edit?usp=sharing", f"{DOCS}/1aB_c/export?format=csv"),
        (f"{DOCS}/1aB_c/export?format=xlsx", f"{DOCS}/1aB_c/export?format=csv"),
        (f"{DOCS}/e/2PACX-1x/pubhtml", f"{DOCS}/e/2PACX-1x/pub?output=csv"),
        (f"{DOCS}/e/2PACX-1x/pub?output=csv&gid=3", f"{DOCS}/e/2PACX-1x/pub?output=csv&gid=3&single=true"),
        ("https://docs.google.com/spreadsheets/u/1/d/1aB_c/edit", f"{DOCS}/1aB_c/export?format=csv"),
    ],
)
def test_any_address_of_a_sheet_leads_to_its_rows(pasted: str, read: str) -> None:
    assert is_sheet(pasted)
    assert csv_of_sheet(pasted) == read


def test_an_address_without_a_sheet_is_told() -> None:
    assert not is_sheet("https://docs.google.com.example.org/spreadsheets/d/x")
    with pytest.raises(SpecError):
        csv_of_sheet("https://docs.google.com/spreadsheets/u/0/")


@pytest.mark.parametrize("endpoint", ["", "https://s3.example.com", "http://127.0.0.1:9000/storage"])
def test_an_object_is_signed_as_amazons_own_client_does(endpoint: str) -> None:
    key, moment = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), datetime.now(UTC)
    address = signed_address("s3://a-bucket/a b/täst+1.csv", *key, region="eu-west-1", endpoint=endpoint, now=moment)
    request = AWSRequest("GET", address.partition("?")[0])
    signer = S3SigV4QueryAuth(Credentials(*key), "s3", "eu-west-1", expires=900)
    request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
    given = parse_qs(urlsplit(address).query)
    request.params = {name: value[0] for name, value in given.items() if name != "X-Amz-Signature"}
    canonical = signer.canonical_request(request)
    request.url = address.rpartition("&X-Amz-Signature")[0]
    assert given["X-Amz-Signature"] == [signer.signature(signer.string_to_sign(request, canonical), request)]
    assert key[1] not in address
    assert "/a-bucket/a%20b/t%C3%A4st%2B1.csv?" in address


def test_a_public_object_is_not_signed() -> None:
    assert signed_address("s3://b/k.csv", "", "", endpoint="https://minio.example") == "https://minio.example/b/k.csv"
    with pytest.raises(SpecError):
        signed_address("s3://bucket", "A", "b")


class Table(BaseHTTPRequestHandler):
    content = b"text,label\nhello,a\n"
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        content, tag = type(self).content, f'"{len(type(self).content)}"'
        if self.path == "/cut.csv":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(content)
            return
        if self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200 if self.path.startswith("/rows") else 404)
        if self.path == "/rows-with-tag":
            self.send_header("ETag", tag)
        self.send_header("Content-Type", "text/csv")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_words: object) -> None:
        return


@contextmanager
def table_server() -> Iterator[tuple[str, type[Table]]]:
    """(its address, the handler whose `content` it gives)."""
    handler = type("Handler", (Table,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", handler
        finally:
            server.shutdown()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[Table]]]:
    with table_server() as (address, handler):
        monkeypatch.setenv("MAQUETTE_FETCH_LOOPBACK", address.rpartition(":")[2])
        yield address, handler


def test_what_is_unchanged_is_not_fetched(server: tuple[str, type[Table]], tmp_path: Path) -> None:
    base, handler = server
    first = fetch_source({"address": f"{base}/rows-with-tag"}, tmp_path)
    assert (first["changed"], first["file"], first["bytes"]) == (True, "rows-with-tag.csv", len(handler.content))
    known = {name: first[name] for name in ("etag", "modified", "sha256")}
    assert fetch_source({"address": f"{base}/rows-with-tag"} | known, tmp_path)["changed"] is False
    assert fetch_source({"address": f"{base}/rows"} | known, tmp_path / "other")["changed"] is False
    handler.content += b"more,b\n"
    assert fetch_source({"address": f"{base}/rows-with-tag"} | known, tmp_path)["changed"] is True


@pytest.mark.parametrize(
    ("path", "words"),
    [("/gone.csv", "was answered with 404"), ("/cut.csv", "was cut short"), ("/rows?large", "leads to more than 0 MB")],
)
def test_what_is_not_whole_leaves_nothing(
    path: str, words: str, server: tuple[str, type[Table]], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=words) as refusal:
        fetch_source({"address": server[0] + path, "most_bytes": 5 if "large" in path else 0}, tmp_path)
    assert refusal.value.code == "source_not_read"
    assert list(tmp_path.iterdir()) == []


def test_an_object_is_fetched_from_a_server_of_s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By Amazon's own protocol as moto speaks it: what is unchanged is not sent, what is not there is told."""
    with object_storage() as (endpoint, client):
        monkeypatch.setenv("MAQUETTE_FETCH_LOOPBACK", endpoint.rpartition(":")[2])
        client.put_object(Bucket=BUCKET, Key="all of them/täst+1.csv", Body=Table.content, ContentType="text/csv")
        asked = {"key_id": "AK", "secret": "secret", "region": "us-east-1", "endpoint": endpoint}
        asked["address"] = f"s3://{BUCKET}/all of them/täst+1.csv"
        first = fetch_source(asked, tmp_path)
        assert (first["changed"], (tmp_path / first["file"]).read_bytes()) == (True, Table.content)
        known = {name: first[name] for name in ("etag", "modified", "sha256")}
        assert first["etag"]
        assert fetch_source(asked | known, tmp_path)["changed"] is False
        client.put_object(Bucket=BUCKET, Key="all of them/täst+1.csv", Body=Table.content + b"more,b\n")
        assert fetch_source(asked | known, tmp_path)["bytes"] == len(Table.content) + 7
        with pytest.raises(DataError, match="was answered with 404"):
            fetch_source(asked | {"address": f"s3://{BUCKET}/gone.csv"}, tmp_path)


def test_an_address_inside_is_never_asked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="private network"):
        fetch_source({"address": "http://10.0.0.1/rows.csv"}, tmp_path)


def test_new_rows_are_those_that_were_never_seen(tmp_path: Path) -> None:
    lines = [f"order number {row} has come,{'good' if row % 2 else 'bad'}" for row in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(["text,label", *lines]), "utf-8")
    inspect([tmp_path / "a.csv"], tmp_path / "v1")
    more = tmp_path / "b.csv"
    more.write_text("\n".join(["Label,Text", "good,Order number 3 has come!", "good,something new", "bad,another"]))
    first = find_new_rows(tmp_path / "v1", [more], tmp_path / "1", silent)
    assert (first["rows"], first["new"]) == (3, 2)
    assert pq.read_table(tmp_path / "1" / "rows.parquet").column("Text").to_pylist() == ["something new", "another"]
    more.write_text(more.read_text() + "\ngood,the newest")
    seen = tmp_path / "1" / "seen.npy"
    second = find_new_rows(tmp_path / "v1", [more], tmp_path / "2", silent, seen=seen)
    assert (second["rows"], second["new"]) == (4, 1), "what somebody took out of the data does not come back"
    assert find_new_rows(tmp_path / "v1", [more], tmp_path / "3", silent, none_new=True)["new"] == 0
    assert not (tmp_path / "3" / "rows.parquet").exists()


def test_files_without_its_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "hello there,a\ngood bye,b\n" * 5, "utf-8")
    inspect([tmp_path / "a.csv"], tmp_path / "v1")
    (tmp_path / "b.csv").write_text("name,age\nAda,36\nBea,37\n", "utf-8")
    with pytest.raises(DataError) as refusal:
        find_new_rows(tmp_path / "v1", [tmp_path / "b.csv"], tmp_path / "new", silent)
    assert refusal.value.code == "other_columns"
    assert not (tmp_path / "new").exists()
