"""Sounds as batches of spectrograms or samples, each decoded once."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer import nets, sounds
from trainer.data.loading import Loaded
from trainer.errors import ModelError
from trainer.families.audio.model import ScratchSound, SoundModel, load_encoder, write_sound_graph
from trainer.families.image.model import write_network_heat
from trainer.families.image.small_nets import is_net
from trainer.families.media import common
from trainer.families.media.common import MediaFamily, MediaRows
from trainer.families.media.store import Form, Store
from trainer.files import read_json
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.learning.rows import Digest, Mix, truth_of
from trainer.messages import _
from trainer.sounds import LOGMEL, RATE, WHISPER, Hearing, log_mel

EXAMPLES = 8
FULL_SCALE = 32_768
READ_AT_ONCE = 256
MOST_SECONDS, LEAST_SECONDS = 10.0, 0.25
USUAL = 98
"""Percentile of the lengths that is heard whole."""
MELS = {8_000: 40}
MOST_MELS = 64
SMALL_NET = {"batch_size": 32, "learning_rate": 2e-3, "head_learning_rate": 2e-3, "patience": 10}
PRETRAINED = {"batch_size": 16, "learning_rate": 5e-5, "head_learning_rate": 1e-3, "patience": 3}
NET_ROWS = 60_000
"""That a small net hears in all: its epochs are this over the rows."""
COARSE_MELS = 20
MOST_COARSE_ROWS = 2_000
"""Of those that the baseline learns from."""
MOVED, MASKED_FRAMES, MASKED_MELS = 0.15, 0.15, 0.15
"""Most that a sound is moved in time and that is masked at once, as shares (SpecAugment, Park et al. 2019)."""
MIXUP_ALPHA, MIX_SHARE = 0.3, 0.5
NOISE, GAIN = 0.01, (0.7, 1.3)
"""Of samples: standard deviation in units of the sound's own, and how much louder or fainter."""


class Heard(Form):
    """A small net's spectrogram; for other models samples of 16 bits, as many as there are."""

    noun = "sounds"

    def __init__(self, hearing: Hearing) -> None:
        self.recipe: Hearing = hearing

    def pack(self, data: bytes) -> np.ndarray:
        wave = self.recipe.wave(data)
        if self.recipe.kind == LOGMEL:
            return self.recipe.values(wave)
        return np.rint(wave * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)

    def unpack(self, data: bytes) -> np.ndarray:
        if self.recipe.kind == LOGMEL:
            return np.frombuffer(data, np.uint8).reshape(self.recipe.shape)
        return np.frombuffer(data, np.int16)

    def blank(self) -> np.ndarray:
        hearing = self.recipe
        return np.zeros(hearing.shape, np.uint8) if hearing.kind == LOGMEL else np.zeros(hearing.rate, np.int16)

    def describe(self) -> str:
        return f"{self.recipe.rate:,} samples a second"

    def values(self, stored: np.ndarray) -> np.ndarray:
        """The model's input."""
        return stored if self.recipe.kind == LOGMEL else self.recipe.values(stored.astype(np.float32) / FULL_SCALE)


