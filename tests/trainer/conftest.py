from pathlib import Path

import pytest

from tests.trainer import command, tiny_detector, tiny_sound, tiny_vision


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for MAQUETTE_MODELS_DIR that holds `tiny`."""
    root = tmp_path_factory.mktemp("models")
    command.build_model(root)
    tiny_vision.build(root)
    tiny_detector.build(root)
    tiny_sound.build(root)
    return root
