"""One OpenMP runtime in a process, with and without the system's own (libgomp1), whatever is imported first."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.command import ROOT
from trainer import openmp

SYSTEM = [path for folder in ("/usr/lib", "/lib") for path in Path(folder).glob("*-linux-gnu/libgomp.so.1")]
RUN = """
import random, sys
from pathlib import Path
from trainer import openmp
openmp.share()
import sklearn.cluster, lightgbm
from trainer.learning.run import run
from trainer.events import silent
from trainer.spec import Spec
folder, draw = Path(sys.argv[1]), random.Random(0)
rows = [(draw.random(), draw.choice("xyz")) for _row in range(300)]
table = "\\n".join(["a,b,target", *(f"{a:.3f},{b},{'yes' if a > 0.5 else 'no'}" for a, b in rows)])
(folder / "table.csv").write_text(table)
spec = {"task": "tabular-classification", "dataset": {"path": str(folder / "table.csv")}, "method": "auto"}
found = run(Spec.model_validate({"version": 1, "model": "scratch:auto", "params": {"epochs": 3}, **spec}), folder / "run", silent)
assert found["headline"]["value"] > 0.8, found
print(*openmp.find_mapped(), sep="\\n")
"""
BINDING = re.compile(r"binding file (\S+) \[\d+\] to (\S+) \[\d+\]: normal symbol .(?:GOMP|omp|kmpc|__kmpc)_")


def bound_to(folder: Path) -> set[str]:
    """The files in which the loader found OpenMP's functions (`LD_DEBUG=bindings`)."""
    lines = (line for path in folder.glob("bindings.*") for line in path.read_text("utf-8", "replace").splitlines())
    return {found[2] for line in lines if (found := BINDING.search(line))}


def run_table(folder: Path, *before: str) -> list[str]:
    """A whole `auto` run with trees, linear models and the net in one process; the runtimes that it has mapped."""
    done = subprocess.run(
        [*before, sys.executable, "-c", RUN, str(folder)],
        cwd=ROOT,
        env={**os.environ, "LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": str(folder / "bindings")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the loader of Linux")
def test_an_auto_run_of_a_table_has_one_runtime(tmp_path: Path) -> None:
    mapped = run_table(tmp_path)
    assert len(bound_to(tmp_path)) == 1
    assert (
        len([path for path in mapped if "scikit_learn.libs" not in path]) == 1
    )  # its copy lies idle: nothing calls it


@pytest.mark.skipif(not SYSTEM or not shutil.which("unshare") or os.geteuid() != 0, reason="needs root and libgomp1")
def test_so_it_is_without_the_systems_libgomp(tmp_path: Path) -> None:
    hide = " && ".join(f"mount --bind /dev/null {path.resolve()}" for path in {one.resolve() for one in SYSTEM})
    if subprocess.run(["unshare", "-m", "sh", "-c", hide], capture_output=True).returncode:
        pytest.skip("this machine allows no mounts")
    run_table(tmp_path, "unshare", "-m", "sh", "-c", f'{hide} && exec "$@"', "sh")
    assert len(bound_to(tmp_path)) == 1


def test_serving_has_one_runtime_without_torch(tmp_path: Path) -> None:
    script = """
from trainer.gbm import lightgbm
trees = lightgbm()
import numpy, sys
matrix = numpy.random.rand(5000, 3)
params = {"objective": "regression", "num_threads": 2, "verbosity": -1}
trees.train(params, trees.Dataset(matrix, matrix[:, 0]), 3).predict(matrix)
assert "torch" not in sys.modules
"""
    env = {**os.environ, "LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": str(tmp_path / "bindings")}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, check=True, timeout=120)
    assert len(bound_to(tmp_path)) == 1


def test_the_tests_themselves_share_one() -> None:
    import lightgbm  # noqa: F401
    import sklearn.cluster  # noqa: F401
    import torch  # noqa: F401

    assert len([path for path in openmp.find_mapped() if "scikit_learn.libs" not in str(path)]) == 1
