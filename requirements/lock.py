"""Writes requirements/locked-*.txt: all that web, serving, trainer, video and dev need, each version with the SHA-256 of every file that
the package index publishes for it. Run by `make pins`.

One list serves each platform and Python that Maquette supports, so that all have the same versions and pip checks each file
whatever the machine. torch has another build for each kind of machine, some from an index of their own, so it is not in them, nor
is what only its CUDA build brings; it is installed after the rest (./bootstrap, Dockerfile).
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

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
# torch comes after it, by its own line: requirements/lock.py says why.
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        environments = ", ".join(f"\"sys_platform == '{name}' and {USUAL[0]}\"" for name in SYSTEMS)
        project = PROJECT.format(oldest=PYTHONS[0], environments=environments)
        (Path(folder) / "pyproject.toml").write_text(project)
        for name in SETS:
            lines = "".join(block for block in blocks(resolved(name, folder)) if not OF_TORCH.match(block))
            (FOLDER / f"locked-{name}.txt").write_text(HEADER.format(name=name) + lines)
    return 0


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
