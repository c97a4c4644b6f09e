"""A run of several processes, confined as the site confines it: they train together, in a network of their own."""

from pathlib import Path
from typing import Any

import pytest

from sandbox import modes
from tests.trainer import command
from trainer.tasks.text_classification import TextClassification
from webapp.core import confinement
from webapp.core.confinement import Access
from webapp.core.trainer_process import TrainerProcess, last_words


@pytest.mark.slow
@pytest.mark.parametrize("mode", modes.PREFERRED)
def test_processes_train_together_confined(
    mode: modes.Mode, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = modes.probe(mode, confinement.hidden())
    if not probe.works:
        pytest.skip(f"{mode}: {probe.reason}")
    settings.MAQUETTE_SANDBOX = mode
    command.build_model(tmp_path / "models")
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(tmp_path / "models"))
    params = {"epochs": 1, "batch_size": 16}
    spec = command.write_spec(tmp_path / "spec", TextClassification.sample(), params=params)
    access = Access(readable=(spec.parent,), writable=(tmp_path / "out",), loopback=True)
    arguments = ["run", str(spec), "--out", str(tmp_path / "out"), "--devices", "2"]
    process = TrainerProcess(arguments, stderr=tmp_path / "stderr.log", access=access)
    try:
        events = [event for event in process.events() if event]
    finally:
        process.end()
    assert events[-1]["type"] == "result", (events[-1], last_words(tmp_path / "stderr.log"))
    if mode == "landlock" and any(event.get("code") == "one_device" for event in events):
        pytest.skip("nobody may make a network of its own here")
    assert any(" × 2" in event["device"] for event in command.of(events, "resource"))
