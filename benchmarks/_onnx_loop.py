"""A Llama as an ONNX graph of one step with its keys and values, and the loop around it: what a server on ONNX Runtime would do."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional


class Step(nn.Module):
    """`ids` (batch, length) after `past` (layers, 2, batch, heads, positions, head size): logits of the last position (batch, words)
    and the longer `past`."""

    def __init__(self, model: Path) -> None:
        super().__init__()
        self.config = json.loads((model / "config.json").read_text("utf-8"))
        self.weights = load_file(model / "model.safetensors")
        self.embedding = self.weights["model.embed_tokens.weight"]

    def part(self, layer: int, name: str, x: Tensor) -> Tensor:
        return functional.linear(x, self.weights[f"model.layers.{layer}.{name}.weight"])

    def norm(self, name: str, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.config["rms_norm_eps"])
        return x * scale * self.weights[f"{name}.weight"]

    def turned(self, x: Tensor, angles: Tensor) -> Tensor:
        """Rotary positions (Su et al. 2021), halves as Llama has them."""
        left, right = x.chunk(2, dim=-1)
        return torch.cat(
            (left * angles.cos() - right * angles.sin(), right * angles.cos() + left * angles.sin()), dim=-1
        )

    def forward(self, ids: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        size, heads = self.config["head_dim"], self.config["num_attention_heads"]
        shared = heads // self.config["num_key_value_heads"]
        batch, length = ids.shape
        before = past.shape[4]
        places = torch.arange(length) + before
        rates = self.config["rope_theta"] ** (-torch.arange(0, size, 2).float() / size)
        angles = places[:, None].float() * rates
        seen = torch.arange(length + before)[None, :] <= places[:, None]
        x, present = functional.embedding(ids, self.embedding), []
        for layer in range(self.config["num_hidden_layers"]):
            inner = self.norm(f"model.layers.{layer}.input_layernorm", x)
            query, key, value = (
                self.part(layer, f"self_attn.{name}_proj", inner).view(batch, length, -1, size).transpose(1, 2)
                for name in "qkv"
            )
            key = torch.cat((past[layer, 0], self.turned(key, angles)), dim=2)
            value = torch.cat((past[layer, 1], value), dim=2)
            present.append(torch.stack((key, value)))
            scores = self.turned(query, angles) @ key.repeat_interleave(shared, dim=1).transpose(2, 3) * size**-0.5
            shares = scores.masked_fill(~seen, -1e9).softmax(-1)
            mixed = (
                (shares @ value.repeat_interleave(shared, dim=1)).transpose(1, 2).reshape(batch, length, heads * size)
            )
            x = x + self.part(layer, "self_attn.o_proj", mixed)
            inner = self.norm(f"model.layers.{layer}.post_attention_layernorm", x)
            gate = functional.silu(self.part(layer, "mlp.gate_proj", inner)) * self.part(layer, "mlp.up_proj", inner)
            x = x + self.part(layer, "mlp.down_proj", gate)
        return self.norm("model.norm", x[:, -1]) @ self.embedding.T, torch.stack(present)


class OnnxRuntime:
    """`model`: a folder of a Llama whose output layer is its embedding; the graph is written to `folder`."""

    def __init__(self, model: Path, folder: Path, ids: list[int]) -> None:
        import onnxruntime

        step = Step(model).eval()
        config = step.config
        self.shape = [config["num_hidden_layers"], 2, 0, config["num_key_value_heads"], 0, config["head_dim"]]
        past = torch.zeros([size or 2 for size in self.shape])
        axes = {"ids": {0: "batch", 1: "length"}, "past": {2: "batch", 4: "before"}}
        torch.onnx.export(
            step,
            (torch.tensor([ids[:3]] * 2), past),
            str(folder / "step.onnx"),
            input_names=["ids", "past"],
            output_names=["logits", "present"],
            dynamic_axes=axes | {"logits": {0: "batch"}, "present": {2: "batch", 4: "after"}},
            dynamo=False,
            opset_version=17,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        options.log_severity_level = 3
        self.session: Any = onnxruntime.InferenceSession(folder / "step.onnx", options, ["CPUExecutionProvider"])
        self.ids = ids

    def answers(self, count: int, tokens: int) -> np.ndarray:
        """(count, tokens), greedy."""
        ids = np.array([self.ids] * count)
        past = np.zeros([size if axis != 2 else count for axis, size in enumerate(self.shape)], np.float32)
        texts = []
        for _number in range(tokens):
            logits, past = self.session.run(None, {"ids": ids, "past": past})
            ids = logits.argmax(-1)[:, None]
            texts.append(ids)
        return np.concatenate(texts, axis=1)

    def written(self, count: int, tokens: int) -> int:
        return self.answers(count, tokens).size
