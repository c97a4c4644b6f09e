"""A training that is killed at twenty random moments and started again each time, and what it then answers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.trainer import command
from trainer.tasks.text_classification import TextClassification

SAMPLE = TextClassification.sample()
ROWS = [{"text": f"{row['text']} {turn}", "label": row["label"]} for turn in range(2) for row in SAMPLE]
PARAMS = {"epochs": 10, "batch_size": 4, "patience": 100}
KILLS = 20
MOST_STEPS = 12
"""That a start makes before it is killed: half of them on average, in all fewer than there are."""
FORKER = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
from trainer import openmp
openmp.share()
import trainer.families.text.texts, trainer.learning.fine_tuning, trainer.packaging.artifact
from trainer.__main__ import main
for line in sys.stdin:
    child = os.fork()
    if not child:
        os._exit(main(json.loads(line)))
    print(json.dumps({"type": "started", "process": child}), flush=True)
    print(json.dumps({"type": "ended", "code": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}), flush=True)
"""
"""Starts the command again and again, its libraries loaded once."""


class Starts:
    """Of one run's command."""

    def __init__(self, models: Path, arguments: list[str]) -> None:
        self.arguments = arguments
        environment = command.environment(models, MAQUETTE_CHECKPOINT_SECONDS="0")
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKER],
            cwd=command.ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def start(self) -> Iterator[dict[str, Any]]:
        """The events of one start, until its process has ended."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(self.arguments) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            with suppress(ValueError):  # one that was cut short
                event = json.loads(line)
                yield event
                if event["type"] == "ended":
                    return

    def kill_at(self, stage: str, steps: int, delay: float) -> str:
        """Kill a start so many seconds after so many of its checkpoints in a stage, or after its beginning; where it was then."""
        own, seen, where = 0, 0, "start"
        for event in self.start():
            if event["type"] == "started":
                own = event["process"]
            elif event["type"] == "stage" and event["state"] == "start":
                where = event["name"]
            seen += event["type"] == "checkpoint"
            if ((event["type"], event.get("name")) == ("stage", stage) and not steps) or (
                event["type"] == "checkpoint" and 0 < steps == seen
            ):
                time.sleep(delay)
                os.kill(own, signal.SIGKILL)
                steps = -1
            if event["type"] == "ended":
                assert event["code"] == -signal.SIGKILL, event
        return where

    def finish(self) -> dict[str, Any]:
        events = list(self.start())
        assert events[-1]["code"] == 0, events[-2:]
        return events[-2]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_twenty_moments_it_answers_the_same(models: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    spec = command.write_spec(tmp_path, ROWS, params=PARAMS)
    alone = Starts(models, ["run", str(spec), "--out", str(tmp_path / "alone")])
    result = alone.finish()
    killed = Starts(models, ["run", str(spec), "--out", str(tmp_path / "killed")])
    began = time.monotonic()
    moments = [("prepare", 0), *(("train", int(generator.integers(0, MOST_STEPS))) for _ in range(KILLS - 3))]
    places = [killed.kill_at(*moment, float(generator.uniform(0, 0.05))) for moment in moments]
    places += [killed.kill_at(stage, 0, float(generator.uniform(0, 0.05))) for stage in ("evaluate", "package")]
    again = killed.finish()
    print(f"{len(places)} kills in {time.monotonic() - began:.0f} s, at {places}")
    assert len(places) == KILLS
    assert again["metrics"] == result["metrics"]
    own, other = (pq.read_table(tmp_path / name / "artifact" / "predictions.parquet") for name in ("killed", "alone"))
    assert own.equals(other)
    for starts in (alone, killed):
        starts.process.communicate(timeout=30)
