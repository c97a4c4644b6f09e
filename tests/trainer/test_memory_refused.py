"""A run that is refused memory says so, whether the machine or its own limit refuses."""

import json
import subprocess
import sys

import pytest
import torch

from trainer.errors import SpecError
from trainer.learning.run import mendable

SCRIPT = """
import json, resource
import torch
from trainer.errors import SpecError
from trainer.learning.run import mendable
resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30))
try:
    with mendable():
        torch.zeros(3 << 30, dtype=torch.uint8)
except SpecError as error:
    print(json.dumps(error.code))
"""


def test_a_limit_of_the_process_is_told_as_too_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout or "null") == "out_of_memory", done.stderr


def test_what_no_machine_has_is_told_alike_and_other_faults_are_not() -> None:
    with pytest.raises(SpecError) as error, mendable():
        torch.empty(1 << 50, dtype=torch.uint8)
    assert error.value.code == "out_of_memory"
    with pytest.raises(RuntimeError, match="shape"), mendable():
        raise RuntimeError("wrong shape")
