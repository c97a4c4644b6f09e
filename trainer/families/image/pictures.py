"""Pictures as batches of pixels, each decoded once."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from trainer import answers, nets
from trainer.answers.base import Cells
from trainer.data.loading import Loaded
from trainer.errors import ModelError
from trainer.families.image import augmentation, preview
from trainer.families.image.augmentation import Augmentation, Settings
from trainer.families.image.model import (
    TRANSFORMERS,
    PictureModel,
    VisionModel,
    load_encoder,
    write_network_heat,
)
from trainer.families.image.small_nets import ScratchModel, is_net
from trainer.families.media import common
from trainer.families.media.common import MediaFamily, MediaRows
from trainer.families.media.store import Form, Store
from trainer.files import cached_json, read_json
from trainer.learning import memory
from trainer.learning.baselines import Baseline
from trainer.learning.family import NetworkT
from trainer.learning.job import Job
from trainer.learning.rows import Digest, Mix, truth_of
from trainer.messages import _
from trainer.packaging.graphs import write_graph
from trainer.pictures import Preprocess
from trainer.tasks.image import GREY

EXAMPLES, EXAMPLE_PIXELS = 8, 512
THUMB_PIXELS, THUMB_QUALITY = 96, 50
"""Of an example's small picture, which a page holds within itself."""
COARSE = 16
MOST_COARSE_ROWS = 5_000
"""Of those that the baseline learns from."""
READ_AT_ONCE = 256
SMALL_NET = {"batch_size": 64, "learning_rate": 1e-3, "head_learning_rate": 1e-3, "patience": 8}
PRETRAINED_BATCH = 32
PRETRAINED = {"batch_size": PRETRAINED_BATCH, "head_learning_rate": 3e-3}
NET_ROWS = 100_000
"""That a small net sees in all: its epochs are this over the rows."""
LEAST_SIDE, ENLARGED = 64, 4
SMALLER = (0.75, 0.5, 0.375, 0.25)
"""Of the wanted pixels a side, tried one after another where memory is short."""
TRANSFORMER_RATE, CONVOLUTION_RATE = 1e-4, 1e-3
"""Learning rates of pretrained transformers and convolutional nets, by AdamW."""


class Pixels(Form):
    """(height, width, channels) bytes."""

    noun = "pictures"

    def __init__(self, preprocess: Preprocess) -> None:
        self.recipe: Preprocess = preprocess

    def pack(self, data: bytes) -> np.ndarray:
        return self.recipe.read(data)

    def unpack(self, data: bytes) -> np.ndarray:
        return np.frombuffer(data, np.uint8).reshape(self.recipe.shape)

    def blank(self) -> np.ndarray:
        return np.zeros(self.recipe.shape, np.uint8)

    def describe(self) -> str:
        return f"{self.recipe.width} × {self.recipe.height} pixels"


class Pictures(MediaRows, preview.AugmentedRows):
    """Every picture's pixels at the model's resolution, from a `Store`."""

    input_name = "image"
    work_unit = "pictures"

    def __init__(
        self,
        loaded: Loaded,
        labels: list[str],
        truth: np.ndarray | None,
        folder: Path,
        store: Store[Pixels],
        places: np.ndarray,
    ) -> None:
        super().__init__(loaded, labels, truth)
        self.folder, self.store, self.places = folder, store, places
        self.preprocess = store.form.recipe
        self.augmentation = Augmentation(Settings())

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """(rows, height, width, channels) bytes."""
        return np.stack(self.store.read(self.places[rows]))

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        return (torch.from_numpy(self.pixels(rows)).to(device),)

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        (pixels,) = self.batch(rows, device)
        if self.augmentation.settings == Settings():
            return (pixels,), None
        values, mix = self.augmentation.mix(self.augmentation(pixels, generator), rows, generator)
        return (values,), mix

    def input(self, row: int) -> object:
        return self.pixels(np.array([row]))[0]

    def shown(self, rows: np.ndarray) -> list[str]:
        names = self.loaded.values["image"]
        return [names[row] for row in rows]

    def fingerprint(self, digest: Digest, rows: np.ndarray) -> None:
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
        by_answer: dict[Any, dict[str, Any]] = {}
        for row in self.part("test").tolist():
            answer = self.loaded.answers[row]
            if answer in by_answer:
                continue
            image = open_picture(self.path(row).read_bytes(), lambda _width, _height: (EXAMPLE_PIXELS, EXAMPLE_PIXELS))
            image.thumbnail((EXAMPLE_PIXELS, EXAMPLE_PIXELS))
            small = max(image.size) <= 64
            name = f"examples/{self.path(row).stem}.{'png' if small else 'jpg'}"
            image.save(folder / name, quality=90)
            by_answer[answer] = self.example(row, name) | {"thumb": thumb(image)}
            if len(by_answer) == EXAMPLES:
                break
        return list(by_answer.values())

    def example(self, row: int, file: str) -> dict[str, Any]:
        """`file`: where in the artifact the picture is kept."""
        return {"input": file, "label": self.loaded.answers[row], "image": self.shown(np.array([row]))[0]}


