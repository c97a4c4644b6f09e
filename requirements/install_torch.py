"""Installs PyTorch of the pinned version: the build that pip would take on this machine, checked against a hash of ours.

    python requirements/install_torch.py [address of an index of other builds, such as PyTorch's own of CPU builds]

Standard output is for people, standard error for the log. Runs before anything else is there: the standard library and pip alone.
"""

import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CONSTRAINTS = str(FOLDER / "constraints.txt")
CHECKED = ("--require-hashes", "--no-deps", "--only-binary", ":all:")
UNKNOWN = (
    "  No hash of PyTorch {version} for Python {python} on {machine} is in requirements/. It is checked against the hash"
    " of the index that it comes from, if that tells one."
)


def main(index: str = "") -> int:
    source = ("--extra-index-url", index) if index else ()
    version = offered(source)
    if version is None:  # it is there
        return 0
    if (path := list_of(version)) is not None:
        return pip("install", *CHECKED, *source, "-r", str(path)).returncode
    here = {"python": platform.python_version(), "machine": f"{sys.platform} {platform.machine()}"}
    sys.stdout.write(UNKNOWN.format(version=version, **here) + "\n")
    sys.stdout.flush()
    return pip("install", *source, "-c", CONSTRAINTS, f"torch=={version}").returncode


def offered(source: tuple[str, ...]) -> str | None:
    """The version of the build that pip would install, such as `2.13.0+cpu`; None if the pinned one is installed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        asked = ("--dry-run", "--no-deps", "--report", str(report), *source, "-c", CONSTRAINTS, "torch")
        if failed := pip("install", *asked).returncode:
            sys.exit(failed)
        found = json.loads(report.read_text("utf-8"))["install"]
    return str(found[0]["metadata"]["version"]) if found else None


def list_of(version: str) -> Path | None:
    """The list that has the hashes of a build: the package index's own builds on every machine, CPU builds where they were tried."""
    _, _, label = version.partition("+")
    path = FOLDER / f"locked-torch{f'-{label}' if label else ''}.txt"
    wanted = f"torch=={version}" + (f" ; {condition()} " if label else " ")
    return path if path.exists() and f"\n{wanted}" in path.read_text("utf-8") else None


def condition() -> str:
    """This Python and machine, as the list of CPU builds names them."""
    major, minor = sys.version_info[:2]
    named = (
        ("python_version", f"{major}.{minor}"),
        ("sys_platform", sys.platform),
        ("platform_machine", platform.machine()),
    )
    return " and ".join(f"{name} == '{value}'" for name, value in named)


def pip(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check", "--no-input"]
    return subprocess.run(command, stdout=sys.stderr, check=False)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
