"""Sample sets that come with the installed libraries or are made by code, for a first try without a download. Light."""

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trainer.errors import SpecError
from trainer.json_types import JsonObject
from trainer.messages import _

if TYPE_CHECKING:
    import numpy as np

DIGIT_SCALE = 16
"""scikit-learn's digits are 8 × 8 pixels of 0 to 16."""


def write(name: str, target: Path) -> JsonObject:
    """Write a sample set as a file that `inspect` reads: {path, rows, task}."""
    if name not in SAMPLES:
        raise SpecError(
            _("There is no sample set “%(name)s”.", name=name),
            code="bad_sample",
            hint=_("Choose one of: %(names)s.", names=", ".join(SAMPLES)),
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return SAMPLES[name].write(target) | {"path": str(target)}
    except OSError as error:
        raise SpecError(
            _("%(target)s cannot be written: %(error)s.", target=target, error=error),
            code="bad_out",
            hint=_("Give another path."),
        ) from error


def digits(target: Path) -> JsonObject:
    """1,797 handwritten digits of 8 × 8 pixels as PNG, a folder a digit (UCI, by way of scikit-learn)."""
    from PIL import Image
    from sklearn.datasets import load_digits

    dataset = load_digits()
    with zipfile.ZipFile(target, "w") as archive:
        for number, (picture, digit) in enumerate(zip(dataset.images, dataset.target, strict=True)):
            file = io.BytesIO()
            Image.fromarray((picture * 255 / DIGIT_SCALE).round().astype("uint8")).save(file, "PNG")
            entry = zipfile.ZipInfo(f"{digit}/{number:04d}.png", (2026, 1, 1, 0, 0, 0))
            archive.writestr(entry, file.getvalue())
    return {"rows": len(dataset.target), "task": "image-classification"}


def breast_cancer(target: Path) -> JsonObject:
    """569 tumours, 30 measures each, benign or malignant (UCI, by way of scikit-learn)."""
    from sklearn.datasets import load_breast_cancer

    dataset = load_breast_cancer()
    names = dataset.target_names
    write_table(target, [*dataset.feature_names, "diagnosis"], dataset.data, [names[code] for code in dataset.target])
    return {"rows": len(dataset.target), "task": "tabular-classification", "columns": {"target": "diagnosis"}}


def diabetes(target: Path) -> JsonObject:
    """442 patients, 10 measures each, and how far the illness had gone a year later (Efron et al. 2004)."""
    from sklearn.datasets import load_diabetes

    dataset = load_diabetes(scaled=False)
    write_table(target, [*dataset.feature_names, "progression"], dataset.data, dataset.target.tolist())
    return {"rows": len(dataset.target), "task": "tabular-regression", "columns": {"target": "progression"}}


def write_table(target: Path, names: list[str], values: "np.ndarray", answers: Sequence[object]) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([*row, answer] for row, answer in zip(values.tolist(), answers, strict=True))


def draw_later(name: str) -> Callable[[Path], JsonObject]:
    """One of `trainer.drawn_samples`, whose libraries are loaded when it is asked for."""

    def write(target: Path) -> JsonObject:
        from trainer import drawn_samples

        made: JsonObject = getattr(drawn_samples, name)(target)
        return made

    return write


class Sample(NamedTuple):
    """`ending`: of the file that `write` makes."""

    write: Callable[[Path], JsonObject]
    ending: str


SAMPLES = {
    "digits": Sample(digits, ".zip"),
    "breast-cancer": Sample(breast_cancer, ".csv"),
    "diabetes": Sample(diabetes, ".csv"),
    "tones": Sample(draw_later("tones"), ".zip"),
    "shapes": Sample(draw_later("shapes"), ".zip"),
    "harvest": Sample(draw_later("harvest"), ".zip"),
}
