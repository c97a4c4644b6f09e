"""Small recurrent nets that write: numpy answers as torch does, of characters as of parts of words, and go the whole way."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer import command
from trainer.engines import open_engine
from trainer.families.text.templates import characters_of
from trainer.families.text.writing_model import WritingModel
from trainer.families.text.writing_rows import padded
from trainer.writing.decoder import open_reader
from trainer.writing.drafts import Draft, finished
from trainer.writing.prompts import BEGIN, END, SPECIAL, Template
from trainer.writing.sampling import Options

TEXTS = ["Where is the kettle?", "The kettle is in the kitchen.", "水壶在厨房里。"]
KINDS = ("lstm", "gru")


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(characters_of(TEXTS, 400), SPECIAL.index(BEGIN), [SPECIAL.index(END)])


def model_of(kind: str, template: Template) -> WritingModel:
    torch.manual_seed(0)
    model = WritingModel.recurrent(kind, template, layers=2, width=24, positions=64)
    for value in model.parameters():
        value.data.mul_(3)  # so that what is likeliest is clear
    return model


@pytest.mark.parametrize("text", [*TEXTS, "Ελλάδα 🫖 <|end|>", " two  spaces "])
def test_any_text_is_written_in_characters(template: Template, text: str) -> None:
    assert template.decode(template.encode(text)) == text


def test_known_characters_are_tokens_of_their_own(template: Template) -> None:
    assert len(template.encode("水壶 in")) == 5
    assert len(template.encode("茶")) == 3, "bytes of what is not known"


def test_the_rarest_characters_are_left_to_bytes() -> None:
    few = characters_of(["aaab"], len(SPECIAL) + 256 + 1)
    assert few.token_to_id("a") is not None
    assert few.token_to_id("b") is None


@pytest.mark.parametrize("kind", KINDS)
def test_numpy_writes_and_scores_as_torch_does(kind: str, template: Template, tmp_path: Path) -> None:
    model = model_of(kind, template)
    model.save(tmp_path)
    reader = open_reader(tmp_path)
    prompts = [template.begun(text) for text in ("W", "The kettle", "水壶在")]
    for ids, found in zip(prompts, model.greedy(prompts, 20), strict=True):
        draft = Draft(reader, template, ids, Options(20), ids[:0])
        finished(reader, [draft])
        assert draft.written == found.tolist()
    row = template.text(TEXTS[1])
    with torch.inference_mode():
        right = float(model(*padded([(row.ids, row.learned)], torch.device("cpu")))[0, 0])
    assert reader.nats(row.ids, 1).sum() == pytest.approx(right, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_is_kept(kind: str, template: Template, tmp_path: Path) -> None:
    model_of(kind, template).save(tmp_path)
    reader, ids = open_reader(tmp_path), template.begun(TEXTS[1])
    cache = reader.cache(len(ids))
    parts = [reader.read(part, cache) for part in (ids[:7], ids[7:8], ids[8:])]
    assert np.allclose(np.concatenate(parts), reader.read(ids, reader.cache(len(ids))), atol=1e-5)
    assert reader.cache_bytes(10) == reader.cache_bytes(1_000)


def test_an_lstm_over_characters_goes_the_whole_way(models: Path, tmp_path: Path) -> None:
    rows = [{"instruction": f"Where is {n}?", "input": "", "output": f"It is in the hall {n}."} for n in range(40)]
    params = {"epochs": 8, "width": 32, "layers": 1, "tokens": "characters", "batch_size": 4, "learning_rate": 0.02}
    fields = {"task": "text-generation", "method": "scratch", "model": "scratch:lstm", "params": params}
    spec = command.write_spec(tmp_path, rows, **fields)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    samples = command.of(events, "sample")
    assert [sample["epoch"] for sample in samples] == sorted({sample["epoch"] for sample in samples})
    assert len({sample["prompt"] for sample in samples}) == 1, "asked the same each time"
    assert samples[0]["prompt"].startswith("Where is")
    artifact = tmp_path / "out" / "artifact"
    report = json.loads((artifact / "report.json").read_text("utf-8"))
    assert report["export"]["agreement"] == 1.0
    assert report["metrics"]["nats_per_character"] < report["baselines"]["token_frequencies"]["nats_per_character"]
    answer = open_engine(artifact).predict([open_engine(artifact).read("Where is 3?")])[0]
    assert answer["completion"]
