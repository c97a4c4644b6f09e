"""Pictures as batches of pixels, each decoded once."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig

from trainer import evaluation, models
from trainer.data.loading import Loaded
from trainer.errors import ModelError
from trainer.pictures import Preprocess
from trainer.tasks import _picture_store
from trainer.tasks._picture_store import Store
from trainer.tasks._rows import Mix, Rows, class_truth, number_truth
from trainer.tasks._vision_model import TRANSFORMERS, PictureModel, VisionModel, load_encoder, write_graph

EXAMPLES, EXAMPLE_PIXELS = 8, 512
COARSE = 16
MOST_COARSE_ROWS = 5_000
"""Of those that the baseline learns from."""
READ_AT_ONCE = 256
ATTENDING_RATE, CONVOLVING_RATE = 1e-4, 1e-3
"""Learning rates of pretrained transformers and convolutional nets, by AdamW."""


class Pictures(Rows):
    """Every picture's pixels at the model's resolution, from a `Store`."""

    input_name = "image"
    work_unit = "pictures"

    def __init__(
        self, loaded: Loaded, labels: list[str], truth: np.ndarray, folder: Path, store: Store, places: np.ndarray
    ) -> None:
        super().__init__(loaded, labels, truth)
        self.folder, self.store, self.places = folder, store, places
        self.preprocess = store.preprocess

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """(rows, height, width, channels) bytes."""
        return self.store.pixels(self.places[rows])

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        return (torch.from_numpy(self.pixels(rows)).to(device),)

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        return self.batch(rows, device), None

    def inputs(self, rows: np.ndarray) -> list[Any]:
        return Lazily(self, rows)  # type: ignore[return-value]

    def shown(self, rows: np.ndarray) -> list[str]:
        names = self.loaded.values["image"]
        return [names[row] for row in rows]

    def path(self, row: int) -> Path:
        return self.store.paths[self.places[row]]

    def fingerprint(self, digest: Any, rows: np.ndarray) -> None:
        digest.update(repr(self.preprocess).encode())
        super().fingerprint(digest, rows)

    def manifest(self) -> dict[str, Any]:
        height, width, channels = self.preprocess.shape
        return {"pixels": {"height": height, "width": width, "channels": channels}}

    def card_facts(self) -> list[str]:
        height, width, channels = self.preprocess.shape
        how = "stretched" if self.preprocess.shortest is None else "brought, their middle cut out,"
        return [f"Pictures are {how} to {width} × {height} pixels{', in grey' if channels == 1 else ''}."]

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        """A few test pictures, each with another answer, made small and kept in `examples/`."""
        from trainer.pictures import open_picture

        target = folder / "examples"
        target.mkdir(exist_ok=True)
        found: dict[Any, dict[str, Any]] = {}
        for row in self.part("test").tolist():
            answer = self.loaded.answers[row]
            if answer in found:
                continue
            image = open_picture(self.path(row).read_bytes(), lambda _width, _height: (EXAMPLE_PIXELS, EXAMPLE_PIXELS))
            image.thumbnail((EXAMPLE_PIXELS, EXAMPLE_PIXELS))
            small = max(image.size) <= 64
            name = f"examples/{self.path(row).stem}.{'png' if small else 'jpg'}"
            image.save(folder / name, quality=90)
            found[answer] = {"input": name, "label": answer, "image": self.shown(np.array([row]))[0]}
            if len(found) == EXAMPLES:
                break
        return list(found.values())


class Lazily:
    """Pictures read when they are asked for, so that thousands need not be in memory at once."""

    def __init__(self, pictures: Pictures, rows: np.ndarray) -> None:
        self.pictures, self.rows = pictures, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int) -> np.ndarray:
        return self.pictures.pixels(self.rows[at : at + 1])[0]


def prepare(job: Any, *, numbers: bool = False) -> Pictures:
    """Rows of a task that looks at `image`; `numbers`: it answers with one."""
    folder = models.resolve(job.spec.model)
    loaded = job.load_rows()
    preprocess = Preprocess.load(folder, job.params.resolution)
    store = decoded(job, loaded, preprocess)
    labels, truth = (number_truth if numbers else class_truth)(loaded)
    at = {path.name: place for place, path in enumerate(store.paths)}
    places = np.array([at[name] for name in loaded.values["image"]])
    rows = Pictures(loaded, labels, truth, folder, store, places)
    job.tell_rows(rows, f"{preprocess.width} × {preprocess.height} pixels a picture")
    return rows


def decoded(job: Any, loaded: Loaded, preprocess: Preprocess) -> Store:
    """The rows' pictures, each once; rows whose picture cannot be used are left out of `loaded`."""
    names = sorted(set(loaded.values["image"]))
    store = _picture_store.open_store(job, [loaded.media / name for name in names], preprocess)
    _picture_store.leave_out(job, loaded, {names[place]: why for place, why in store.lost.items()})
    return store


