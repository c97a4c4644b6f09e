"""The sample sets: the same every time, and read as what they are."""

import hashlib
from pathlib import Path

import pytest

from trainer import samples
from trainer.data.inspect import inspect
from trainer.errors import SpecError


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_a_sample_is_read_as_its_task(tmp_path: Path, name: str) -> None:
    told = samples.write(name, tmp_path / f"{name}{samples.SAMPLES[name].ending}")
    found = inspect([Path(told["path"])], tmp_path / "version")
    assert found["suggestion"]["task"] == told["task"]
    assert found["rows"] == told["rows"]
    assert {role: found["suggestion"]["columns"][role] for role in told.get("columns", {})} == told.get("columns", {})
    assert [one["code"] for one in found["problems"] if one["severity"] == "error"] == []


@pytest.mark.parametrize("name", ["tones", "shapes", "harvest"])
def test_what_is_drawn_is_the_same_every_time(tmp_path: Path, name: str) -> None:
    digests = set()
    for turn in "ab":
        path = tmp_path / turn
        samples.write(name, path)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_an_unknown_sample(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no sample set") as raised:
        samples.write("nothing", tmp_path / "x")
    assert "harvest" in raised.value.hint