def thumb(image: Image.Image) -> str:
    """A picture made small, as a `data:` URL: about 2 kB, so that a page with a few of them asks for no more files."""
    small = image.copy()
    small.thumbnail((THUMB_PIXELS, THUMB_PIXELS))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=THUMB_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def pictures_of(job: Job, folder: Path, loaded: Loaded) -> Pictures:
    """The rows' pictures, decoded; those that cannot be used are left out of `loaded`."""
    fresh = job.spec.model.startswith("scratch:")
    preprocess = of_net(job, loaded) if fresh else of_model(job, folder, loaded)
    if not fresh and job.spec.method != "probe" and not is_net(folder):
        preprocess = within_memory(job, folder, preprocess)
    store, places = decoded(job, loaded, preprocess)
    rows = Pictures(loaded, *truth_of(job.task, loaded), folder, store, places)
    if job.spec.method != "probe":
        rows.augmentation = augmentation_of(job, rows)
    return rows


def of_net(job: Job, loaded: Loaded) -> Preprocess:
    """Pixels as a small net takes them: of its own size, grey where the pictures are."""
    channels, height, width = nets.find(job.spec.model).shape
    side = job.params.resolution
    modes = set(loaded.table.column("mode").to_pylist()) if "mode" in loaded.table.column_names else set()
    if modes:
        channels = 1 if modes <= GREY else 3
    return Preprocess(side or height, side or width, channels=channels)


def of_model(job: Job, folder: Path, loaded: Loaded) -> Preprocess:
    """As the model's folder says. A convolutional net that learns from small pictures sees them little enlarged: it
    takes any size, and what is not in the picture costs time alone."""
    preprocess = Preprocess.load(folder, job.params.resolution)
    if job.params.resolution or job.spec.method not in ("full", "scratch") or is_net(folder) or is_transformer(folder):
        return preprocess
    sizes = [loaded.table.column(name).to_pylist() for name in ("width", "height") if name in loaded.table.column_names]
    if not sizes:
        return preprocess
    side = max(
        LEAST_SIDE,
        ENLARGED * int(np.median([max(int(length) for length in pair) for pair in zip(*sizes, strict=True)])),
    )
    return preprocess.scaled(side) if side < min(preprocess.height, preprocess.width) else preprocess