def build(job: Any, rows: Pictures) -> PictureModel:
    """The pretrained encoder under a new head; for `scratch` the same with random weights."""
    encoder = load_encoder(rows.folder, fresh=job.spec.method == "scratch")
    attends = encoder.config.model_type in TRANSFORMERS
    settle(job, learning_rate=ATTENDING_RATE if attends else CONVOLVING_RATE)
    return VisionModel(encoder, rows.labels, rows.preprocess)


def settle(job: Any, **chosen: Any) -> None:
    """Fill in the settings that were left to us, so that the manifest tells what was used."""
    open_ones = {name: value for name, value in chosen.items() if getattr(job.params, name) is None}
    job.params = job.params.model_copy(update=open_ones)


def baselines(job: Any, rows: Pictures) -> dict[str, dict[str, Any]]:
    """Always the commonest answer or the mean, and a line through coarse grey pixels."""
    known, test = rows.known("train", "validation"), rows.part("test")
    kept = np.sort(np.random.default_rng(job.spec.seed).permutation(known)[:MOST_COARSE_ROWS])
    if rows.labels:
        return evaluation.class_baselines(
            rows.truth[known], rows.truth[test], rows.labels, "pixels_logistic", lambda: by_logistic(rows, kept, test)
        )
    return evaluation.number_baselines(
        rows.truth[known], rows.truth[test], "pixels_ridge", lambda: by_ridge(rows, kept, test)
    )


def coarse(rows: Pictures, part: np.ndarray) -> Tensor:
    """(part, COARSE · COARSE) grey means, 0 to 1."""
    found = []
    for start in range(0, len(part), READ_AT_ONCE):
        pixels = torch.from_numpy(rows.pixels(part[start : start + READ_AT_ONCE]))
        grey = pixels.float().mean(3).unsqueeze(1)
        found.append(torch.nn.functional.adaptive_avg_pool2d(grey, COARSE).flatten(1) / 255)
    return torch.cat(found)


def standard(rows: Pictures, train: np.ndarray, test: np.ndarray) -> tuple[Tensor, Tensor]:
    learned, asked = coarse(rows, train), coarse(rows, test)
    mean, scale = learned.mean(0), learned.std(0).clamp(min=0.02)
    return (learned - mean) / scale, (asked - mean) / scale


def by_logistic(rows: Pictures, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    from trainer.tasks._probe import logistic

    learned, asked = standard(rows, train, test)
    weight, bias = logistic(learned, torch.from_numpy(rows.truth[train]), len(rows.labels), 1e-3, 60)
    return (asked @ weight.T + bias).argmax(1).numpy()


def by_ridge(rows: Pictures, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import RidgeCV

    from trainer.tasks._probe import RIDGES

    learned, asked = standard(rows, train, test)
    return RidgeCV(RIDGES).fit(learned.double().numpy(), rows.truth[train]).predict(asked.double().numpy())


def load(folder: Path, attention: str = "sdpa") -> PictureModel:
    """A trained model from `artifact/model/`."""
    return VisionModel.load(folder, attention)


def write_onnx(folder: Path, target: Path) -> None:
    model = load(folder, attention="eager")
    write_graph(model, model.example(), target)


def quantises(folder: Path) -> bool:
    return AutoConfig.from_pretrained(folder, local_files_only=True).model_type in TRANSFORMERS


def estimate(job: Any, emit: Any) -> dict[str, Any]:
    """As for other tasks, with what decoding every picture once takes, from the few that the trial decoded."""
    from trainer.estimating import measure

    seen: list[Pictures] = []
    found = measure(job, emit, seen.append)
    store = seen[0].store
    every = len(store.paths) * store.seconds / max(store.decoded, 1)
    found["likely_seconds"] += every
    found["fixed_seconds"] = round(found["fixed_seconds"] + every, 1)
    return found


def needs_pretrained(ref: str) -> ModelError:
    return ModelError(
        f"{ref} has learned nothing yet, so there is nothing to build on.",
        hint="Choose the method scratch, or another model.",
    )
