"""Erased means erased: a real site with data of every kind, a model, a demo and its visitors; then all of it is deleted in the
pages, and no file below the data folder, no key of Redis and no object of the bucket tells of it."""

import base64
import io
import json
import os
import re
import struct
import time
import wave
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.site import Site, rows_of, wait
from tests.tiny_model import build

pytestmark = pytest.mark.slow
WORD = "Quittenbröt"
EMAIL = "quittenbrot@example.org"
COLOUR = (167, 60, 225)
SOUND = [12345, -23456, 3211, -32100, 29876, -111, 17171, -20202]
DUMP = (
    "import base64, pathlib; from webapp.core.redis import client; import redis; from django.conf import settings\n"
    "plain = redis.Redis.from_url(settings.REDIS_URL)\n"
    "names = list(plain.scan_iter(count=1000))\n"
    "pathlib.Path({path!r}).write_bytes(b'\\n'.join(name + b' ' + contents(plain, name) for name in names))\n"
)
CONTENTS = (
    "def contents(plain, name):\n"
    "    kind = plain.type(name).decode()\n"
    "    read = {'string': plain.get, 'hash': plain.hgetall, 'set': plain.smembers, 'stream': plain.xrange,\n"
    "            'list': lambda key: plain.lrange(key, 0, -1), 'zset': lambda key: plain.zrange(key, 0, -1)}[kind]\n"
    "    value = read(name)\n"
    "    return value if isinstance(value, bytes) else repr(value).encode() + b' '.join(flat(value))\n"
    "def flat(value):\n"
    "    if isinstance(value, bytes): yield value\n"
    "    elif isinstance(value, dict):\n"
    "        for pair in value.items(): yield from flat(pair)\n"
    "    elif isinstance(value, (list, tuple, set)):\n"
    "        for part in value: yield from flat(part)\n"
)


def of_text(text: str) -> set[bytes]:
    """As files, databases, JSON, Python and logs may write it."""
    forms = {text, text.lower(), text.upper()}
    written = {form.encode(name) for form in forms for name in ("utf-8", "utf-16-le", "utf-16-be", "latin-1")}
    written |= {json.dumps(form)[1:-1].encode() for form in forms}
    written |= {repr(form.encode())[2:-1].encode() for form in forms}
    cores = [base64.b64encode(b"x" * shift + text.encode())[4:-4] for shift in range(3)]
    return written | {core for core in cores if len(core) > 8}


MARKERS: dict[str, set[bytes]] = {
    "a text": of_text(WORD),
    "an address": of_text(EMAIL),
    "a picture": {bytes(COLOUR) * 8},
    "a sound": {struct.pack(f"<{len(SOUND)}h", *SOUND), struct.pack("<8f", *(value / 32768 for value in SOUND))},
}


def pictures() -> bytes:
    """Sixteen in two classes; every one has a band of the rare colour."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(16):
            shade = (30, 30, 30) if number % 2 else (200, 200, 200)
            image = Image.new("RGB", (40, 40), shade)
            image.paste(COLOUR, (0, 0, 40, 20))
            image.putpixel((39, 39), (number, number, number))
            file = io.BytesIO()
            image.save(file, "PNG")
            archive.writestr(f"{'dark' if number % 2 else 'light'}/{WORD}{number}.png", file.getvalue())
    return packed.getvalue()


def sounds() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(8):
            file = io.BytesIO()
            with wave.open(file, "wb") as out:
                out.setnchannels(1)
                out.setsampwidth(2)
                out.setframerate(16000)
                out.writeframes(struct.pack("<8h", *SOUND) * 200 + struct.pack("<2h", number, number))
            archive.writestr(f"{'high' if number % 2 else 'low'}/{number}.wav", file.getvalue())
    return packed.getvalue()


class StoredSite(Site):
    """With a bucket."""

    bucket: str

    @property
    def environment(self) -> dict[str, str]:
        names = {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1"}
        aws = {f"AWS_{name}": value for name, value in names.items()}
        aws |= {"AWS_ENDPOINT_URL": self.bucket, "AWS_EC2_METADATA_DISABLED": "true"}
        return super().environment | aws | {"STORAGE_URL": "s3://models/site"}


@pytest.fixture
def bucket() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    httpx.put(f"http://{host}:{port}/models")
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def stored_site(tmp_path: Path, bucket: str) -> Iterator[StoredSite]:
    running = StoredSite(tmp_path, build(tmp_path / "models"))
    running.bucket = bucket
    running.start()
    yield running
    running.stop()


def objects(bucket: str) -> dict[str, bytes]:
    listed = re.findall(r"<Key>([^<]+)</Key>", httpx.get(f"{bucket}/models?list-type=2&max-keys=1000").text)
    return {name: httpx.get(f"{bucket}/models/{name}").content for name in listed}


def told(site: StoredSite, *, of: dict[str, set[bytes]] = MARKERS) -> set[str]:
    """“marker in place” of everything, everywhere."""
    dump = site.folder / "redis.dump"
    site.manage("shell", "-c", CONTENTS + DUMP.format(path=str(dump)) + "print('done')")
    places = {"redis": dump.read_bytes()} | {f"bucket {name}": data for name, data in objects(site.bucket).items()}
    data = site.folder / "data"
    for parent, folders, files in os.walk(data):
        for name in (*folders, *files):
            path = Path(parent, name)
            label = path.relative_to(data).as_posix()
            places[label] = label.encode() + (path.read_bytes() if path.is_file() and not path.is_symlink() else b"")
    return {
        f"{marker} in {place}"
        for place, content in places.items()
        for marker, forms in of.items()
        if any(form in content for form in forms)
    }


class Browser:
    """Somebody's, signed in by a link."""

    def __init__(self, site: Site, email: str) -> None:
        self.client = httpx.Client(base_url=site.url, timeout=120, follow_redirects=True)
        link = site.sign_in_link(email)
        self.send(link, {}, page=link)

    def send(self, path: str, fields: dict[str, str], page: str = "") -> httpx.Response:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.client.get(page or path).text)
        assert found, path
        hidden = re.search(r'name="workspace_id" value="([^"]+)"', self.client.get(page or path).text)
        fields = {"csrfmiddlewaretoken": found[1]} | ({"workspace_id": hidden[1]} if hidden else {}) | fields
        answer = self.client.post(path, data=fields, headers={"Referer": str(self.client.base_url) + "/"})
        assert answer.status_code == 200, answer.text
        return answer


