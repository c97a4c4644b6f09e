"""A process of the tests that dies natively fails its test by name, and the others go on to the end."""

import subprocess
import sys
from pathlib import Path

from tests.scheduling import group_of
from tests.trainer.command import ROOT

DYING = """
import os
def test_before(): pass
def test_dies(): os.abort()
def test_after(): pass
"""
LAST = """
import os
def test_lives(): pass
def test_dies_last(): os.abort()
"""


def test_a_process_that_dies_fails_its_test_and_the_session_ends(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_dying.py").write_text(DYING)
    (tmp_path / "test_last.py").write_text(LAST)
    line = "-p tests.scheduling -p no:django -p no:cacheprovider -n 2 --dist loadgroup --no-loadscope-reorder -q"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *line.split(), str(tmp_path)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1, done.stdout
    assert "2 failed, 3 passed" in done.stdout
    assert "crashed while running 'test_dying.py::test_dies'" in done.stdout
    assert "crashed while running 'test_last.py::test_dies_last'" in done.stdout


def test_files_with_a_running_site_share_one_for_browsers_and_one_without() -> None:
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    groups: dict[str, list[str]] = {}
    for file in files:
        groups.setdefault(group_of(file), []).append(file)
    assert "tests/browser/test_loop.py" in groups["browser"]
    assert {"tests/runs/test_resilience.py", "tests/ops/test_chaos.py"} <= set(groups["site"])
