"""Sounds: accuracy of the default settings on real sets.

python benchmarks/sound.py [digits ljspeech]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from _sets import data

ROOT = Path(__file__).resolve().parents[1]
DATA = data("audio")


def trainer(*arguments: object) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "trainer", *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def run(folder: Path, file: str, **spec: object) -> None:
    """Inspect, train and tell the headline."""
    version = folder / "version"
    trainer("inspect", DATA / file, "--out", version)
    (folder / "spec.json").write_text(json.dumps({"dataset": {"path": str(version)}} | spec))
    result = trainer("run", folder / "spec.json", "--out", folder / "out")
    headline = result["headline"]
    baselines = ", ".join(f"{name} {figures[headline['name']]:.3f}" for name, figures in result["baselines"].items())
    print(
        f"{file}: {headline['name']} {headline['value']:.3f} in {result['seconds']} s; baselines: {baselines}",
        flush=True,
    )


CASES = {
    "digits": lambda folder: run(
        folder, "spoken_digits.zip", task="audio-classification", model="scratch:cnn-logmel", method="scratch"
    ),
    "ljspeech": lambda folder: run(
        folder, "ljspeech_asr.zip", task="speech-recognition", model="scratch:gru-ctc", method="scratch"
    ),
}

if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as name:
            CASES[case](Path(name))
