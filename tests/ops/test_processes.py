"""Which processes there are, and where a run for a GPU goes."""

from pathlib import Path

import pytest

from webapp.host import processes
from webapp.host.processes import Gpu, Place, find_gpus, programs, training
from webapp.host.supervisor import Program

PLACE = Place("127.0.0.1", 8000, "127.0.0.1", 8001, Path("/data"))
TRAINING_QUEUES = {"train-cpu", "train-gpu", "train-gpu-2", "train-gpu-4", "train-gpu-8"}


def queues(program: Program) -> set[str]:
    option = next(part for part in program.command if part.startswith("--queues="))
    return set(option.removeprefix("--queues=").split(","))


def test_one_worker_takes_every_training_queue_without_a_gpu() -> None:
    (worker,) = training([])
    assert queues(worker) == TRAINING_QUEUES
    assert worker.env["CUDA_VISIBLE_DEVICES"] == ""


def test_one_worker_a_gpu_each_pinned_to_its_own() -> None:
    workers = {worker.name: worker for worker in training([Gpu(n, "H100", 2**36) for n in range(4)])}
    assert set(workers) == {"train-cpu", *(f"train-gpu{n}" for n in range(4)), "train-2gpus", "train-4gpus"}
    assert [workers[f"train-gpu{n}"].env["CUDA_VISIBLE_DEVICES"] for n in range(4)] == ["0", "1", "2", "3"]
    assert workers["train-2gpus"].env["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert workers["train-cpu"].env["CUDA_VISIBLE_DEVICES"] == ""
    assert set().union(*map(queues, workers.values())) == TRAINING_QUEUES - {"train-gpu-8"}


def test_every_hardware_a_run_may_ask_for_has_a_queue_that_is_read() -> None:
    from webapp.runs.queues import QUEUES

    assert set(QUEUES) <= queues(training([])[0])


def test_the_whole_set() -> None:
    names = [program.name for program in programs(PLACE, [], ["redis-server"])]
    assert names == ["redis", "web", "serving", "worker", "reader", "train", "beat"]
    assert programs(PLACE, [], None)[0].name == "web"


def test_no_secret_is_in_a_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "very-secret")
    monkeypatch.setenv("REDIS_URL", "redis://:very-secret@127.0.0.1/0")
    assert "very-secret" not in repr(
        [program.command for program in programs(PLACE, [], ["redis-server", "redis.conf"])]
    )


def test_the_model_server_is_confined_and_signs_nothing() -> None:
    server = next(program for program in programs(PLACE, [], None) if program.name == "serving")
    assert server.command[1:3] == ["-m", "sandbox"]
    assert server.given is not None
    secrets = (
        "SECRET_KEY",
        "DATABASE_URL",
        "EMAIL_URL",
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "STORAGE_URL",
        "GITHUB_TOKEN",
    )
    assert [name for name in secrets if server.given(name)] == []
    assert all(map(server.given, ("REDIS_URL", "MAQUETTE_INTERNAL_TOKEN", "MAQUETTE_SERVING_MEMORY", "PATH")))


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The driver's tool, as it prints on a machine with two GPUs."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '0, NVIDIA H100, 81559, 4, 50'\necho '1, NVIDIA H100, [N/A], [N/A], [N/A]'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tool


def test_gpus_are_found_without_torch(nvidia_smi: Path) -> None:
    assert find_gpus() == [
        Gpu(0, "NVIDIA H100", 81559 * 2**20, 4 * 2**20, 0.5),
        Gpu(1, "NVIDIA H100"),
    ]


def test_hidden_gpus_stay_hidden(nvidia_smi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert [gpu.index for gpu in find_gpus()] == [1]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert find_gpus() == []


def test_a_broken_driver_is_no_gpu(nvidia_smi: Path) -> None:
    nvidia_smi.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert find_gpus() == []


def test_a_machine_without_a_device_has_no_gpu(nvidia_smi: Path) -> None:
    nvidia_smi.write_text("#!/bin/sh\necho 'No devices were found'\n")
    assert find_gpus() == []


def test_site_trainer_and_workers_list_the_same_gpus(nvidia_smi: Path) -> None:
    from trainer.hardware import describe
    from webapp.runs import worker

    first, second = worker.gpus()
    assert first == {
        "kind": "gpu",
        "index": 0,
        "name": "NVIDIA H100",
        "memory_total_bytes": 81559 * 2**20,
        "memory_used_bytes": 4 * 2**20,
        "utilisation": 0.5,
    }
    assert second["memory_total_bytes"] is None
    assert describe()["gpus"] == [first, second]


def test_one_module_reads_nvidia_smi() -> None:
    root = Path(__file__).resolve().parents[2]
    paths = [path for room in ("webapp", "trainer", "serving") for path in (root / room).rglob("*.py")]
    assert [path.name for path in paths if '"nvidia-smi"' in path.read_text("utf-8")] == ["gpus.py"]


def test_no_tool_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert processes.find_gpus() == []


def test_no_server_speaks_websockets() -> None:
    """Nothing here does: a handshake would reach Django, which takes it for a fault."""
    commands = {program.name: program.command for program in programs(PLACE, [], None)}
    assert all("--ws=none" in commands[name] for name in ("web", "serving"))
    dockerfile = (Path(__file__).resolve().parents[2] / "Dockerfile").read_text()
    servers = [line for line in dockerfile.splitlines() if line.startswith('CMD ["uvicorn"')]
    assert len(servers) == 2
    assert all('"--ws=none"' in line for line in servers)
