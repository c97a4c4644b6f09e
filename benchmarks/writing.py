"""Writing: tokens a second of the model server at 16 clients beside `transformers` asked one request after another, and the first
token at one client beside the engine's own.

    python benchmarks/writing.py [--model ../shared/models/stories260K] [--clients 16] [--tokens 100] [--rounds 5] [--ctranslate2 DIR]

Everything is measured in one run, the phases in turn and the median of the rounds taken. Answers are greedy and of the same length.
Candidates for the engine are measured beside it, without a server: numpy (what serves), torch as `transformers` runs it, a loop on ONNX
Runtime with its keys and values, and CTranslate2 where it is installed and DIR holds the model converted for it.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _onnx_loop import OnnxRuntime
from _place import KEY, SLUG, Place

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))


PROMPT = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park with her friends. "
)
LONG = 260
"""Tokens of a prompt that takes the engine a while to read."""


def package(model: Path, folder: Path) -> Path:
    """The model as a run would have packaged it, for texts that are continued. No token ends an answer: all are equally long."""
    from trainer.files import sha256
    from trainer.packaging.export import export

    artifact = folder / "artifact"
    (artifact / "model").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (artifact / "model" / name).write_bytes((model / name).read_bytes())
    config = json.loads((model / "config.json").read_text("utf-8"))
    (artifact / "model" / "config.json").write_text(json.dumps(config | {"eos_token_id": None}))
    files = {path.relative_to(artifact).as_posix(): sha256(path) for path in artifact.rglob("*") if path.is_file()}
    facts = {"version": 1, "task": "text-generation", "labels": [], "form": "corpus", "files": files}
    (artifact / "manifest.json").write_text(json.dumps(facts))
    export(artifact, emit=lambda *_args, **_fields: None)
    return artifact


class Torch:
    """`transformers` as it is: one request after another, or a batch that begins and ends together."""

    def __init__(self, model: Path, ids: list[int]) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        torch.set_num_threads(os.cpu_count() or 1)
        self.torch, self.ids = torch, ids
        self.model = AutoModelForCausalLM.from_pretrained(model).eval()

    def written(self, count: int, tokens: int) -> int:
        ids = self.torch.tensor([self.ids] * count)
        with self.torch.inference_mode():
            self.model.generate(ids, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, pad_token_id=0)
        return count * tokens


class Numpy:
    """The engine that serves, in this process."""

    def __init__(self, engine: Any, prompt: Any) -> None:
        self.engine, self.prompt = engine, prompt

    def drafts(self, count: int, tokens: int) -> list[Any]:
        prompt = self.prompt._replace(options=self.prompt.options._replace(most=tokens))
        drafts = [self.engine.begin(prompt) for _number in range(count)]
        while not all(draft.finish for draft in drafts):
            self.engine.advance(drafts)
        return drafts

    def written(self, count: int, tokens: int) -> int:
        return sum(len(draft.written) for draft in self.drafts(count, tokens))

    def answer(self, tokens: int) -> list[int]:
        return list(self.drafts(1, tokens)[0].written)

    def first(self, text: str) -> float:
        """Milliseconds from a text to the first token of its answer."""
        started = time.perf_counter()
        next(self.engine.stream(self.engine.read({"text": text, "max_tokens": 2})))
        return (time.perf_counter() - started) * 1000


class CTranslate2:
    def __init__(self, folder: Path, model: Path, ids: list[int]) -> None:
        import ctranslate2
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        self.pieces = [tokenizer.id_to_token(token) for token in ids]
        self.generator = ctranslate2.Generator(str(folder), device="cpu", intra_threads=os.cpu_count() or 1)

    def written(self, count: int, tokens: int) -> int:
        results = self.generator.generate_batch(
            [self.pieces] * count, max_length=tokens, min_length=tokens, include_prompt_in_result=False
        )
        return sum(len(result.sequences_ids[0]) for result in results)


# Over HTTP


class Clients:
    """In a process of their own, which is started before anything is timed: its imports take longer than the answers."""

    def __init__(self, port: int, clients: int, tokens: int) -> None:
        import multiprocessing

        self.pool = multiprocessing.get_context("spawn").Pool(1)
        self.asked = port, clients, tokens

    def __enter__(self) -> "Clients":
        self.pool.apply(len, ((),))
        return self

    def __exit__(self, *_exc: object) -> None:
        self.pool.terminate()

    def written(self, *, streamed: bool) -> int:
        return self.pool.apply(generate, (*self.asked, streamed))


def generate(port: int, clients: int, tokens: int, streamed: bool) -> int:
    return asyncio.run(ask_all(port, clients, tokens, streamed))


async def ask_all(port: int, clients: int, tokens: int, streamed: bool) -> int:
    return sum(await asyncio.gather(*(ask(port, tokens, streamed) for _number in range(clients))))


async def ask(port: int, tokens: int, streamed: bool) -> int:
    """Tokens that the server says it wrote to one client."""
    fields = {"prompt": PROMPT, "max_tokens": tokens, "temperature": 0, "stream": streamed}
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(fields | {"stream_options": {"include_usage": True}}))
    answer = await reader.read()
    writer.close()
    place = answer.rindex(b'"completion_tokens":')
    return int(answer[place:].split(b":")[1].split(b",")[0])


def request(fields: dict[str, Any], *, closes: bool = True) -> bytes:
    body = json.dumps(fields).encode()
    return (
        f"POST /e/{SLUG}/v1/completions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: "
        f"{'close' if closes else 'keep-alive'}\r\n\r\n"
    ).encode() + body


async def first_tokens(port: int, text: str, count: int) -> list[float]:
    """Milliseconds from sending a request on an open connection to the first token of its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent, took = request({"prompt": text, "max_tokens": 2, "temperature": 0, "stream": True}, closes=False), []
    for _number in range(count):
        started = time.perf_counter()
        writer.write(sent)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b'"text":"')
        took.append((time.perf_counter() - started) * 1000)
        await reader.readuntil(b"0\r\n\r\n")
    writer.close()
    return took


