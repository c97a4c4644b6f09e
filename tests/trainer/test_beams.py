"""Texts written token by token: greedy, by beam search, and by a Whisper's decoder in numpy as torch writes them."""

import itertools
import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import GenerationMixin
from transformers.modeling_outputs import BaseModelOutput

from tests.trainer import tiny_speech
from trainer.families.audio.whisper import Following, Whisper
from trainer.learning.estimate import time_answers
from trainer.sounds import WHISPER, Hearing
from trainer.writing import speech_decoder
from trainer.writing.beams import Step, greedy, log_softmax, searched, written

END, MOST = 3, 4


class Chain:
    """Scores of the next of four tokens by the last two; each row has its own."""

    def __init__(self, rows: int) -> None:
        self.scores = np.random.default_rng(5).normal(0, 2, (rows, 5, 5, 4))
        self.rows = np.arange(rows)

    def __call__(self, tokens: np.ndarray, before: np.ndarray) -> np.ndarray:
        self.rows = self.rows[before]
        last = np.concatenate([np.full((len(tokens), 1), 4), tokens], axis=1)[:, -2:]
        return self.scores[self.rows, last[:, 0], last[:, 1]]

    def score(self, row: int, ids: tuple[int, ...]) -> float:
        """The mean logarithm of the probability of each token after [0], worked out one by one."""
        text = (4, 0, *ids)
        pairs = zip(text, text[1:], text[2:], strict=False)
        return float(np.mean([log_softmax(self.scores[row, one, two][None])[0, next_] for one, two, next_ in pairs]))


def every_answer() -> list[tuple[int, ...]]:
    ended = [(*ids, END) for length in range(MOST) for ids in itertools.product(range(END), repeat=length)]
    return [*ended, *itertools.product(range(END), repeat=MOST)]


def test_a_wide_search_finds_the_best_of_all_answers() -> None:
    chain = Chain(6)
    best = [max(every_answer(), key=lambda ids: chain.score(row, ids)) for row in range(6)]
    found = searched(Chain(6), 6, [0], END, MOST, 200)
    assert [ids.tolist() for ids in found] == [[token for token in ids if token != END] for ids in best]
    narrow = greedy(Chain(6), 6, [0], END, MOST)
    assert [ids.tolist() for ids in narrow] != [ids.tolist() for ids in found]


def test_rows_are_answered_together_as_alone() -> None:
    together = searched(Chain(6), 6, [0], END, 12, 3)
    for row in range(6):
        alone = Chain(6)
        alone.rows = np.array([row])
        assert searched(alone, 1, [0], END, 12, 3)[0].tolist() == together[row].tolist()


def test_a_search_whose_beams_all_end_is_over() -> None:
    def ends(tokens: np.ndarray, before: np.ndarray) -> np.ndarray:
        return np.where(np.arange(4) == END, 0.0, -1e9)[None].repeat(len(tokens), 0)

    assert [ids.tolist() for ids in searched(ends, 2, [0], END, 9, 2)] == [[], []]


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Whisper:
    """Of random weights that are large enough to tell tokens apart."""
    folder = tiny_speech.build_whisper(tmp_path_factory.mktemp("whisper"))
    model = Whisper.of(folder, Hearing(WHISPER, seconds=1.0, mels=80, frames=100))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in model.encoder.named_parameters():
            value.add_(torch.randn(value.shape, generator=generator) * (0.5 if "embed_positions" in name else 0.12))
    model.begin("de", torch.zeros(1, 80, 100), 10)
    return model


def heard_by(model: Whisper, rows: int) -> torch.Tensor:
    sounds = torch.randn(rows, 80, 100, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        return model.encoder.encoder(sounds).last_hidden_state


@pytest.mark.parametrize("beams", [2, 4])
def test_the_search_is_that_of_transformers(whisper: Whisper, beams: int) -> None:
    heard = heard_by(whisper, 5)
    with torch.inference_mode():
        found = written(Following(whisper, heard), 5, whisper.writes() | {"beams": beams})
        (network,) = whisper.whole
        theirs = GenerationMixin.generate(  # not Whisper's own, which has timestamps and windows in mind
            network,
            encoder_outputs=BaseModelOutput(last_hidden_state=heard),
            decoder_input_ids=torch.tensor([whisper.prefix] * 5),
            num_beams=beams,
            max_new_tokens=whisper.positions,
            length_penalty=1.0,
            early_stopping=False,
            suppress_tokens=None,
            begin_suppress_tokens=None,
        )
    end = whisper.config.eos_token_id
    right = [[token for token in ids[len(whisper.prefix) :].tolist() if token != end] for ids in theirs]
    assert [ids.tolist() for ids in found] == right
    assert len({tuple(ids) for ids in right}) > 1


@pytest.mark.parametrize("beams", [1, 3])
def test_the_decoder_in_numpy_writes_what_torch_writes(whisper: Whisper, tmp_path: Path, beams: int) -> None:
    whisper.save(tmp_path)
    decoder = speech_decoder.load(tmp_path)
    assert decoder.bytes < (tmp_path / "model.safetensors").stat().st_size
    heard, writes = heard_by(whisper, 4), whisper.writes() | {"beams": beams}
    with torch.inference_mode():
        right = written(compared(whisper, heard, decoder), 4, writes)
    found = written(decoder.begin(heard.numpy(), len(whisper.prefix) + whisper.positions), 4, writes)
    assert [ids.tolist() for ids in found] == [ids.tolist() for ids in right]


def compared(whisper: Whisper, heard: torch.Tensor, decoder: speech_decoder.SpeechDecoder) -> Step:
    """Torch's step, which checks each score of the other."""
    ours, theirs = decoder.begin(heard.numpy(), 40), Following(whisper, heard)

    def step(tokens: np.ndarray, before: np.ndarray) -> np.ndarray:
        scores = theirs(tokens, before)
        np.testing.assert_allclose(ours(tokens, before), scores, rtol=1e-3, atol=1e-3)
        return scores

    return step


def test_an_activation_that_is_not_known_is_left_to_a_graph(whisper: Whisper) -> None:
    config = json.loads(json.dumps(whisper.config.to_dict(), default=str))
    assert not speech_decoder.unsupported(config)
    assert speech_decoder.unsupported(config | {"activation_function": "mish"}) == "mish"
    assert speech_decoder.unsupported({"model_type": "bart"}) == "bart"


def test_an_estimate_times_answers_with_their_beams(whisper: Whisper) -> None:
    """The decoder of a search reads so many texts a recording, which reading the rows in validation does not."""
    read: list[int] = []
    hook = whisper.encoder.decoder.register_forward_hook(lambda _module, _inputs, output: read.append(len(output[0])))
    sounds = torch.zeros(2, 80, 100)
    job = SimpleNamespace(
        spec=SimpleNamespace(method="full"), device=SimpleNamespace(autocast=nullcontext, torch_device="cpu")
    )
    rows = SimpleNamespace(count=2, read_batch=2, lengths=np.ones(2), batch=lambda _rows, _device: (sounds,))
    rows.sorted_batches = lambda chosen, _size: [chosen]
    try:
        whisper.beams, whisper.has_learned = 1, False
        assert time_answers(job, whisper, rows, 0.25) == 0.25  # type: ignore[arg-type]
        assert read == []
        whisper.beams = 3
        assert time_answers(job, whisper, rows, 0.25) != 0.25  # type: ignore[arg-type]
        assert max(read) == 6
    finally:
        hook.remove()
        whisper.beams, whisper.has_learned = 1, False
