"""Pictures: accuracy of the default settings on real sets, and the feature pass beside the plain loop.

python benchmarks/vision.py [mlp cnn cats pass scratch bccd raccoon full]
"""

import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from _sets import SHARED, data

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
DATA = data("image_classification")
MODEL = "local:mobilenet_v2_0.35_224"
FOLDS, BATCH, PASS_PICTURES = 5, 64, 320


def trainer(*arguments: object) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "trainer", *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def run(
    name: str, folder: Path, files: list[Path], model: str, method: str, task: str = "image-classification"
) -> float:
    version = folder / "version"
    if not version.exists():
        trainer("inspect", *files, "--out", version, "--split", json.dumps({"test": 0.2}))
    spec = {"task": task, "dataset": {"path": str(version)}, "model": model, "method": method}
    (folder / "spec.json").write_text(json.dumps(spec))
    result = trainer("run", folder / "spec.json", "--out", folder / name)
    headline = result["headline"]
    print(f"{name}: {headline['name']} {headline['value']:.3f} in {result['seconds']} s", flush=True)
    return headline["value"]


def cats(folder: Path) -> None:
    """Each fold is the test of one run."""
    folders = []
    with zipfile.ZipFile(DATA / "cats_dogs.zip") as source:
        names = sorted(name for name in source.namelist() if name.endswith(".jpg"))
        for fold in range(FOLDS):
            part = folder / f"fold{fold}"
            part.mkdir()
            with zipfile.ZipFile(part / "cats.zip", "w") as target:
                for number, name in enumerate(names):
                    target.writestr(f"{'test' if number % FOLDS == fold else 'train'}/{name}", source.read(name))
            folders.append(run("probe", part, [part / "cats.zip"], MODEL, "probe"))
    print(f"cats_dogs, probe, {FOLDS} folds: {np.mean(folders):.3f}")


def feature_pass(folder: Path) -> None:
    """Pictures a second of the plain loop, and of decoding once and reading by `quick_features`."""
    import torch
    from PIL import Image
    from transformers import AutoModel
    from transformers.models.mobilenet_v2.image_processing_pil_mobilenet_v2 import MobileNetV2ImageProcessorPil

    from trainer.families.image.model import VisionModel, load_encoder, quick_features
    from trainer.families.image.pictures import Pixels
    from trainer.families.media.store import read_all
    from trainer.pictures import Preprocess

    base = SHARED / "models" / "mobilenet_v2_0.35_224"
    model, processor = AutoModel.from_pretrained(base).eval(), MobileNetV2ImageProcessorPil.from_pretrained(base)
    with zipfile.ZipFile(DATA / "cifar10_small.zip") as archive, torch.inference_mode():
        names = [name for name in archive.namelist() if name.endswith((".jpg", ".png"))][:PASS_PICTURES]
        started = time.monotonic()
        for start in range(0, len(names), BATCH):
            images = [
                Image.open(io.BytesIO(archive.read(name))).convert("RGB") for name in names[start : start + BATCH]
            ]
            model(**processor(images, return_tensors="pt"))
        plain = len(names) / (time.monotonic() - started)
        paths = [folder / f"{number}.jpg" for number in range(len(names))]
        for path, name in zip(paths, names, strict=True):
            path.write_bytes(archive.read(name))
    preprocess = Preprocess.load(base)
    read = quick_features(VisionModel(load_encoder(base), ["a", "b"], preprocess), folder)
    started = time.monotonic()
    pixels = np.stack(list(read_all(paths, Pixels(preprocess))))
    for start in range(0, len(pixels), BATCH):
        read(torch.from_numpy(pixels[start : start + BATCH]))
    quick = len(paths) / (time.monotonic() - started)
    print(f"feature pass: plain loop {plain:.0f} pictures a second, here {quick:.0f}, {quick / plain:.1f} times")


MNIST = sorted((DATA / "mnist_idx").glob("*.gz"))
BOXES = DATA.parent / "object_detection"
CIFAR = [DATA / "cifar10_small.zip"]
CASES = {
    "mlp": lambda folder: run("mlp", folder, MNIST, "scratch:mlp-128", "scratch"),
    "cnn": lambda folder: run("cnn", folder, MNIST, "scratch:cnn-32-64-128", "scratch"),
    "cats": cats,
    "pass": feature_pass,
    "scratch": lambda folder: run("scratch", folder, CIFAR, "scratch:cnn-64-128-1024", "scratch"),
    "bccd": lambda folder: run("bccd", folder, [BOXES / "bccd_coco.zip"], MODEL, "full", "object-detection"),
    "raccoon": lambda folder: run("raccoon", folder, [BOXES / "raccoon_voc.zip"], MODEL, "full", "object-detection"),
    "full": lambda folder: run("full", folder, CIFAR, MODEL, "full"),
}

if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            CASES[case](Path(folder))
