"""Writes requirements/locked-*.txt: all that web, serving, trainer, video and dev need, each version with the SHA-256 of every file that
the package index publishes for it. Run by `make pins`.

One list serves each platform and Python that Maquette supports, so that all have the same versions and pip checks each file
whatever the machine. torch has another build for each kind of machine, some from an index of their own, so it and what only its
CUDA build brings have lists of their own: locked-torch.txt the builds of the package index, locked-torch-cpu.txt those of PyTorch's
index of CPU builds that were installed where `make pins` ran. install_torch.py takes the one that fits the machine.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from install_torch import condition

FOLDER = Path(__file__).resolve().parent
SETS = ("web", "serving", "trainer", "video", "dev")
PYTHONS = ("3.11", "3.15")  # from, and before
SYSTEMS = ("linux", "darwin")
USUAL = f"python_full_version < '{PYTHONS[1]}'", "(sys_platform == 'darwin' or sys_platform == 'linux')"
"""Conditions that hold wherever Maquette runs."""
MACHINES = f" ; {USUAL[0]} and ((platform_machine == 'AMD64'"
"""So begins a list of all the processors that there are wheels for."""
OF_TORCH = re.compile(r"(torch|triton)==|(nvidia|cuda)-")
PROJECT = """[project]
name = "maquette"
version = "0"
requires-python = ">={oldest}"
[tool.uv]
environments = [{environments}]
"""
HEADER = """# Written by `make pins` from {name}.txt and constraints.txt; do not edit. Installed with
#   pip install --require-hashes --no-deps --only-binary :all: -r requirements/locked-{name}.txt
# torch comes after it, by requirements/install_torch.py.
"""
HEADER_OF_TORCH = """# Written by `make pins`; do not edit. Installed by requirements/install_torch.py
#   where pip would take {builds}.
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        environments = ", ".join(f"\"sys_platform == '{name}' and {USUAL[0]}\"" for name in SYSTEMS)
        project = PROJECT.format(oldest=PYTHONS[0], environments=environments)
        (Path(folder) / "pyproject.toml").write_text(project)
        found = {name: blocks(resolved(name, folder)) for name in SETS}
    for name, lines in found.items():
        write(f"locked-{name}.txt", HEADER.format(name=name), [line for line in lines if not OF_TORCH.match(line)])
    torch = [line for line in found["trainer"] if OF_TORCH.match(line)]
    write("locked-torch.txt", HEADER_OF_TORCH.format(builds="the build of the package index"), torch)
    keep_cpu_build()
    return 0


def write(name: str, header: str, lines: list[str]) -> None:
    (FOLDER / name).write_text(header + "".join(lines))


def keep_cpu_build() -> None:
    """Adds the CPU build that pip finds here, if it finds one, to those of the same version that are known."""
    target = FOLDER / "locked-torch-cpu.txt"
    known = blocks(target.read_text()) if target.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        asked = ("--dry-run", "--no-deps", "--ignore-installed", "--report", report, "-c", FOLDER / "constraints.txt")
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *asked, "torch"], check=True)
        (build,) = json.loads(report.read_text())["install"]
    version = build["metadata"]["version"]
    lines = set(known)
    if version.endswith("+cpu"):
        digest = build["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.add(f"torch=={version} ; {condition()} \\\n    --hash=sha256:{digest}\n")
    plain = version.partition("+")[0]
    header = HEADER_OF_TORCH.format(builds="a CPU build")
    write(target.name, header, sorted(line for line in lines if line.startswith(f"torch=={plain}+")))


def resolved(name: str, folder: str) -> str:
    """What uv finds for a set, on all platforms at once; it reads the index's metadata and downloads no package."""
    uv = Path(sys.executable).with_name("uv")
    command = ["pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate"]
    source = ["--python-version", PYTHONS[0], "--only-binary", ":all:", str(FOLDER / f"{name}.txt")]
    done = subprocess.run([uv, *command, *source], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def blocks(text: str) -> list[str]:
    """One requirement each, with its hashes; without the conditions that always hold."""
    found = re.findall(r"^\w.*\n(?: +.*\n?)*", text, re.M)
    return [re.sub(r"^(.*?)( ; .*?)( \\)$", plain, block, count=1, flags=re.M) for block in found]


def plain(line: re.Match[str]) -> str:
    name, condition, end = line.groups()
    if condition.startswith(MACHINES):
        return name + end
    kept = [part for part in re.split(r" and (?![^(]*\))", condition[3:]) if part not in USUAL]
    return name + (" ; " + " and ".join(kept) if kept else "") + end


if __name__ == "__main__":
    sys.exit(main())
