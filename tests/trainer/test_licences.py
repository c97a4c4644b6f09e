"""What a licence forbids by its identifier, where it is looked for, and that manifest, card and log say so."""

import json
from pathlib import Path

import pytest

from tests.trainer import command
from trainer.licences import NOTES, licence_in, licence_of_artifact, notes, restrictions
from trainer.packaging.base_licence import licence_of
from trainer.tasks.text_generation import TextGeneration

IDENTIFIERS = {
    "Apache 2.0": [],
    "apache-2.0": [],
    "MIT": [],
    "bsd-3-clause": [],
    "cc-by-4.0": [],
    "cc-by-sa-4.0": [],
    "own": [],
    "cc-by-nc-4.0": ["commercial"],
    "CC BY-NC-SA 4.0": ["commercial"],
    "cc-by-nc-nd-4.0": ["commercial", "sharing"],
    "llama3.2": ["terms"],
    "gemma": ["terms"],
    "openrail++": ["terms"],
    "qwen-research": ["commercial", "terms"],
    "other": ["unknown"],
    "": ["unknown"],
    "something-1": ["unknown"],
}


@pytest.mark.parametrize("licence", IDENTIFIERS)
def test_what_a_licence_forbids(licence: str) -> None:
    assert restrictions(licence) == IDENTIFIERS[licence]
    assert notes(licence) == [NOTES[code] for code in IDENTIFIERS[licence]]


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: cc-by-nc-4.0\nlanguage: en\n---\n# M", "cc-by-nc-4.0"),
        ("---\nlanguage: en\nlicense: 'other'\nlicense_name: my-community\n---\n", "my-community"),
        ("---\nlicense: apache-2.0 # see LICENSE\n---\n", "apache-2.0"),
        ("# M\nlicense: mit\n", ""),
        ("", ""),
    ],
)
def test_the_front_matter_of_a_card_names_the_licence(card: str, licence: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(card)
    assert licence_in(tmp_path) == licence
    assert licence_in(tmp_path / "nowhere") == ""


def test_a_run_that_goes_on_has_the_licence_of_the_first_base(tmp_path: Path) -> None:
    assert licence_of(f"artifact:{tmp_path}", []) == ""
    (tmp_path / "manifest.json").write_text(json.dumps({"licence": "gemma"}))
    assert licence_of(f"artifact:{tmp_path}", []) == "gemma"
    assert licence_of_artifact(tmp_path / "nowhere") is None
    assert licence_of("scratch:gpt", TextGeneration.models) == "own"
    assert licence_of("hub:HuggingFaceTB/SmolLM2-135M", TextGeneration.models) == "Apache 2.0"
    assert licence_of("local:nothing", []) == ""


def test_log_manifest_and_card_name_base_licence_and_data(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "tiny"
    folder.mkdir(parents=True)
    for path in (models / "tiny-llama").iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    rows = [{"prompt": f"Where is {n}?", "completion": f"In hall {n}."} for n in range(24)]
    fields = {"task": "text-generation", "method": "lora", "model": "local:tiny", "params": {"epochs": 1}}
    spec = command.write_spec(tmp_path, rows, **fields)
    code, events = command.call(tmp_path / "models", "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    warned = [event["message"] for event in events if event.get("code") == "licence"]
    assert warned == [NOTES["commercial"]]
    artifact = tmp_path / "out" / "artifact"
    assert json.loads((artifact / "manifest.json").read_text("utf-8"))["licence"] == "cc-by-nc-4.0"
    card = (artifact / "README.md").read_text("utf-8")
    assert "Base model: tiny (licence: cc-by-nc-4.0)" in card
    assert f"- {NOTES['commercial']}" in card
    assert "- Data: `" in card