def visit(site: StoredSite, visitor: httpx.Client, demo: dict[str, Any]) -> None:
    """Open the demo by its link, ask it, and rate the answer."""
    page = visitor.get(demo["demo_url"])
    assert page.status_code == 200
    field = re.search(r'<(?:textarea|input)[^>]* name="(in-[^"]+|text[^"]*)"', page.text)
    assert field, page.text
    answered = visitor.post(str(page.url), data={field[1]: f"{WORD} is late"})
    token = re.search(r'name="token" value="([^"]+)"', answered.text)
    assert token, answered.text
    address = f"{site.url}/d/{demo['slug']}/feedback?{page.url.query.decode()}"
    assert visitor.post(address, data={"token": token[1], "verdict": "up"}).status_code == 200


def use_everything(site: StoredSite, browser: Browser) -> dict[str, str]:
    """Ids by name."""
    rows = rows_of(80).replace(b"card", WORD.encode())
    texts = site.upload(rows, f"{WORD}.csv")
    shown, heard = site.upload(pictures(), "pictures.zip"), site.upload(sounds(), "sounds.zip")
    run = site.train(texts, method="probe", name=WORD)
    drawn = site.train(
        shown, model="scratch:mlp-128", method="scratch", params={"epochs": 1, "resolution": 32}, name=WORD
    )
    site.wait_run(run, "succeeded")
    answer = site.api("POST", "/endpoints", json={"run": run, "visibility": "link", "name": WORD})
    assert answer.status_code == 201, answer.text
    demo = answer.json()
    wait(lambda: site.get(f"/endpoints/{demo['slug']}")["status"] == "live", 60, "the demo is live")
    predicted = httpx.post(
        demo["predict_url"], json={"inputs": [WORD]}, headers={"Authorization": f"Bearer {demo['key']}"}, timeout=60
    )
    assert predicted.status_code == 200, predicted.text
    with httpx.Client(timeout=60, follow_redirects=True) as visitor:
        visit(site, visitor, demo)
    site.api("POST", "/estimates", json={"dataset": heard})
    site.wait_run(drawn)
    assert site.api("GET", f"/runs/{run}/artifact").status_code == 200
    assert browser.client.get("/settings/export").status_code == 200
    prototype = site.run(run)["prototype"]
    browser.send(
        f"/prototypes/{prototype}/rename", {"name": WORD, "summary": WORD}, f"/prototypes/{prototype}/settings"
    )
    wait(lambda: any(run in name for name in objects(site.bucket)), 150, "the model is in the bucket")
    return {"texts": texts, "pictures": shown, "sounds": heard, "run": run, "prototype": prototype}


def test_nothing_is_left_anywhere(stored_site: StoredSite) -> None:
    site = stored_site
    site._token = site.manage("api_token", "--email", EMAIL)
    browser = Browser(site, EMAIL)
    with closing(browser.client):
        use_and_erase(site, browser)


def use_and_erase(site: StoredSite, browser: Browser) -> None:
    browser.send("/settings/workspace", {"name": WORD}, "/settings")
    ids = use_everything(site, browser)
    before = told(site)
    for marker in MARKERS:
        assert any(place.startswith(marker) for place in before), f"{marker} is looked for in vain: {before}"
    browser.send(f"/prototypes/{ids['prototype']}/delete", {"data": "on"})
    browser.send(f"/datasets/{ids['pictures']}/delete", {"prototypes": "too"})
    assert not [place for place in told(site) if place.startswith("a picture")]
    browser.send("/settings/delete-workspace", {"name": WORD})
    browser.send("/settings/delete-account", {"name": EMAIL})
    deadline = time.monotonic() + 150
    while (left := told(site)) and time.monotonic() < deadline:
        time.sleep(10)
    assert not left
    names = " ".join(path.name for path in (site.folder / "data").rglob("*"))
    assert not [pk for pk in ids.values() if pk in names]
    assert not [name for name in objects(site.bucket) if ids["run"] in name]
