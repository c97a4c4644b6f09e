"""requirements/locked-*.txt: every version has its hashes, nothing is missing that another needs, and nobody installs around them."""

import os
import re
import subprocess
import sys
import zipfile
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name as canonical

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "requirements"
SETS = ("web", "serving", "trainer", "dev")
RENEW = "run `make pins`, or `.venv/bin/python requirements/lock.py` after a change by hand"
on_every_set = pytest.mark.parametrize("name", SETS)
TORCH = re.compile(r"(torch|triton)$|(nvidia|cuda)-")
"""What has another build for each kind of machine, and so lists of its own."""
INSTALL_TORCH = FOLDER / "install_torch.py"


@cache
def locked(name: str) -> dict[str, tuple[Requirement, list[str]]]:
    """By name: the requirement, and the hashes of its files."""
    found = {}
    for block in re.findall(r"^\w.*\n(?: +.*\n?)*", (FOLDER / f"locked-{name}.txt").read_text(), re.M):
        first, *rest = (line.strip().rstrip("\\").strip() for line in block.splitlines())
        requirement = Requirement(first)
        found[canonical(requirement.name)] = (requirement, rest)
    return found


def pinned() -> dict[str, str]:
    lines = (FOLDER / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonical(name): version for name, version in pairs}


def direct(name: str) -> set[str]:
    """Names in a set's own list and in those that it includes."""
    found: set[str] = set()
    for line in (FOLDER / f"{name}.txt").read_text().splitlines():
        if line.startswith("-r "):
            found |= direct(line[3:].removesuffix(".txt"))
        elif line and line[0].isalpha():
            found.add(canonical(Requirement(line).name))
    return found


@pytest.mark.parametrize("name", [*SETS, "video", "torch", "torch-cpu"])
def test_every_version_has_its_hashes(name: str) -> None:
    assert len(locked(name)) > {"video": 0, "torch": 15, "torch-cpu": 0}.get(name, 30)
    for package, (requirement, hashes) in locked(name).items():
        (only,) = requirement.specifier
        assert only.operator == "==", package
        assert hashes, package
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), package


@on_every_set
def test_the_versions_are_those_that_the_tests_passed_with(name: str) -> None:
    versions = pinned()
    for package, (requirement, _hashes) in locked(name).items():
        if package in versions:
            assert requirement.specifier.contains(versions[package], prereleases=True), f"{package}: {RENEW}"
        else:
            assert requirement.marker, f"{package} has no pin in constraints.txt: {RENEW}"


def test_every_pin_is_locked() -> None:
    assert {name for name in pinned() if not TORCH.match(name)} - set(locked("dev")) == set(), RENEW


@on_every_set
def test_nothing_that_is_asked_for_is_missing(name: str) -> None:
    assert direct(name) - set(locked(name)) - {"torch"} == set(), RENEW


@on_every_set
def test_nothing_that_another_needs_is_missing(name: str) -> None:
    """pip is told to install no dependency of its own accord, so that none comes without a hash."""
    roots = {one.name: one for one in requirements_of(name)}
    waiting = [(canonical(one.name), extra) for one in roots.values() for extra in ("", *one.extras)]
    seen = set()
    while waiting:
        package, extra = waiting.pop()
        if (package, extra) in seen or (TORCH.match(package) and package != "torch"):
            continue
        seen.add((package, extra))
        assert package in locked("torch" if package == "torch" else name), f"{package}: {RENEW}"
        for text in metadata.requires(package) or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(canonical(needed.name), one) for one in ("", *needed.extras)]
    assert len(seen) > 30


def requirements_of(name: str) -> list[Requirement]:
    """Those of a set that this machine needs."""
    found = []
    for line in (FOLDER / f"{name}.txt").read_text().splitlines():
        if line.startswith("-r "):
            found += requirements_of(line[3:].removesuffix(".txt"))
        elif line and line[0].isalpha():
            one = Requirement(line)
            found += [one] if one.marker is None or one.marker.evaluate() else []
    return found


def test_torch_is_pinned_and_has_lists_of_its_own() -> None:
    assert not [package for name in SETS for package in locked(name) if TORCH.match(package)]
    for name in ("torch", "torch-cpu"):
        requirement, _ = locked(name)["torch"]
        assert requirement.specifier.contains(pinned()["torch"] + ("+cpu" if name == "torch-cpu" else "")), RENEW
    assert set(locked("torch-cpu")) == {"torch"}
    assert all(TORCH.match(package) for package in locked("torch"))


def test_the_index_s_build_has_a_hash_for_every_machine() -> None:
    """From Python 3.11 to 3.14, on Linux with both processors and on macOS: as many files at least."""
    assert len(locked("torch")["torch"][1]) >= 4 * 3


def wheel(folder: Path, version: str, name: str = "torch") -> None:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        info = f"{name}-{version}.dist-info"
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
        file.writestr(f"{name}/__init__.py", "")


def install_torch(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Into a folder, from the wheels in another; no network."""
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels"), "PIP_TARGET": str(tmp_path / "target")}
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull, **pip}
    return subprocess.run([sys.executable, INSTALL_TORCH], env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("label", ["", "+cpu"])
def test_another_file_under_the_name_of_torch_is_refused(tmp_path: Path, label: str) -> None:
    if label and "linux" not in sys.platform:
        pytest.skip("the list of CPU builds is of Linux")
    for name, (requirement, _hashes) in locked("torch").items():
        (pin,) = requirement.specifier
        wheel(tmp_path / "wheels", pin.version + (label if name == "torch" else ""), name.replace("-", "_"))
    done = install_torch(tmp_path)
    if label and not this_build_is_listed():
        pytest.skip("the list of CPU builds has none for this Python and machine")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "target").exists()
    assert done.stdout == ""


def this_build_is_listed() -> bool:
    marker = locked("torch-cpu")["torch"][0].marker
    return marker is not None and marker.evaluate()


def test_a_build_that_no_list_knows_is_installed_with_a_sentence(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", pinned()["torch"] + "+cu999")
    done = install_torch(tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"No hash of PyTorch {pinned()['torch']}+cu999 for Python 3" in done.stdout
    assert (tmp_path / "target/torch").is_dir()


def test_a_list_of_another_version_is_not_taken(tmp_path: Path) -> None:
    """After a new pin, the CPU builds of the version before are known no more."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import install_torch; print(install_torch.list_of(sys.argv[2]))"
    )
    for version in ("9.9.9", "9.9.9+cpu"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(FOLDER), version], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "None"


def test_a_build_of_another_version_is_not_taken(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "1.0.0")
    assert install_torch(tmp_path).returncode != 0
    assert not (tmp_path / "target").exists()


def test_no_list_names_an_index() -> None:
    text = "".join(path.read_text() for path in FOLDER.glob("*.txt"))
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


@pytest.mark.parametrize("path", ["bootstrap", "Dockerfile"])
def test_all_is_installed_by_the_lists(path: str) -> None:
    text = (ROOT / path).read_text().replace("\\\n", " ")
    installs = re.findall(r"^ *install \".*|pip install .*?(?=&&|$)", text, re.M)
    installs = [line for line in installs if '"$@"' not in line]  # what the others go through
    assert len(installs) >= 2
    for line in installs:
        assert "locked-" in line, line
        assert "$checked" in line.lower(), line
    assert "requirements/install_torch.py" in text
    assert "--require-hashes --no-deps --only-binary" in text
