"""What the processes of a run but the first do (`trainer.team`): wait for its orders, learn with it and read for it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

import torch

from trainer import team
from trainer.events import silent
from trainer.learning import fine_tuning, lora
from trainer.learning.family import NetworkFamily, family_of
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import objective_of
from trainer.learning.passes import read_part
from trainer.learning.rows import Rows
from trainer.learning.rungs import prepared_for
from trainer.spec import Spec


def follow() -> None:
    """Until there is nothing more to do. Raises `Stopped` when the run is."""
    own = team.own()
    assert isinstance(own, team.Joined), "a follower has somebody to follow"
    scratch = os.environ.get(team.MEETING)
    with tempfile.TemporaryDirectory(prefix="rank-", dir=Path(scratch).parent if scratch else None) as folder:
        follower: Follower | None = None
        while (order := own.order())["do"] != "end":
            if order["do"] == "begin":
                follower = Follower(Spec.model_validate_json(order["spec"]), Path(folder))
            elif follower is not None:
                follower.obey(order)
    own.end()


class Follower:
    """Of one run. It keeps what it reads in a folder of its own, so that two never write one file."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self.folder = folder
        self.job = Job(spec, folder, silent)
        self.family = cast("NetworkFamily[Rows, TrainableModel]", family_of(self.job.task))
        self.rows: Rows | None = None
        self.model: TrainableModel | None = None

    def obey(self, order: dict[str, Any]) -> None:
        if order["do"] == "learn":
            self.learn(order)
        elif order["do"] == "read":
            assert self.rows is not None
            assert self.model is not None
            with self.job.device.team.together({}, self.model):
                read_part(self.model, self.rows, order["rows"], self.job.device)

    def learn(self, order: dict[str, Any]) -> None:
        """As rank 0 does in `trainer.learning.fine_tuning.fit`, from where it is."""
        job = self.job
        if self.rows is None:
            for choices in Path(order["out"]).glob("*.json"):
                shutil.copy(choices, self.folder)
            job.cache = Path(order["cache"])
            with job.as_method(prepared_for(job)):
                self.rows = self.family.prepare(job)
        self.rows.loaded.split = order["split"]
        job.checkpoints = Path(order["checkpoints"])
        with job.as_method(order["method"]):
            torch.manual_seed(job.spec.seed)
            model = job.device.place(self.family.build(job, self.rows))
            job.params = order["params"]
            is_adapted = lora.is_meant(job)
            if is_adapted:
                lora.adapt(model.encoder, job.params.lora_rank)
            fine_tuning.fit(job, model, self.rows, objective_of(job, self.rows), order["epochs"])
            if is_adapted:
                lora.fold(model.encoder)
        self.model = model
