"""requirements/locked-*.txt: every version has its hashes, nothing is missing that another needs, and nobody installs around them."""

import re
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
"""What has another build for each kind of machine."""


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


@on_every_set
def test_every_version_has_its_hashes(name: str) -> None:
    assert len(locked(name)) > 30
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
        if (package, extra) in seen or TORCH.match(package):
            continue
        seen.add((package, extra))
        assert package in locked(name), f"{package}: {RENEW}"
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


def test_torch_is_pinned_and_in_no_list() -> None:
    assert "torch" in pinned()
    assert not [package for name in SETS for package in locked(name) if TORCH.match(package)]


def test_no_list_names_an_index() -> None:
    text = "".join(path.read_text() for path in FOLDER.glob("*.txt"))
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


@pytest.mark.parametrize("path", ["bootstrap", "Dockerfile"])
def test_all_is_installed_by_the_lists_but_torch(path: str) -> None:
    text = (ROOT / path).read_text().replace("\\\n", " ")
    installs = re.findall(r"^ *install \".*|pip install .*?(?=&&|$)", text, re.M)
    installs = [line for line in installs if '"$@"' not in line]  # what the others go through
    assert len(installs) >= 3
    for line in installs:
        assert ("locked-" in line and "$checked" in line.lower()) or line.rstrip().endswith("constraints.txt torch"), (
            line
        )
    assert "--require-hashes --no-deps --only-binary" in text