def answers(port: int) -> bool:
    import httpx

    headers, body = {"Authorization": f"Bearer {KEY}"}, {"prompt": "Once", "max_tokens": 1}
    try:
        url = f"http://127.0.0.1:{port}/e/{SLUG}/v1/completions"
        return httpx.post(url, json=body, headers=headers, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def speed(phase: Callable[[], int]) -> float:
    started = time.perf_counter()
    return phase() / (time.perf_counter() - started)


def measure(asked: argparse.Namespace, artifact: Path, port: int, others: Clients) -> dict[str, float]:
    from trainer.engines import open_engine

    engine: Any = open_engine(artifact)
    prompt = engine.read({"text": PROMPT, "max_tokens": asked.tokens})
    ours, torch = Numpy(engine, prompt), Torch(asked.model, prompt.ids.tolist())
    runtime = OnnxRuntime(asked.model, artifact.parent, prompt.ids.tolist())
    assert runtime.answers(1, 40)[0].tolist() == ours.answer(40), "ONNX Runtime answers otherwise"
    clients, tokens = asked.clients, asked.tokens

    def one_by_one(candidate: Any) -> int:
        return sum(candidate.written(1, tokens) for _number in range(clients))

    phases: dict[str, Callable[[], int]] = {
        "transformers, one after another": lambda: one_by_one(torch),
        "transformers, one fixed batch": lambda: torch.written(clients, tokens),
        "numpy, one after another": lambda: one_by_one(ours),
        "numpy, together": lambda: ours.written(clients, tokens),
        "ONNX Runtime, one after another": lambda: one_by_one(runtime),
        "ONNX Runtime, one fixed batch": lambda: runtime.written(clients, tokens),
        "server, whole answers": lambda: others.written(streamed=False),
        "server, streamed": lambda: others.written(streamed=True),
    }
    if asked.ctranslate2:
        fixed = CTranslate2(asked.ctranslate2, asked.model, prompt.ids.tolist())
        phases["CTranslate2, one after another"] = lambda: one_by_one(fixed)
        phases["CTranslate2, one fixed batch"] = lambda: fixed.written(clients, tokens)
    text = PROMPT * 12
    text = engine.template.decode(engine.template.encode(text)[:LONG])
    rounds = []
    for number in range(asked.rounds + 1):
        speeds = {name: speed(phase) for name, phase in phases.items()}
        for name, given in (("short", PROMPT), ("long", text)):
            speeds[f"first token, {name} prompt, engine"] = statistics.median(
                ours.first(given) for _number in range(15)
            )
            took = asyncio.run(first_tokens(port, given, 15))
            speeds[f"first token, {name} prompt, server"] = statistics.median(took)
        if number:  # the first round warms everything up
            rounds.append(speeds)
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    shared = Path(os.environ.get("MAQUETTE_SHARED", REPO.parent / "shared"))
    parser.add_argument("--model", type=Path, default=shared / "models" / "stories260K")
    parser.add_argument("--ctranslate2", type=Path)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mq", ignore_cleanup_errors=True) as folder:
        artifact = package(asked.model, Path(folder))
        with Place(Path(folder), artifact, answers) as place:
            port = place.ports["serving"]
            with Clients(port, asked.clients, asked.tokens) as others:
                figures = measure(asked, artifact, port, others)
    base = figures["transformers, one after another"]
    for name, value in figures.items():
        is_time = name.startswith("first")
        print(
            f"{name:36} {value:9.1f} {'ms' if is_time else 'tokens/s'}{'' if is_time else f'   {value / base:6.2f}x'}"
        )
    for name in ("short", "long"):
        ratio = figures[f"first token, {name} prompt, server"] / figures[f"first token, {name} prompt, engine"]
        print(f"first token, {name} prompt: {ratio:.2f} times the engine's own")
    print(f"load {os.getloadavg()[0]:.1f}, numpy {np.__version__}")


if __name__ == "__main__":
    main()
