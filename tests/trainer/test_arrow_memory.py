"""What a large table took while it was read goes back to the system before more is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tests.trainer.test_data_inspect import ROOT
from trainer.data import languages, version
from trainer.data.inspect import inspect

BACKEND = "import pyarrow; from trainer.data.memory import use_frugal_pool; use_frugal_pool(); print(pyarrow.default_memory_pool().backend_name)"


def backend(**env: str) -> str:
    command = [sys.executable, "-c", BACKEND]
    done = subprocess.run(command, env=dict(os.environ) | env, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_readers_take_the_pool_that_returns_memory() -> None:
    if "jemalloc" not in pa.supported_memory_backends():
        pytest.skip("this build of Arrow has no jemalloc")
    assert backend() == "jemalloc"


def test_another_pool_may_be_chosen() -> None:
    assert backend(ARROW_DEFAULT_MEMORY_POOL="system") == "system"


@pytest.mark.parametrize("is_large", [False, True])
def test_the_tables_of_languages_are_kept_for_small_data_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    """70 MB that the copies of a large table need, and half a second that many small ones would each pay."""
    monkeypatch.setattr(version, "LARGE_BYTES", 1 if is_large else 1 << 30)
    path = tmp_path / "a.csv"
    texts = ["Where is my parcel, please?", "The invoice was paid twice", "I cannot log in any more"] * 10
    path.write_text("text,label\n" + "".join(f'"{text} {row}",{"abc"[row % 3]}\n' for row, text in enumerate(texts)))
    languages.load_identifier()
    inspect([path], tmp_path / "v1")
    assert languages.load_identifier.cache_info().currsize == (0 if is_large else 1)
    assert languages.detect_language("Where is my parcel, please? I ordered it last week.") == "English"