class Sounds(MediaRows):
    """Every sound as the model takes it, from a `Store`."""

    input_name = "audio"
    work_unit = "sounds"

    def __init__(
        self,
        loaded: Loaded,
        labels: list[str],
        truth: np.ndarray | None,
        folder: Path,
        store: Store[Heard],
        places: np.ndarray,
    ) -> None:
        self.form = store.form
        self.hearing = store.form.recipe
        lengths = None if self.hearing.fixed else buckets(seconds_of(loaded), self.hearing)
        super().__init__(loaded, labels, truth, lengths)
        self.folder, self.store, self.places = folder, store, places
        self.augment = "none"

    def values(self, rows: np.ndarray) -> np.ndarray:
        """A batch as `Hearing.values` gives each; waves end in silence up to the longest."""
        inputs = [self.form.values(stored) for stored in self.store.read(self.places[rows])]
        longest = max(map(len, inputs))
        return np.stack(inputs if self.hearing.fixed else [sounds.padded(values, longest) for values in inputs])

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        return (torch.from_numpy(self.values(rows)).to(device),)

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        if self.augment == "none":
            return self.batch(rows, device), None
        values = changed(self.values(rows), self.hearing, generator)
        if self.augment != "strong" or len(rows) < 2 or generator.random() >= MIX_SHARE:
            return (torch.from_numpy(values).to(device),), None
        share, order = float(generator.beta(MIXUP_ALPHA, MIXUP_ALPHA)), generator.permutation(len(rows))
        blended = (share * values + (1 - share) * values[order]).astype(np.float32)
        return (torch.from_numpy(blended).to(device),), Mix(rows[order], share)

    def sorted_batches(self, rows: np.ndarray, size: int) -> list[np.ndarray]:
        """Of sounds of one length each: what is read does not depend on its neighbours."""
        order = rows[np.argsort(-self.lengths[rows], kind="stable")]
        cuts = np.flatnonzero(np.diff(self.lengths[order])) + 1
        return [part[start : start + size] for part in np.split(order, cuts) for start in range(0, len(part), size)]

    def input(self, row: int) -> np.ndarray:
        return self.values(np.array([row]))[0]

    def shown(self, rows: np.ndarray) -> list[str]:
        names = self.loaded.values["audio"]
        return [names[row] for row in rows]

    def fingerprint(self, digest: Digest, rows: np.ndarray) -> None:
        digest.update(repr(self.hearing).encode())
        super().fingerprint(digest, rows)

    def manifest(self) -> dict[str, Any]:
        return {"sound": {"rate": self.hearing.rate, "seconds": self.hearing.seconds}}

    def card_facts(self) -> list[str]:
        length = f"at most {self.hearing.seconds:g} seconds of it, from its middle"
        return [f"A sound is brought to one channel of {self.hearing.rate:,} samples a second; {length}, are heard."]

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        """A few test sounds, each with another answer, kept in `examples/`."""
        target = folder / "examples"
        target.mkdir(exist_ok=True)
        by_answer: dict[Any, dict[str, Any]] = {}
        for row in self.part("test").tolist():
            answer, path = self.loaded.answers[row], self.path(row)
            if answer not in by_answer:
                shutil.copyfile(path, target / path.name)
                shown = self.shown(np.array([row]))[0]
                by_answer[answer] = {"input": f"examples/{path.name}", "label": answer, "audio": shown}
            if len(by_answer) == EXAMPLES:
                break
        return list(by_answer.values())


# Changed at random


def changed(values: np.ndarray, hearing: Hearing, generator: np.random.Generator) -> np.ndarray:
    """A batch moved in time and masked; of samples the loudness and some noise."""
    if hearing.kind == LOGMEL:
        return masked(moved(values, generator), generator, time_axis=1, tone_axis=2)
    if not hearing.fixed:
        loud = generator.uniform(*GAIN, (len(values), 1))
        noise = NOISE * generator.standard_normal(values.shape)
        return (loud * values + noise).astype(np.float32)
    time_axis = 2 if hearing.kind == WHISPER else 1
    return masked(values.copy(), generator, time_axis=time_axis, tone_axis=3 - time_axis)


