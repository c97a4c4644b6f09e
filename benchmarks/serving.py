"""Serving against its own engine: rows a second at 64 clients, milliseconds at one, straight and through the web port.

    python benchmarks/serving.py [--artifact DIR] [--seconds 3] [--rounds 3] [--json FILE]

Everything is measured in one run, the phases in turn and the median of the rounds taken, because machines are noisy.
Keys, limits and usage are on. Without --artifact, all-MiniLM-L6-v2 under a head of 77 classes is packaged first.
"""

import argparse
import asyncio
import csv
import json
import multiprocessing
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _place import KEY, SLUG, Place

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))
CLASSES, CLIENTS, BATCH = 77, 64, 32
TARGETS = {"serving_64": 0.8, "web_64": 0.6, "serving_1_extra_ms": 2.0, "web_1_extra_ms": 5.0}


def sample_texts(count: int = 2_000) -> list[str]:
    """Bank customers' questions from the shared data, or sentences like them."""
    shared = Path(os.environ.get("MAQUETTE_SHARED", REPO.parent / "shared"))
    path = shared / "data" / "text_classification" / "banking77_test.csv"
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            texts = [row["text"] for row in csv.DictReader(file)]
    else:
        texts = [sentence(random.Random(seed)) for seed in range(count)]
    random.Random(0).shuffle(texts)
    return texts[:count]


def sentence(chance: random.Random) -> str:
    starts = ["how do I", "why can't I", "please help me", "I tried to", "when can I", "is it possible to"]
    verbs = ["top up", "cancel", "verify", "exchange", "transfer money from", "withdraw cash with", "activate"]
    things = ["my card", "my account", "the app", "a payment", "my savings", "a virtual card"]
    ends = ["", "abroad", "since yesterday", "but it was declined twice", "because the machine kept it", "in euros"]
    return " ".join(filter(None, map(chance.choice, (starts, verbs, things, ends))))


def package(folder: Path, texts: list[str]) -> Path:
    """A real encoder under a head of many classes; what it answers is of no matter here."""
    import torch

    from trainer import models
    from trainer.families.text import encoder
    from trainer.files import sha256
    from trainer.packaging import export

    source = models.resolve("bundled:all-MiniLM-L6-v2")
    labels = [f"class {number}" for number in range(CLASSES)]
    torch.manual_seed(0)
    target = folder / "run" / "artifact"
    encoder.fresh(source, labels).eval().save(target / "model", encoder.load_tokenizer(source), 128)
    files = {f"model/{path.name}": sha256(path) for path in (target / "model").iterdir()}
    manifest = {"version": 1, "task": "text-classification", "labels": labels, "max_length": 128, "files": files}
    (target / "manifest.json").write_text(json.dumps(manifest))
    export.export(target, emit=lambda *_args, **_fields: None)
    return target


def engine_speed(engine: Any, texts: list[str], size: int, seconds: float) -> float:
    """Rows a second in this process."""
    start, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        engine.predict([texts[(start + step) % len(texts)] for step in range(size)])
        start += size
    return start / (time.perf_counter() - started)


