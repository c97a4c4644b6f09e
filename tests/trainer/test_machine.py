"""A container, or a service with limits, has less memory and fewer processors than its machine: version 2 and 1 of control
groups, each as the kernel writes its files."""

from pathlib import Path

import pytest

from trainer import machine
from trainer.learning import memory

MIB = 2**20


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of control groups of a machine that has none, and this process in none."""
    monkeypatch.setattr(machine, "CONTROL_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.delenv(machine.GIVEN, raising=False)
    return tmp_path / "cgroup"


VERSION_2 = {
    "memory.max": f"{100 * MIB}\n",
    "memory.current": f"{70 * MIB}\n",
    "memory.stat": f"anon 5\ninactive_file {20 * MIB}\nactive_file 7\n",
    "cpu.max": "150000 100000\n",
}
VERSION_1 = {
    "memory": {
        "memory.limit_in_bytes": f"{100 * MIB}\n",
        "memory.usage_in_bytes": f"{70 * MIB}\n",
        "memory.stat": f"inactive_file 1\ntotal_inactive_file {20 * MIB}\n",
    },
    "cpu": {"cpu.cfs_quota_us": "150000\n", "cpu.cfs_period_us": "100000\n"},
}


def test_a_machine_without_limits(groups: Path) -> None:
    assert machine.memory_bytes() > machine.free_memory_bytes() > 100 * MIB
    assert machine.cores() >= 1
    write(groups, {"memory.max": "max\n", "memory.current": "5\n", "cpu.max": "max 100000\n"})
    assert machine.memory_bytes() > 100 * MIB


@pytest.mark.parametrize("place", ["", "system.slice/maquette.service", "system.slice"])
def test_a_container_of_version_2(place: str, groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees its own group as the root; a service sees it where its line of /proc says, and those around it bound it too."""
    write(groups / place, VERSION_2)
    machine.OWN_GROUPS.write_text("0::/system.slice/maquette.service\n")
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    assert machine.memory_bytes() == 100 * MIB
    assert machine.free_memory_bytes() == 50 * MIB, "what the kernel keeps of files it gives up when asked"
    assert machine.cores() == 2


@pytest.mark.parametrize("place", ["", "docker/0123"])
def test_a_container_of_version_1(place: str, groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for controller, files in VERSION_1.items():
        write(groups / controller / place, files)
    machine.OWN_GROUPS.write_text("5:memory:/docker/0123\n4:cpu,cpuacct:/docker/0123\n3:pids:/\n")
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    assert (machine.memory_bytes(), machine.free_memory_bytes(), machine.cores()) == (100 * MIB, 50 * MIB, 2)


def test_version_1_without_limits(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(groups / "memory", {"memory.limit_in_bytes": f"{2**63 - 4096}\n", "memory.usage_in_bytes": "5\n"})
    write(groups / "cpu", {"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"})
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    assert machine.memory_bytes() < 2**50
    assert machine.cores() == 8


def test_a_confined_process_is_told_its_group(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(groups / "maquette", VERSION_2)
    machine.OWN_GROUPS.write_text("0::/\n")
    monkeypatch.setenv(machine.GIVEN, "0::/maquette\n")
    assert machine.memory_bytes() == 100 * MIB


def test_learning_asks_for_what_its_container_has(groups: Path) -> None:
    class Job:
        class device:  # noqa: N801
            count = 0

    write(groups, VERSION_2)
    assert memory.free_bytes(Job) == 50 * MIB  # type: ignore[arg-type]


def test_nobody_else_asks_the_machine() -> None:
    """Figures of the whole machine are wrong in a container, so one module asks for them."""
    root = Path(machine.__file__).parents[1]
    asked = ("virtual_memory", "cpu_count", "sched_getaffinity", "/proc/meminfo")
    asking = [
        str(path.relative_to(root))
        for folder in ("trainer", "webapp", "serving", "sandbox")
        for path in (root / folder).rglob("*.py")
        if any(word in path.read_text("utf-8") for word in asked)
    ]
    assert asking == ["trainer/machine.py"]
