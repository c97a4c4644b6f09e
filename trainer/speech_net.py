"""The small net for speech: what can be told of it before anything is built. `trainer.families.audio.ctc` makes it of torch.

Convolutions over the frames of a spectrogram, the first of stride two; a recurrent layer that reads them both ways; one
output a character and moment.
"""

from typing import Any

from trainer.errors import ModelError
from trainer.messages import _, gettext_noop

NAME, TITLE = "gru-ctc", gettext_noop("Small net on spectrograms")
MELS, WIDTH, KERNEL, STRIDE, LAYERS, DROPOUT = 64, 192, 5, (2, 1), 2, 0.2
USUAL_FRAMES, USUAL_SYMBOLS = 1000, 30


def check(ref: str) -> None:
    if ref.removeprefix("scratch:") != NAME:
        raise ModelError(
            _("There is no small net “%(ref)s” for speech.", ref=ref), hint=_("Write scratch:%(name)s.", name=NAME)
        )


def describe(ref: str) -> dict[str, Any]:
    """The layers with shapes and weights, as `trainer.nets.describe` gives them, channels first: of ten seconds and an alphabet."""
    check(ref)
    frames, before, layers = USUAL_FRAMES, MELS, []
    for stride in STRIDE:
        frames //= stride
        weights = WIDTH * before * KERNEL
        layers.append(layer("conv", [WIDTH, frames], weights, channels=WIDTH, kernel=KERNEL, stride=stride, bias=False))
        layers.append(layer("norm", [WIDTH, frames], 2 * WIDTH))
        layers.append(layer("activation", [WIDTH, frames], 0, name="gelu"))
        layers.append(layer("dropout", [WIDTH, frames], 0, share=DROPOUT))
        before = WIDTH
    for _layer in range(LAYERS):
        weights = 2 * 3 * WIDTH * (before + WIDTH + 2)
        before = 2 * WIDTH
        layers.append(layer("recurrent", [before, frames], weights, size=WIDTH))
    layers.append(
        layer(
            "dense", [USUAL_SYMBOLS, frames], (before + 1) * USUAL_SYMBOLS, size=USUAL_SYMBOLS, bias=True, output=True
        )
    )
    total = sum(entry["parameters"] for entry in layers)
    return {
        "model": f"scratch:{NAME}",
        "title": TITLE,
        "input": [MELS, USUAL_FRAMES],
        "outputs": USUAL_SYMBOLS,
        "layers": layers,
        "parameters": total,
    }


def layer(kind: str, shape: list[int], parameters: int, **facts: object) -> dict[str, Any]:
    return {"kind": kind, **facts, "shape": shape, "parameters": parameters}
