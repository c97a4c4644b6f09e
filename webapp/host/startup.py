"""What `manage.py up` tells once the site answers: its address, the first owner's link, the sample's demo."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections

from webapp.accounts.actions import first_owner, first_sign_in_link
from webapp.core.files import write_whole
from webapp.endpoints import sample
from webapp.host.direct import open_directly
from webapp.host.preflight import known_host
from webapp.host.processes import Place
from webapp.host.supervisor import Supervisor

SLOW_AFTER = 60.0  # seconds after which a start that is not ready yet says what it waits for
SAMPLE_SECONDS = 1800.0


class Announcer:
    """Runs in a thread of its own; starts no process, since a child would die with the thread."""

    def __init__(self, place: Place, supervisor: Supervisor, say: Callable[[str], None], began: float) -> None:
        self.place, self.supervisor, self.say, self.began = place, supervisor, say, began
        host = place.host if place.host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104  compared, not bound
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{place.port}"

    def run(self) -> None:
        try:
            if self.wait_until_ready():
                self.tell()
        except Exception as error:
            if not self.supervisor.stop_asked:
                self.say(f"The site runs, but its first steps failed: {error}. Details: `make run VERBOSE=1`.")
                raise
        finally:
            close_old_connections()

    def wait_until_ready(self) -> bool:
        is_told = False
        while not self.supervisor.stop_asked:
            ready, parts = readiness(self.address)
            if ready:
                self.supervisor.ready = True
                return True
            if not is_told and time.monotonic() - self.began > SLOW_AFTER:
                is_told = True
                missing = [name for name, state in parts.items() if state != "ok"] or ["web"]
                self.say(f"Still waiting for {', '.join(missing)}. The logs are in {self.supervisor.logs}.")
            time.sleep(0.15)
        return False

    def tell(self) -> None:
        self.say(f"Maquette is ready: {self.address if settings.ONLY_HERE else settings.PUBLIC_URL}")
        self.say(
            f"           after {time.monotonic() - self.began:.0f} s · Ctrl-C stops it · logs in {self.supervisor.logs}"
        )
        if link := first_sign_in_link():
            self.say(f"Sign in with this link, which works once: {link}")
        elif not first_owner()[0].has_usable_password():
            self.say("Signed out? `.venv/bin/python manage.py sign_in_link` prints a link.")
        if os.environ.get("MAQUETTE_SAMPLE", "1") != "0":
            self.sample()

    def sample(self) -> None:
        """Made on the very first start only: the marker is written once it exists, so a broken start tries again.
        A sample that was not live yet when Maquette was stopped goes on at the next start."""
        marker = self.place.data / "sample-created"
        if not marker.exists():
            made = sample.create()
            write_whole(marker, "pending" if made else "none")
        if marker.read_text(encoding="ascii") == "pending":
            self.say("The sample prototype is being trained; the link to its demo follows here.")
            self.follow(marker)

    def follow(self, marker: Path) -> None:
        deadline = time.monotonic() + SAMPLE_SECONDS
        while time.monotonic() < deadline and not self.supervisor.stop_asked:
            close_old_connections()
            if url := sample.advance():
                write_whole(marker, "live")
                self.say(f"The sample's demo is live: {url}")
                return
            if reason := sample.failure():
                write_whole(marker, "failed")
                self.say(f"The sample could not be trained: {reason} Everything else works.")
                return
            time.sleep(1)


def readiness(address: str) -> tuple[bool, dict[str, str]]:
    """What `/readyz` says: whether all is up, and each part."""
    request = urllib.request.Request(f"{address}/readyz", headers={"Host": known_host(address)})  # noqa: S310  our own
    try:
        with open_directly(request, timeout=5) as response:
            return True, _parts(response.read())
    except urllib.error.HTTPError as error:
        return False, _parts(error.read())
    except OSError:
        return False, {}


def _parts(body: bytes) -> dict[str, str]:
    try:
        parts = json.loads(body)["parts"]
    except (ValueError, KeyError, TypeError):
        return {}
    return parts if isinstance(parts, dict) else {}
