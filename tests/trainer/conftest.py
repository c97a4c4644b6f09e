import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import TOKEN, Serving


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for MAQUETTE_MODELS_DIR that holds `tiny`."""
    from tests.trainer import command, tiny_detector, tiny_sound, tiny_vision, tiny_writer  # seconds of imports

    root = tmp_path_factory.mktemp("models")
    command.build_model(root)
    tiny_vision.build(root)
    tiny_detector.build(root)
    tiny_sound.build(root)
    tiny_writer.build(root)
    return root


@pytest.fixture(scope="session")
def model_server() -> Iterator[Serving]:
    """The server of models in a process of its own; what is not a live demo it answers without Redis."""
    running = Serving("redis://127.0.0.1:1/0")
    running.start()
    yield running
    running.kill(signal.SIGTERM)


@pytest.fixture
def serving(model_server: Serving, settings: Any) -> None:
    """The site asks that server."""
    settings.SERVING_URL, settings.MAQUETTE_INTERNAL_TOKEN = model_server.url, TOKEN


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No encoder is found: words are counted."""
    monkeypatch.setattr("trainer.models.BUNDLED", {})
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", "")
    monkeypatch.setenv("MAQUETTE_CACHE", str(tmp_path / "cache"))