def moved(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Earlier or later by up to MOVED of the whole; silence comes in."""
    most = int(MOVED * values.shape[1])
    shifted = np.zeros_like(values)
    for row, by in enumerate(generator.integers(-most, most + 1, len(values)).tolist()):
        if by >= 0:
            shifted[row, by:] = values[row, : values.shape[1] - by]
        else:
            shifted[row, :by] = values[row, -by:]
    return shifted


def masked(values: np.ndarray, generator: np.random.Generator, *, time_axis: int, tone_axis: int) -> np.ndarray:
    """One stretch of time and one band of tones of each sound as in silence."""
    shares = {time_axis - 1: MASKED_FRAMES, tone_axis - 1: MASKED_MELS}
    for sound in values:
        silence(sound, generator, {axis: int(share * sound.shape[axis]) for axis, share in shares.items()})
    return values


def silence(sound: np.ndarray, generator: np.random.Generator, most: dict[int, int]) -> None:
    """A stretch of a spectrogram along each of these axes, of at most so many steps, as in silence; in place."""
    floor = sound.min()
    for axis, steps in most.items():
        size = int(generator.integers(0, steps + 1))
        start = int(generator.integers(0, sound.shape[axis] - size + 1))
        cut = [slice(None)] * sound.ndim
        cut[axis] = slice(start, start + size)
        sound[tuple(cut)] = floor


# Before learning


def decoded(job: Job, loaded: Loaded, hearing: Hearing) -> tuple[Store[Heard], np.ndarray]:
    """See `common.decoded`."""
    if hearing.kind == LOGMEL:
        needed = len(set(loaded.values["audio"])) * int(np.prod(hearing.shape))
    else:
        needed = int(np.minimum(seconds_of(loaded), hearing.seconds).sum() * hearing.rate) * np.int16().itemsize
    return common.decoded(job, loaded, "audio", Heard(hearing), needed)


def seconds_of(loaded: Loaded) -> np.ndarray:
    """How long each row's sound lasts, as the reader of the files measured it."""
    return np.array(column_of(loaded, "seconds", MOST_SECONDS))


def column_of(loaded: Loaded, name: str, otherwise: float) -> list[float]:
    if loaded.table is None or name not in loaded.table.column_names:
        return [otherwise] * len(loaded.answers)
    return [float(cell or otherwise) for cell in loaded.table.column(name).to_pylist()]


def buckets(seconds: np.ndarray, hearing: Hearing) -> np.ndarray:
    """How many pieces of half a second each sound is padded to."""
    lengths = np.minimum(seconds, hearing.seconds)
    return np.maximum(1, np.ceil(lengths / sounds.BUCKET_SECONDS - 1e-9)).astype(np.int64)


def usual_seconds(job: Job, loaded: Loaded) -> float:
    """As long as nearly all sounds."""
    if job.params.seconds:
        return job.params.seconds
    usual = float(np.percentile(seconds_of(loaded), USUAL))
    return float(np.clip(np.ceil(usual * 10) / 10, LEAST_SECONDS, MOST_SECONDS))


def of_net(job: Job, loaded: Loaded) -> Hearing:
    """A spectrogram of the sounds' own rate and length, within reason."""
    nets.find(job.spec.model, nets.SOUND_NETS)
    rate = 8_000 if np.median(column_of(loaded, "rate", RATE)) < RATE else RATE
    return log_mel(rate, usual_seconds(job, loaded), MELS.get(rate, MOST_MELS))


def of_model(job: Job, folder: Path, loaded: Loaded) -> Hearing:
    """As the model's folder says, of the sounds' length where it takes any."""
    hearing = Hearing.load(folder, usual_seconds(job, loaded))
    if hearing.kind == WHISPER and not (folder / "head.json").exists():
        seconds = usual_seconds(job, loaded)
        frames = min(hearing.frames, 2 * int(np.ceil(50 * seconds)))
        return Hearing(WHISPER, hearing.rate, frames / 100, hearing.mels, frames)
    return hearing


def by_logistic(rows: Sounds, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Probabilities (test, labels)."""
    from trainer.learning.probe import logistic

    learned, tested = coarse(rows, train), coarse(rows, test)
    mean, scale = learned.mean(0), learned.std(0).clamp(min=0.02)
    weight, bias = logistic((learned - mean) / scale, torch.from_numpy(rows.truth[train]), len(rows.labels), 1e-3, 60)
    return ((tested - mean) / scale @ weight.T + bias).softmax(1).numpy()


def coarse(rows: Sounds, part: np.ndarray) -> Tensor:
    """(part, 2 · bands) mean and spread over time of each band of tones."""
    vectors = []
    for start in range(0, len(part), READ_AT_ONCE):
        chosen = rows.places[part[start : start + READ_AT_ONCE]]
        vectors += [loudness(rows.hearing, stored) for stored in rows.store.read(chosen)]
    return torch.from_numpy(np.stack(vectors))


def loudness(hearing: Hearing, stored: np.ndarray) -> np.ndarray:
    """(2 · bands,) of one sound."""
    if hearing.kind != LOGMEL:
        wave = stored.astype(np.float32) / FULL_SCALE
        stored = log_mel(hearing.rate, max(len(wave) / hearing.rate, 0.1), COARSE_MELS).values(wave)
    levels = stored[:, :, 0].astype(np.float32) / 255
    return np.concatenate([levels.mean(0), levels.std(0)])


# After learning


def load(folder: Path, attention: str | None = None) -> ScratchSound | SoundModel:
    """A trained model from `artifact/model/`."""
    return ScratchSound.load(folder) if is_net(folder) else SoundModel.load(folder, attention)


class SoundFamily(MediaFamily[Sounds, ScratchSound | SoundModel]):
    def prepare(self, job: Job) -> Sounds:
        """Rows of a task that listens to `audio` and answers with a class."""
        folder = common.base(job)
        loaded = job.load_rows()
        hearing = of_model(job, folder, loaded) if folder.name else of_net(job, loaded)
        store, places = decoded(job, loaded, hearing)
        rows = Sounds(loaded, *truth_of(job.task, loaded), folder, store, places)
        if job.spec.method != "probe":
            rows.augment = "light" if job.params.augment == "auto" else job.params.augment
        job.tell_rows(rows, f"at most {hearing.seconds:g} seconds of each sound heard")
        return rows

    def baselines(self, job: Job, rows: Sounds) -> dict[str, Baseline]:
        """The commonest answer, and a line through the loudness of each frequency band on the whole."""
        known, test = rows.known("train", "validation"), rows.part("test")
        learned = np.sort(np.random.default_rng(job.spec.seed).permutation(known)[:MOST_COARSE_ROWS])
        return rows.scoring.baselines(
            rows.truth[known], len(test), rows.labels, "bands_logistic", lambda: by_logistic(rows, learned, test)
        )

    def build(self, job: Job, rows: Sounds) -> ScratchSound | SoundModel:
        """The pretrained encoder or small net under a new head; for `scratch` with random weights."""
        learned = len(rows.known("train"))
        if job.spec.model.startswith("scratch:"):
            common.fill_settings(job, **SMALL_NET, epochs=int(np.clip(round(NET_ROWS / max(learned, 1)), 8, 60)))
            layers = nets.layers_of(nets.find(job.spec.model, nets.SOUND_NETS), job.params)
            return ScratchSound(layers, rows.labels, rows.hearing, job.params.initial_weights, rows.answer.key)
        if is_net(rows.folder):
            if job.spec.method == "lora":
                raise ModelError(
                    _("A small net has no layers that LoRA could adapt."), hint=_("Choose another method.")
                )
            common.fill_settings(job, **SMALL_NET)
            return ScratchSound.of(rows.folder, rows.labels, rows.hearing, rows.answer.key)
        common.fill_settings(job, **PRETRAINED)
        encoder = load_encoder(rows.folder, rows.hearing, fresh=job.spec.method == "scratch")
        return SoundModel(encoder, rows.labels, rows.hearing, rows.answer.key)

    def write_onnx(self, folder: Path, target: Path) -> None:
        write_sound_graph(load(folder, attention="eager"), Hearing.load(folder), target)

    def write_heat(self, folder: Path, graph: Path) -> None:
        """Of small nets, to which a spectrogram is a picture."""
        if is_net(folder):
            write_network_heat(ScratchSound.load(folder), graph)

    def quantises(self, folder: Path) -> bool:
        """Transformers only."""
        return not is_net(folder) and "model_type" in read_json(folder / "config.json")
