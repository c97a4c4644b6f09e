"""`make sbom` and `deploy/pin-images`: what is released, by name, version and hash."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from tests.ops.test_pins import SETS, locked, pinned

ROOT = Path(__file__).resolve().parents[2]
MOMENT = {"SOURCE_DATE_EPOCH": "1700000000", "PATH": "/usr/bin:/bin"}


def written(target: Path) -> bytes:
    command = [sys.executable, "deploy/sbom.py", str(target)]
    subprocess.run(command, cwd=ROOT, env=MOMENT, check=True, capture_output=True)
    return target.read_bytes()


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return json.loads(written(tmp_path_factory.mktemp("sbom") / "sbom.json"))


def schema(name: str) -> Any:
    """CycloneDX's own, as the library of its makers carries it."""
    return json.loads(
        resources.files("cyclonedx").joinpath(f"schema/_res/{name}.SNAPSHOT.schema.json").read_text("utf-8")
    )


def test_it_holds_to_the_schema(bill: dict[str, Any]) -> None:
    parts = {name: schema(name) for name in ("spdx", "jsf-0.82")}
    named = [(f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", part) for name, part in parts.items()]
    registry = Registry().with_resources([(name, Resource.from_contents(part)) for name, part in named])
    validator = jsonschema.Draft7Validator(schema("bom-1.6"), registry=registry)
    assert [error.message for error in validator.iter_errors(bill)] == []
    assert list(validator.iter_errors(bill | {"components": [{"type": "library"}]})), "else it would prove nothing"


def test_every_library_that_is_installed_is_in_it_with_its_hashes(bill: dict[str, Any]) -> None:
    components = {one["name"]: one for one in bill["components"] if one["type"] == "library" and "purl" in one}
    parts = [*(part for part in SETS if part != "dev"), "torch"]
    assert set(components) == {name for part in parts for name in locked(part)}
    for name, one in components.items():
        (reference,) = one["externalReferences"]
        assert len(reference["hashes"]) == len(next(locked(part)[name] for part in parts if name in locked(part))[1])
    assert components["torch"]["version"] == pinned()["torch"]
    here = [one for name, one in components.items() if name not in locked("torch") or name == "torch"]
    assert len([one for one in here if one.get("licenses")]) > 0.95 * len(here), (
        "CUDA's libraries are not installed everywhere"
    )


def test_so_is_what_lies_in_the_repository(bill: dict[str, Any]) -> None:
    paths = {one["bom-ref"] for one in bill["components"] if not one.get("purl")}
    lying = [*(ROOT / "static/vendor").iterdir(), *(ROOT / "static/fonts").iterdir()]
    assert paths == {path.relative_to(ROOT).as_posix() for path in lying if path.suffix != ".txt"}


def test_who_needs_whom_is_told(bill: dict[str, Any]) -> None:
    refs = {one["bom-ref"] for one in bill["components"]} | {"maquette"}
    needed = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert {ref for names in needed.values() for ref in names} <= refs
    assert any(ref.startswith("pkg:pypi/django@") for ref in needed["maquette"])
    assert any(
        ref.startswith("pkg:pypi/sqlparse@")
        for name, names in needed.items()
        if "pypi/django@" in name
        for ref in names
    )


def test_it_can_be_made_again(tmp_path: Path) -> None:
    assert written(tmp_path / "one.json") == written(tmp_path / "two.json")


ENGINE = """#!/bin/sh
case $1 in
pull) exit 0 ;;
image) for name; do :; done; echo "example.test/${name%%:*}@sha256:$(printf %s "$name" | sha256sum | cut -c1-64)" ;;
esac
"""


def test_images_are_pinned_by_what_the_registry_says(tmp_path: Path) -> None:
    target = ROOT / "deploy/pinned-images.yml"
    assert not target.exists(), "an earlier one would be overwritten"
    engine = tmp_path / "engine"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    try:
        subprocess.run(
            ["deploy/pin-images"], cwd=ROOT, env={"PATH": "/usr/bin:/bin", "ENGINE": str(engine)}, check=True
        )
        services = yaml.safe_load(target.read_text())["services"]
    finally:
        target.unlink(missing_ok=True)
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, service in compose.items():
        if not service["image"].startswith("maquette-"):
            tag, _at, digest = services[name]["image"].partition("@sha256:")
            assert len(digest) == 64
            assert f"_IMAGE:-{tag}@sha256:" in service["image"], "the same tag, another build"
        if "build" in service:
            assert services[name]["build"]["args"]["PYTHON_IMAGE"].startswith("python:3.11")
            assert "@sha256:" in services[name]["build"]["args"]["PYTHON_IMAGE"]
    assert set(services) <= set(compose)


def test_without_an_engine_no_digest_is_invented(tmp_path: Path) -> None:
    done = subprocess.run(
        ["deploy/pin-images"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "ENGINE": "no-such"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 77
    assert "no container engine" in done.stderr
    assert not (ROOT / "deploy/pinned-images.yml").exists()
