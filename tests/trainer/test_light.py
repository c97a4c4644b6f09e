"""Declarations are read by the site, so they must not bring in anything heavy."""

import subprocess
import sys

import pytest

from tests.trainer.command import ROOT

LIGHT: tuple[str, ...] = (
    "allowance",
    "answers",
    "columns",
    "dotted",
    "errors",
    "events",
    "files",
    "gpus",
    "hyperparameters.space",
    "disk",
    "machine",
    "packaging.manifest",
    "params",
    "personal_data",
    "problem_details",
    "roles",
    "samples",
    "shares",
    "spec",
)
LIGHT += ("suggestion", "tasks", "__main__")
HEAVY = ("torch", "transformers", "pandas", "PIL", "numpy", "sklearn", "pyarrow", "onnxruntime", "tokenizers", "django")


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_imports_nothing_heavy(module: str) -> None:
    script = f"""
import sys
import trainer.{module}
from trainer import tasks
[task.declaration() for task in tasks.all()] if "{module}" == "tasks" else None
print(*sorted(set(sys.modules) & set({HEAVY!r})))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