def within_memory(job: Job, folder: Path, preprocess: Preprocess) -> Preprocess:
    """The resolution, and in `job.params` the batch size, with which learning fits into memory; settled once a run."""
    height = preprocess.height
    smaller = [] if job.params.resolution else [int(height * share) // 16 * 16 for share in SMALLER]
    sides = [height, *(side for side in smaller if LEAST_SIDE <= side < height)]

    def measure(side: int) -> tuple[int, int]:
        model = VisionModel(load_encoder(folder, fresh=True), ["a", "b"], preprocess.scaled(side)).train()
        return memory.row_bytes(model, (model.example(),)), sum(value.numel() for value in model.parameters())

    def choose() -> list[int]:
        return list(memory.fitting(job, job.params.batch_size, PRETRAINED_BATCH, sides, measure))

    batch, side = cached_json(job.out / "memory.json", choose)
    if (batch, side) != (job.params.batch_size or PRETRAINED_BATCH, height):
        job.warn(
            "memory",
            _(
                "Memory is short, so images are used at %(side)s × %(side)s pixels with a batch size of %(batch)s.",
                side=side,
                batch=batch,
            ),
            _("A machine with more memory can use larger images."),
        )
    job.params = job.params.model_copy(update={"batch_size": batch})
    return preprocess if side == height else preprocess.scaled(side)


def augmentation_of(job: Job, rows: Pictures) -> Augmentation:
    """A perceptron compares pixels place by place, so its pictures had better stay where they are."""
    _height, width, channels = rows.preprocess.shape
    if job.params.augment == "auto" and job.spec.model.startswith("scratch:mlp"):
        job.params = job.params.model_copy(update={"augment": "none"})
    pretrained = job.spec.method in ("full", "lora") and not job.spec.model.startswith("scratch:")
    settings = augmentation.settings_of(
        job.params, width, channels == 1, number=answers.get(job.task.answer).one_output, pretrained=pretrained
    )
    job.log(augmentation.sentence(settings))
    return Augmentation(settings)


def decoded(job: Job, loaded: Loaded, preprocess: Preprocess) -> tuple[Store[Pixels], np.ndarray]:
    """See `common.decoded`."""
    needed = len(set(loaded.values["image"])) * int(np.prod(preprocess.shape))
    return common.decoded(job, loaded, "image", Pixels(preprocess), needed)


def build_model(job: Job, rows: Pictures) -> PictureModel:
    """The pretrained encoder or small net under a new head; for `scratch` with random weights."""
    learned = len(rows.known("train"))
    if job.spec.model.startswith("scratch:"):
        common.fill_settings(job, **SMALL_NET, epochs=int(np.clip(round(NET_ROWS / max(learned, 1)), 8, 60)))
        layers = nets.layers_of(nets.find(job.spec.model), job.params)
        return ScratchModel(layers, rows.labels, rows.preprocess, job.params.initial_weights, rows.answer.key)
    if is_net(rows.folder):
        if job.spec.method == "lora":
            raise ModelError(_("A small net has no layers that LoRA could adapt."), hint=_("Choose another method."))
        common.fill_settings(job, **SMALL_NET)
        return ScratchModel.of(rows.folder, rows.labels, rows.preprocess, rows.answer.key)
    fresh = job.spec.method == "scratch"
    rate = TRANSFORMER_RATE if is_transformer(rows.folder) else CONVOLUTION_RATE
    common.fill_settings(job, **PRETRAINED, learning_rate=rate, patience=5 if fresh else 2)
    encoder = load_encoder(rows.folder, fresh=fresh)
    return VisionModel(encoder, rows.labels, rows.preprocess, answer=rows.answer.key)


def is_transformer(folder: Path) -> bool:
    """Whether it is a transformer."""
    return read_json(folder / "config.json").get("model_type") in TRANSFORMERS


def compute_baselines(job: Job, rows: Pictures) -> dict[str, Baseline]:
    """Always the commonest answer or the mean, and a line through coarse grey pixels."""
    known, test = rows.known("train", "validation"), rows.part("test")
    learned = np.sort(np.random.default_rng(job.spec.seed).permutation(known)[:MOST_COARSE_ROWS])
    truth = rows.truth[known]
    methods: dict[Cells, tuple[str, Callable[..., np.ndarray]]] = {
        "label": ("pixels_logistic", by_logistic),
        "number": ("pixels_ridge", by_ridge),
    }
    cells = rows.answer.cells
    if cells not in methods:
        return rows.scoring.baselines(truth, len(test), rows.labels)
    name, simple = methods[cells]
    return rows.scoring.baselines(truth, len(test), rows.labels, name, lambda: simple(rows, learned, test))


def coarse(rows: Pictures, part: np.ndarray) -> Tensor:
    """(part, COARSE · COARSE) grey means, 0 to 1."""
    parts = []
    for start in range(0, len(part), READ_AT_ONCE):
        pixels = torch.from_numpy(rows.pixels(part[start : start + READ_AT_ONCE]))
        grey = pixels.float().mean(3).unsqueeze(1)
        parts.append(torch.nn.functional.adaptive_avg_pool2d(grey, COARSE).flatten(1) / 255)
    return torch.cat(parts)


def standard(rows: Pictures, train: np.ndarray, test: np.ndarray) -> tuple[Tensor, Tensor]:
    learned, tested = coarse(rows, train), coarse(rows, test)
    mean, scale = learned.mean(0), learned.std(0).clamp(min=0.02)
    return (learned - mean) / scale, (tested - mean) / scale


def by_logistic(rows: Pictures, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Probabilities (test, labels)."""
    from trainer.learning.probe import logistic

    learned, tested = standard(rows, train, test)
    weight, bias = logistic(learned, torch.from_numpy(rows.truth[train]), len(rows.labels), 1e-3, 60)
    return (tested @ weight.T + bias).softmax(1).numpy()


def by_ridge(rows: Pictures, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import RidgeCV

    from trainer.learning.probe import RIDGES

    learned, tested = standard(rows, train, test)
    return RidgeCV(RIDGES).fit(learned.double().numpy(), rows.truth[train]).predict(tested.double().numpy())


def load(folder: Path, attention: str | None = None) -> PictureModel:
    """A trained model from `artifact/model/`."""
    return ScratchModel.load(folder) if is_net(folder) else VisionModel.load(folder, attention)


PixelsT = TypeVar("PixelsT", bound=Pictures)


class PixelFamily(MediaFamily[PixelsT, NetworkT]):
    """What looks at pictures, with or without something else."""

    def quantises(self, folder: Path) -> bool:
        """Transformers only: convolutions of small integers lose more and are no quicker in ONNX Runtime."""
        return is_transformer(folder)

    def preview(self, job: Job, folder: Path) -> dict[str, Any]:
        """A grid of pictures as learning sees them: {path, rows, variants, changes}."""
        return preview.preview(job, self.prepare(job), folder)


class PictureFamily(PixelFamily[Pictures, PictureModel]):
    def prepare(self, job: Job) -> Pictures:
        """Rows of a task that looks at `image`."""
        rows = pictures_of(job, common.base(job), job.load_rows())
        job.tell_rows(rows, f"{rows.preprocess.width} × {rows.preprocess.height} pixels a picture")
        return rows

    def baselines(self, job: Job, rows: Pictures) -> dict[str, Baseline]:
        return compute_baselines(job, rows)

    def build(self, job: Job, rows: Pictures) -> PictureModel:
        return build_model(job, rows)

    def write_onnx(self, folder: Path, target: Path) -> None:
        model = load(folder, attention="eager")
        write_graph(model, model.example(), target)

    def write_heat(self, folder: Path, graph: Path) -> None:
        write_network_heat(load(folder), graph)
