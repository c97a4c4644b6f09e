"""A trial whose base model takes longer to come than a trial may: it says so, and keeps what has come."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import things
from tests.site import rows_of
from tests.tiny_model import build
from tests.trainer.test_hub_models import REF, Handler, Hub
from webapp.accounts.models import Workspace
from webapp.runs.estimates import Measuring
from webapp.runs.models import Estimate


class SlowHandler(Handler):
    """Each file takes a moment longer than progress is told apart, and the last but the configuration never comes."""

    def do_GET(self) -> None:  # noqa: N802  the server's name for it
        file = re.search(r"/resolve/.+/(.+)$", self.path)
        if file and self.command == "GET":
            time.sleep(1.2)
            if file[1] == max(self.server.files.keys() - {"config.json"}):
                self.server.stalled.set()
                self.server.over.wait(60)
                return
        super().do_GET()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = build(tmp_path / "models") / "tiny"
    with Hub({path.name: path.read_bytes() for path in folder.iterdir()}) as server:
        server.RequestHandlerClass = SlowHandler
        server.stalled, server.over = threading.Event(), threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


def test_it_says_what_has_come(hub: Hub, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    rows = tmp_path / "rows.csv"
    rows.write_bytes(rows_of(60))
    spec = {
        "task": "text-classification",
        "dataset": {"path": str(rows), "columns": {"text": "text", "label": "label"}},
        "model": REF,
        "method": "probe",
    }
    version = things.dataset(workspace).current
    estimate = Estimate.objects.create(workspace=workspace, version=version, key="k", spec=spec, hardware="cpu")
    began = time.monotonic()

    def clock() -> float:
        """Too late once the download stands still and has said how far it is."""
        return began + (1000 if hub.stalled.is_set() and work and (work.download or {}).get("done") else 0)

    work: Measuring | None = None
    work = Measuring(estimate, estimate.claim(), clock=clock)
    work.run()
    estimate.refresh_from_db()
    assert estimate.error["code"] == "downloading_model"
    done, total = re.search(r"\((.+?) of (.+?)\)", estimate.error["message"]).groups()
    assert done != total
    assert not done.startswith("0")
    assert "it downloads the rest" in estimate.error["hint"]
    assert list((tmp_path / "home").rglob("blobs/*")), "what has come stays"
