"""Each benchmark is one command, from whatever folder it is typed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path.name for path in (ROOT / "benchmarks").glob("[a-z]*.py"))
OURS = re.compile(r"^(from|import) (trainer|webapp|serving|sandbox|tests)\b", re.MULTILINE)


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_finds_the_code_that_it_measures(name: str) -> None:
    code = (ROOT / "benchmarks" / name).read_text("utf-8")
    needed = OURS.search(code)
    assert needed is None or "sys.path.insert(" in code[: needed.start()]
