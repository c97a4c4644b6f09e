"""Speech to text: how fast a Whisper's decoder writes, and what int8 gains where models listen. Weights are random: time does not
depend on them. One thread, in seconds of the processor, so that other work on the machine changes little.

OPENBLAS_NUM_THREADS=1 python benchmarks/speech.py [decoder int8]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCTC, Wav2Vec2Config, WhisperConfig, WhisperForConditionalGeneration

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.engines import open_session
from trainer.engines.speech import GraphSteps
from trainer.families.audio.ctc import Logits, PretrainedCtc
from trainer.families.audio.whisper import Listening, Whisper
from trainer.packaging.export import quiet, write_int8
from trainer.packaging.graphs import write_graph
from trainer.sounds import WAVE, WHISPER, Hearing
from trainer.transcripts import BLANK, SPACE, Characters
from trainer.writing import speech_decoder
from trainer.writing.beams import Step, greedy, searched

TINY = {
    "d_model": 384,
    "encoder_layers": 4,
    "decoder_layers": 4,
    "encoder_attention_heads": 6,
    "decoder_attention_heads": 6,
    "encoder_ffn_dim": 1536,
    "decoder_ffn_dim": 1536,
    "attn_implementation": "eager",
}
"""Whisper tiny."""
PREFIX, TOKENS, NEVER = [50258, 50259, 50359, 50363], 24, -1
ROUNDS = 2


def whisper(seconds: float) -> Whisper:
    """Without what writes pieces as text, which is not needed here."""
    torch.manual_seed(0)
    frames = round(100 * seconds)
    network = WhisperForConditionalGeneration(WhisperConfig(max_source_positions=frames // 2, **TINY))
    model = Whisper.__new__(Whisper)
    torch.nn.Module.__init__(model)
    model.hearing, model.whole = Hearing(WHISPER, seconds=seconds, mels=80, frames=frames), (network,)
    model.encoder, model.config = network.model, network.config
    return model.eval()


def best_of(write: Callable[[], Any]) -> float:
    """Seconds of the processor."""
    times = []
    for _round in range(ROUNDS):
        started = time.process_time()
        write()
        times.append(time.process_time() - started)
    return min(times)


def decoder(folder: Path) -> None:
    seconds = 10.0
    model = whisper(seconds)
    model.whole[0].save_pretrained(folder)
    sounds = torch.randn(2, 80, model.hearing.frames)
    with quiet():
        model.write_decoder(sounds, folder / "decoder.onnx")
    ours, graph = speech_decoder.load(folder), open_session(folder / "decoder.onnx", 1)
    for rows in (1, 8):
        heard = torch.randn(rows, model.hearing.frames // 2, 384)
        steps: dict[str, Callable[[], Step]] = {
            "graph": lambda heard=heard: GraphSteps(graph, heard.numpy()),
            "numpy": lambda heard=heard: ours.begin(heard.numpy(), 448),
        }
        rates = {}
        for name, step in steps.items():
            taken = best_of(lambda step=step, rows=rows: greedy(step(), rows, PREFIX, NEVER, TOKENS))
            rates[name] = rows * TOKENS / taken
        taken = best_of(lambda step=steps["numpy"], rows=rows: searched(step(), rows, PREFIX, NEVER, TOKENS, 5))
        rates["numpy, 5 beams"] = rows * TOKENS / taken
        words = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items())
        ratio = rates["numpy"] / rates["graph"]
        print(f"{seconds:g} s, batch {rows}, tokens a second: {words}; numpy {ratio:.1f} times the graph", flush=True)


def int8(folder: Path) -> None:
    model = whisper(10.0)
    sounds = torch.randn(1, 80, model.hearing.frames)
    compare(folder, "Whisper tiny's encoder", Listening(model).eval(), sounds)
    torch.manual_seed(0)
    config = Wav2Vec2Config(vocab_size=32, attn_implementation="eager")
    letters = Characters((BLANK, SPACE, *"abcdefghijklmnopqrstuvwxyz'()-"))
    listener = PretrainedCtc(AutoModelForCTC.from_config(config), Hearing(WAVE), letters)
    compare(folder, "wav2vec2 base", Logits(listener).eval(), torch.randn(1, 160_000), (torch.randn(1, 80_000),))


def compare(
    folder: Path, name: str, model: torch.nn.Module, sounds: torch.Tensor, others: tuple[torch.Tensor, ...] = ()
) -> None:
    whole, small = folder / f"{name}.onnx", folder / f"{name}.int8.onnx"
    with quiet():
        write_graph(model, sounds.expand(2, *sounds.shape[1:]).clone(), whole, "sound", others)
        write_int8(whole, small)
    times = {}
    for path in (whole, small):
        session = open_session(path, 1)
        times[path] = best_of(lambda session=session: session.run(None, {"sound": sounds.numpy()}))
    sizes = f"{whole.stat().st_size / 1e6:.0f} and {small.stat().st_size / 1e6:.0f} MB"
    print(
        f"{name}, 10 s of sound: float32 {times[whole]:.2f} s, int8 {times[small]:.2f} s, "
        f"{times[whole] / times[small]:.2f} times as fast; {sizes}",
        flush=True,
    )


CASES = {"decoder": decoder, "int8": int8}

if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as place:
            CASES[case](Path(place))
