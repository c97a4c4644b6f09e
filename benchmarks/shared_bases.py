"""Memory of several models that were tuned from one base by LoRA, sharing it and each with its own weights, and what sharing costs in
speed.

    python benchmarks/shared_bases.py [--models 10] [--width 768] [--layers 8] [--vocabulary 16000]

The base is a Llama with random weights, each model a merged copy of it with an adapter of rank 8. Models are opened in a process of
their own, once with and once without sharing; memory is what the process holds in the end (RSS) less what it held before.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))
TOKENS, RANK = 60, 8


def write_models(root: Path, options: argparse.Namespace) -> None:
    """`root/NUMBER`: artifacts as runs leave them."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from trainer.files import write_json
    from trainer.learning import lora
    from trainer.packaging.adapters import save_adapter

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=options.vocabulary,
        hidden_size=options.width,
        intermediate_size=options.width * 8 // 3,
        num_hidden_layers=options.layers,
        num_attention_heads=options.width // 64,
        num_key_value_heads=options.width // 64,
        tie_word_embeddings=True,
    )
    network = LlamaForCausalLM(config)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for number in range(options.models):
        network.load_state_dict(before)
        lora.adapt(network.model, RANK)
        for name, value in network.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(value, std=0.02)
        adapter = lora.taken(network.model, RANK)
        lora.fold(network.model)
        network.save_pretrained(root / str(number) / "model")
        save_adapter(adapter, root / str(number) / "adapter", under="model.", base=None, last=None)
        write_json(root / str(number) / "manifest.json", {"base_sha256": "the base"})


def measure(root: Path, *, shares: bool, most: int) -> None:
    """Print {megabytes, seconds a token} of a process that opens so many of them."""
    import psutil

    from trainer.writing import decoders, shared

    shared.SHARED_FROM = 0 if shares else 1 << 60
    process = psutil.Process()
    before = process.memory_info().rss
    networks = [decoders.load(root / str(number) / "model") for number in range(most)]
    held = process.memory_info().rss - before
    network, times = networks[-1], []
    for _round in range(3):
        cache, ids, started = network.cache(TOKENS + 1), np.array([1]), time.process_time()
        for _number in range(TOKENS):
            ids = network.logits(network.read(ids, cache)[-1:]).argmax(axis=1)
        times.append((time.process_time() - started) / TOKENS)
    print(json.dumps({"megabytes": held / 1e6, "seconds": min(times)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual in (("models", 10), ("width", 768), ("layers", 8), ("vocabulary", 16_000)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--measure", type=Path)
    parser.add_argument("--shares", action="store_true")
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, shares=options.shares, most=options.models)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_models(Path(folder), options)
        size = (Path(folder) / "0" / "model" / "model.safetensors").stat().st_size
        print(f"each {size / 1e6:.0f} MB of weights")
        for count, shares in ((1, False), (1, True), (options.models, False), (options.models, True)):
            flags = ["--measure", folder, "--models", str(count), *(["--shares"] if shares else [])]
            done = subprocess.run([sys.executable, __file__, *flags], capture_output=True, text=True, check=True)
            figures = json.loads(done.stdout.splitlines()[-1])
            how = "sharing" if shares else "each its own"
            print(
                f"{count} models, {how}: {figures['megabytes']:.0f} MB, {1e3 * figures['seconds']:.1f} ms of processor time a token"
            )


if __name__ == "__main__":
    main()
