"""Pictures with texts: the probe over both, and over the pictures alone, on the same rows in five rounds of tests.

python benchmarks/image_text.py
"""

import csv
import io
import json
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from _sets import data

ROOT = Path(__file__).resolve().parents[1]
SOURCE = data("image_classification") / "cats_dogs.zip"
HINTS = {
    "cat": ("purrs on the sofa all day", "sharpens its claws", "caught a mouse", "uses the litter box"),
    "dog": ("loves to fetch the ball", "barks at the postman", "needs long walks", "wags its tail"),
}
NEUTRAL = ("looking for a new home", "friendly, two years old", "photographed in spring", "")
TOLD, WRONG = 0.6, 0.1
"""Share of the texts with a hint, and of those that hint at the other animal."""


def write_zip(target: Path) -> None:
    """The pictures with a text each that tells the animal three times in five, and then one time in ten wrongly."""
    generator = random.Random(0)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["file_name", "text", "label"])
    with zipfile.ZipFile(SOURCE) as source, zipfile.ZipFile(target, "w") as archive:
        for name in sorted(source.namelist()):
            label = Path(name).parent.name
            if label not in HINTS or not Path(name).suffix:
                continue
            hinted = label if generator.random() >= WRONG else next(hint for hint in HINTS if hint != label)
            text = generator.choice(HINTS[hinted] if generator.random() < TOLD else NEUTRAL)
            archive.writestr(Path(name).name, source.read(name))
            writer.writerow([Path(name).name, text, label])
        archive.writestr("metadata.csv", table.getvalue())


def trainer(*arguments: object) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "trainer", *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def run(folder: Path, task: str, **more: Any) -> None:
    split = {"folds": 5}
    dataset = {"path": str(folder / "pets.zip"), "split": split}
    fields = {"task": task, "dataset": dataset, "model": "local:mobilenet_v2_0.35_224", "method": "probe"}
    (folder / "spec.json").write_text(json.dumps(fields | more))
    started = time.monotonic()
    result = trainer("run", folder / "spec.json", "--out", folder / task)[-1]
    headline = result["headline"]
    baselines = ", ".join(f"{name} {figures['accuracy']:.3f}" for name, figures in result["baselines"].items())
    interval = f"{headline['low']:.3f} to {headline['high']:.3f}"
    seconds = time.monotonic() - started
    print(f"{task}: accuracy {headline['value']:.3f} ({interval}) in {seconds:.0f} s; {baselines}", flush=True)


def ask(folder: Path) -> None:
    """Answers to the same picture with other texts."""
    with zipfile.ZipFile(folder / "pets.zip") as archive:
        name = next(name for name in archive.namelist() if name.startswith("cat."))
        (folder / name).write_bytes(archive.read(name))
    lines = [json.dumps({"image": str(folder / name), "text": text}) for text in (HINTS["cat"][0], "", HINTS["dog"][0])]
    (folder / "asked.jsonl").write_text("\n".join(lines))
    answers = trainer("predict", folder / "image-text-classification" / "artifact", "--input", folder / "asked.jsonl")
    print(f"{name}:", ", ".join(f"{answer['label']} {answer['score']:.3f}" for answer in answers), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        write_zip(Path(name) / "pets.zip")
        inspected = trainer("inspect", Path(name) / "pets.zip", "--out", Path(name) / "version")[-1]
        print(
            "inspect suggests",
            json.dumps(inspected["suggestion"]["task"]),
            json.dumps(inspected["suggestion"]["columns"]),
        )
        run(Path(name), "image-text-classification")
        run(Path(name), "image-classification", params={})
        ask(Path(name))