def http_speed(port: int, clients: int, seconds: float, texts: list[str]) -> float:
    """Rows a second over kept connections, from a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        done, took = pool.apply(generate, (port, clients, seconds, texts))
    return done / took


def generate(port: int, clients: int, seconds: float, texts: list[str]) -> tuple[int, float]:
    import uvloop

    return uvloop.run(drive(port, clients, seconds, texts))


async def drive(port: int, clients: int, seconds: float, texts: list[str]) -> tuple[int, float]:
    requests = [request(text) for text in texts]
    started = time.perf_counter()
    counts = await asyncio.gather(
        *(client(port, start, clients, started + seconds, requests) for start in range(clients))
    )
    return sum(counts), time.perf_counter() - started


def request(text: str) -> bytes:
    body = json.dumps({"inputs": [text]}).encode()
    return (
        f"POST /e/{SLUG}/predict HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def client(port: int, start: int, step: int, until: float, requests: list[bytes]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    done = 0
    while time.perf_counter() < until:
        writer.write(requests[(start + done * step) % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        done += 1
    writer.close()
    return done


def around_model(port: int, texts: list[str], count: int = 200) -> float:
    """Median milliseconds of one client's requests less the model's own time, which each answer names.

    Taken within each request, so it holds on a machine that others use, where the difference of two phases does not.
    """
    import httpx

    extra = []
    with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}, timeout=30) as client:
        built = [client.build_request("POST", url_of(port), json={"inputs": [text]}) for text in texts[:count]]
        for request_ in built:
            started = time.perf_counter()
            answer = client.send(request_)
            took = (time.perf_counter() - started) * 1000
            extra.append(took - answer.json()["timing_ms"]["model"])
    return statistics.median(extra)


def url_of(port: int) -> str:
    return f"http://127.0.0.1:{port}/e/{SLUG}/predict"


def answers(port: int) -> bool:
    import httpx

    try:
        headers = {"Authorization": f"Bearer {KEY}"}
        return httpx.post(url_of(port), json={"inputs": ["hello"]}, headers=headers, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def measure(place: Place, texts: list[str], seconds: float, rounds: int) -> dict[str, float]:
    """Each phase once a round, in turn; the median of what the rounds gave, ratios taken within a round."""
    from trainer.engines import open_engine

    engine = open_engine(place.artifact)
    phases: dict[str, Callable[[], float]] = {
        "engine_32": lambda: engine_speed(engine, texts, BATCH, seconds),
        "serving_64": lambda: http_speed(place.ports["serving"], CLIENTS, seconds, texts),
        "web_64": lambda: http_speed(place.ports["web"], CLIENTS, seconds, texts),
        "engine_1": lambda: engine_speed(engine, texts, 1, seconds),
        "serving_1": lambda: http_speed(place.ports["serving"], 1, seconds, texts),
        "web_1": lambda: http_speed(place.ports["web"], 1, seconds, texts),
    }
    for phase in phases.values():
        phase()  # warms everything up
    rounds_measured: list[dict[str, float]] = []
    for _ in range(rounds):
        speed = {name: phase() for name, phase in phases.items()}
        milliseconds = {name: 1000 / speed[f"{name}_1"] for name in ("engine", "serving", "web")}
        rounds_measured.append(
            speed
            | {f"{name}_1_ms": value for name, value in milliseconds.items()}
            | {f"{name}_64_ratio": speed[f"{name}_64"] / speed["engine_32"] for name in ("serving", "web")}
            | {f"{name}_1_extra_ms": milliseconds[name] - milliseconds["engine"] for name in ("serving", "web")}
            | {f"{name}_1_around_ms": around_model(place.ports[name], texts) for name in ("serving", "web")}
        )
    return {name: round(statistics.median(each[name] for each in rounds_measured), 3) for name in rounds_measured[0]}


def table(figures: dict[str, float], engine: str) -> str:
    return f"""
{engine}                  rows/s at 64 clients   of the engine   target   ms at one client   extra   target
in process (batch 32, 1)   {figures["engine_32"]:14.0f}            1.00              {figures["engine_1_ms"]:12.1f}
serving port               {figures["serving_64"]:14.0f}   {figures["serving_64_ratio"]:13.2f}   >= {TARGETS["serving_64"]}   {figures["serving_1_ms"]:12.1f}   {figures["serving_1_extra_ms"]:9.1f}   <= {TARGETS["serving_1_extra_ms"]}
web port                   {figures["web_64"]:14.0f}   {figures["web_64_ratio"]:13.2f}   >= {TARGETS["web_64"]}   {figures["web_1_ms"]:12.1f}   {figures["web_1_extra_ms"]:9.1f}   <= {TARGETS["web_1_extra_ms"]}

Around the model within a request, one client, Python's httpx: serving port {figures["serving_1_around_ms"]:.1f} ms, web port {figures["web_1_around_ms"]:.1f} ms.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artifact", type=Path)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    texts = sample_texts()
    folder = Path(tempfile.mkdtemp(prefix="mqb"))
    try:
        artifact = asked.artifact.resolve() if asked.artifact else package(folder, texts)
        engine = json.loads((artifact / "onnx" / "export.json").read_text())["engine"]
        with Place(folder, artifact) as place:
            figures = measure(place, texts, asked.seconds, asked.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(figures, engine))
    print(json.dumps(figures | {"engine": engine}))
    if asked.json:
        asked.json.write_text(json.dumps(figures | {"engine": engine}, indent=1))


if __name__ == "__main__":
    main()
