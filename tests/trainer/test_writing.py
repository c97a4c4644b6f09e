"""Texts that go on from a prompt: which rows there are, what is learned of them, and that numpy writes what torch writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer import command, tiny_writer
from trainer.data.conversation_rows import conversation, instruction, turns_of
from trainer.engines import open_engine
from trainer.errors import DataError
from trainer.families.text.packing import IGNORED
from trainer.families.text.writing_model import WritingModel
from trainer.families.text.writing_rows import padded
from trainer.tasks.text_generation import TextGeneration, beginning
from trainer.writing import decoders
from trainer.writing.decoders import unsupported
from trainer.writing.drafts import Draft, advance, held_back, write
from trainer.writing.figures import copies, repeats, scores
from trainer.writing.prompts import Template
from trainer.writing.sampling import Options, draw
from trainer.writing.weights import read_weights

ASK = {"role": "user", "content": "Where?"}
SAY = {"role": "assistant", "content": "Here."}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer.build(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def template(folder: Path) -> Template:
    return Template.load(folder)


@pytest.fixture(scope="module")
def model(folder: Path, template: Template) -> WritingModel:
    return WritingModel.of(folder, template)


# Rows


def test_conversations_of_openai_and_of_sharegpt() -> None:
    row = conversation(json.dumps([{"role": "system", "content": "Be brief."}, ASK, SAY, ASK]))
    assert row is not None
    assert ([turn["role"] for turn in row.turns], row.written) == (["system", "user"], "Here.")
    shared = turns_of([{"from": "human", "value": "Where?"}, {"from": "gpt", "value": "Here."}])
    assert shared == [ASK, SAY]


def test_calls_of_tools_are_kept() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]
    row = conversation([ASK, {"role": "assistant", "content": None, "tool_calls": calls}])
    assert row is not None
    assert json.loads(row.written) == {"tool_calls": calls}


@pytest.mark.parametrize(
    "cell",
    [
        "no json",
        "[]",
        [SAY],
        [ASK],
        [ASK, {"role": "assistant", "content": ""}],
        [ASK, {"role": "owl", "content": "a"}],
        [1],
    ],
)
def test_conversations_without_an_answer(cell: object) -> None:
    assert conversation(cell) is None


def test_an_instruction_with_more_to_it() -> None:
    row = instruction("Shorten.", "A long text.", "Text.")
    assert row is not None
    assert row.turns == [{"role": "user", "content": "Shorten.\n\nA long text."}]
    assert instruction("Shorten.", "", " ") is None


# Tokens


def test_only_answers_are_learned(template: Template) -> None:
    encoded = template.conversation([{"role": "system", "content": "Hm."}, ASK, SAY, ASK, SAY])
    learned = [template.decode([token]) for token in encoded.ids[encoded.learned]]
    assert "".join(learned) == "Here.Here."
    assert encoded.ids[encoded.learned].tolist().count(template.ends[0]) == 2, "its end is learned too"
    assert template.decode(encoded.ids[encoded.start :]) == "Here."
    assert not encoded.learned[: encoded.start - 1][-10:].all()


def test_an_empty_answer_is_not_learned(template: Template) -> None:
    encoded = template.conversation([ASK, {"role": "assistant", "content": ""}, ASK, SAY])
    assert template.decode(encoded.ids[encoded.learned]) == "Here."
    assert encoded.ids[encoded.learned].tolist().count(template.ends[0]) == 1, "that of the answer alone"


def test_no_text_can_pretend_to_be_a_marker(template: Template) -> None:
    encoded = template.conversation([{"role": "user", "content": "</s><s>"}, SAY])
    assert encoded.ids.tolist().count(template.ends[0]) == 2, "one of each message"


def test_a_long_conversation_keeps_its_answer(template: Template) -> None:
    encoded = template.conversation([{"role": "user", "content": "a" * 90}, SAY]).cut(40)
    assert len(encoded.ids) == 40
    assert template.decode(encoded.ids[encoded.start :]) == "Here."


def test_a_row_is_read_alike_alone_and_beside_others(model: WritingModel, template: Template) -> None:
    rows = [
        template.conversation([ASK, {"role": "assistant", "content": text}]) for text in ("Here.", "There, or not.")
    ]
    pairs = [(row.ids, row.learned) for row in rows]
    with torch.inference_mode():
        together = model(*padded(pairs, torch.device("cpu")))
        alone = torch.cat([model(*padded([pair], torch.device("cpu"))) for pair in pairs])
    assert torch.allclose(together, alone, atol=1e-4)
    assert together[:, 1].tolist() == [row.learned.sum() for row in rows]


def test_what_is_not_learned_is_masked(template: Template) -> None:
    row = template.conversation([ASK, SAY])
    _ids, targets = padded([(row.ids, row.learned), (row.ids[:4], row.learned[:4])], torch.device("cpu"))
    assert (targets[0] != IGNORED).tolist() == row.learned.tolist()
    assert (targets[1] == IGNORED).all()


# Without torch


def test_numpy_scores_as_torch_does(folder: Path, model: WritingModel, template: Template) -> None:
    decoder = decoders.load(folder)
    row = template.conversation([ASK, SAY])
    nats = decoder.nats(row.ids, row.start)
    with torch.inference_mode():
        right = model(*padded([(row.ids, np.arange(len(row.ids)) >= row.start)], torch.device("cpu")))
    assert nats.sum() == pytest.approx(float(right[0, 0]), rel=1e-4)


def test_a_cache_changes_nothing(folder: Path) -> None:
    decoder, ids = decoders.load(folder), np.arange(2, 22)
    cache = decoder.cache(20)
    pieces = [decoder.read(part, cache) for part in (ids[:7], ids[7:8], ids[8:])]
    assert np.allclose(np.concatenate(pieces), decoder.read(ids, decoder.cache(20)), atol=1e-4)
    with pytest.raises(ValueError, match="full"):
        decoder.read(ids, cache)


def test_the_same_greedy_answers_as_torch(folder: Path, model: WritingModel, template: Template) -> None:
    decoder = decoders.load(folder)
    for number in range(10):
        ids = template.asked([{"role": "user", "content": f"Where is lamp {number}?"}])
        (torch_ids,) = model.greedy([ids], 20)
        pieces = list(write(decoder, template, ids, Options(20), ids[:0]))
        assert "".join(piece.text for piece in pieces) == template.decode(torch_ids)
        assert pieces[-1].tokens == len(torch_ids)


def test_the_same_greedy_answers_as_transformers(folder: Path, template: Template) -> None:
    """Token by token, of fifty prompts by `generate`, one after another."""
    from transformers import LlamaForCausalLM

    decoder, network = decoders.load(folder), LlamaForCausalLM.from_pretrained(folder)
    for number in range(50):
        ids = template.asked([{"role": "user", "content": f"Where is lamp {number}?"}])
        with torch.inference_mode():
            asked = torch.tensor(ids)[None]
            right = network.generate(asked, attention_mask=torch.ones_like(asked), max_new_tokens=12, do_sample=False)
        draft = Draft(decoder, template, ids, Options(12), ids[:0])
        while not draft.finish:
            advance(decoder, [draft])
        assert draft.written == [token for token in right[0, len(ids) :].tolist() if token not in template.ends]


@pytest.mark.parametrize(
    ("config", "other"),
    [
        ({"model_type": "bloom"}, "bloom"),
        ({"model_type": "llama", "rope_scaling": {"rope_type": "yarn"}}, "rope_scaling yarn"),
        ({"model_type": "llama", "hidden_act": "tanh"}, "tanh"),
        ({"model_type": "llama"}, ""),
    ],
)
def test_what_numpy_does_not_compute(config: dict[str, Any], other: str) -> None:
    assert unsupported(config) == other


def test_weights_are_read_without_the_library(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    values = torch.arange(6, dtype=torch.float32).reshape(2, 3) / 3
    saved = {"a": values, "b": values.bfloat16(), "c": values.half()}
    save_file(saved, tmp_path / "w.safetensors", metadata={"format": "pt"})
    read = read_weights(tmp_path / "w.safetensors")
    assert all(np.array_equal(read[name], value.float().numpy()) for name, value in saved.items())
    save_file({"a": values.long()}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="I64"):
        read_weights(tmp_path / "w.safetensors")


# Drawing


def test_tokens_are_drawn_by_their_shares() -> None:
    scores_of = np.log(np.array([0.6, 0.3, 0.1]))
    generator = np.random.default_rng(0)
    drawn = [draw(scores_of, Options(temperature=1.0), generator) for _number in range(2_000)]
    assert np.bincount(drawn) / 2_000 == pytest.approx([0.6, 0.3, 0.1], abs=0.04)
    nucleus = [draw(scores_of, Options(temperature=1.0, top_p=0.7), generator) for _number in range(200)]
    assert set(nucleus) == {0, 1}
    assert draw(scores_of, Options(), generator) == 0


def test_a_seed_fixes_an_answer_and_a_stop_text_ends_it(folder: Path, template: Template) -> None:
    decoder, ids = decoders.load(folder), template.begun("a")

    def text(**options: Any) -> str:
        return "".join(piece.text for piece in write(decoder, template, ids, Options(30, **options), ids))

    whole = text(temperature=1.0, seed=3)
    assert whole == text(temperature=1.0, seed=3)
    assert whole != text(temperature=1.0, seed=4)
    stop = whole[5:7]
    assert text(temperature=1.0, seed=3, stop=(stop,)) == whole[: whole.index(stop)]


@pytest.mark.parametrize(("text", "held"), [("abc", 0), ("ab\ufffd", 1), ("ab#", 1), ("ab##", 2), ("a#b", 0)])
def test_what_may_begin_a_stop_text_is_held_back(text: str, held: int) -> None:
    assert held_back(text, ("##!",)) == held


# Figures


def test_figures() -> None:
    rows = np.array([[10.0, 5, 20], [6.0, 3, 12]])
    assert scores(rows)["nats_per_character"] == pytest.approx(0.5)
    assert scores(rows)["perplexity"] == pytest.approx(np.exp(2))
    assert scores(rows, np.array([1, 0]))["nats_per_character"] == pytest.approx(0.5)


def test_answers_that_repeat_or_copy() -> None:
    assert repeats("so it is so. " * 4)
    assert repeats("今天天气很好我们出去玩" * 6)
    assert not repeats("Each word of this sentence is another one than those before, as it should be.")
    corpus = "".join(chr(97 + number % 26) for number in range(200))
    assert copies(f"zz{corpus[10:70]}", corpus)
    assert not copies("q" * 80, corpus)


def test_beginnings_end_between_words() -> None:
    assert beginning("Once upon a time there was a king.") == "Once upon a"


# What is asked


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "is empty"),
        (3, "must be a text"),
        ({"messages": []}, "list of 1"),
        ({"messages": [{"role": "owl", "content": "a"}]}, "none of system"),
        ({"messages": [{"role": "user"}]}, "without a text"),
        ({"prompt": "a", "temperature": 3}, "temperature from 0 to 2"),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens from 1"),
        ({"prompt": "a", "stop": [1]}, "stop"),
        ({"prompt": "a", "colour": 1}, "colour"),
    ],
)
def test_what_cannot_be_asked(value: object, problem: str) -> None:
    assert problem in str(TextGeneration.check_input(value))


def test_a_prompt_over_the_limit_is_told_with_its_count(models: Path, tmp_path: Path) -> None:
    """And an alpaca file is trained on its answers alone, in a run of its own."""
    rows = [{"instruction": f"Where is {n}?", "input": "", "output": f"It is in the hall {n}."} for n in range(30)]
    fields = {"task": "text-generation", "method": "full", "model": "local:tiny-llama", "params": {"epochs": 1}}
    spec = command.write_spec(tmp_path, rows, **fields)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    engine = open_engine(tmp_path / "out" / "artifact")
    with pytest.raises(DataError, match="this model reads at most 127") as raised:
        engine.read("a" * 300)
    assert raised.value.code == "too_long"
    assert "torch" not in str(engine.predict([engine.read("Where is 3?")])[0])
    kept = json.loads((tmp_path / "out" / "artifact" / "report.json").read_text("utf-8"))
    assert kept["export"]["agreement_llama"] == 1.0
    assert kept["export"]["rows"] == min(kept["test_rows"], 24)
    assert kept["baselines"].keys() == {"token_frequencies", "untrained"}
    assert kept["answers"]["base"]
    assert {each["name"] for each in kept["answers"]["checks"]} >= {"length", "repeating"}
    assert all({"base", "predicted", "truth", "prompt"} <= each.keys() for each in kept["mistakes"])
