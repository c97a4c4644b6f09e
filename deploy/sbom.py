"""The bill of materials of what is released, as CycloneDX 1.6: `make sbom` writes sbom.json.

Every library of requirements/locked-*.txt but the test tools, with the hashes that its files are checked against; what is in
the repository itself; the images that docker-compose.yml names.
Licences and who needs whom come from the installed libraries, so it runs in .venv.
"""

import json
import os
import re
import sys
import uuid
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name as canonical

ROOT = Path(__file__).resolve().parents[1]
SETS = ("web", "serving", "trainer")
LISTS = {**{name: f"requirements/locked-{name}.txt" for name in SETS}, "torch": "requirements/locked-torch.txt"}
"""By the part of Maquette that needs them. Builds of torch from other indexes are other files of the same version."""
VENDORED = (
    ("library", "tus-js-client", "static/vendor/tus.min.js", "MIT"),
    ("file", "hanken-grotesk", "static/fonts/hanken-grotesk.woff2", "OFL-1.1"),
)
Component = dict[str, Any]


def main() -> int:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "sbom.json"
    target.write_text(json.dumps(bill(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{target}: {len(bill()['components'])} components")
    return 0


def bill() -> dict[str, Any]:
    libraries = sorted(library_components(), key=lambda one: one["name"])
    components = [*libraries, *vendored(), *images()]
    own = {
        "type": "application",
        "bom-ref": "maquette",
        "name": "maquette",
        "version": version(),
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    body = {"components": components, "dependencies": dependencies(libraries)}
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([own, body], sort_keys=True))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"timestamp": moment(), "component": own},
        **body,
    }


def version() -> str:
    return re.findall(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)[0]


def moment() -> str:
    """Now, or SOURCE_DATE_EPOCH for a file that can be made again byte for byte."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    return (datetime.fromtimestamp(int(seconds), UTC) if seconds else datetime.now(UTC)).isoformat(timespec="seconds")


def library_components() -> list[Component]:
    found: dict[str, Component] = {}
    for name, path in LISTS.items():
        for block in re.findall(r"^\w.*\n(?: +.*\n?)*", (ROOT / path).read_text(), re.M):
            requirement = Requirement(block.splitlines()[0].rstrip("\\"))
            hashes = [{"alg": "SHA-256", "content": digest} for digest in re.findall(r"sha256:([0-9a-f]{64})", block)]
            one = found.setdefault(canonical(requirement.name), library(requirement))
            one["externalReferences"] = [{"type": "distribution", "url": path, "hashes": hashes}]
            one["properties"].append({"name": "maquette:part", "value": name})
    return list(found.values())


def library(requirement: Requirement) -> Component:
    name = canonical(requirement.name)
    (pin,) = requirement.specifier
    purl = f"pkg:pypi/{name}@{pin.version}"
    component = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": pin.version,
        "purl": purl,
        "properties": [],
    }
    return component | ({"licenses": licences} if (licences := licences_of(name)) else {})


def licences_of(name: str) -> list[dict[str, Any]]:
    """As the library itself says: an SPDX expression, else its classifiers, else a short text."""
    try:
        said = metadata.metadata(name)
    except metadata.PackageNotFoundError:  # for another platform or Python
        return []
    if expression := said.get("License-Expression"):
        return [{"expression": expression}]
    classifiers = [
        line.rpartition(" :: ")[2] for line in said.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    text = (said.get("License") or "").strip()
    names = [one for one in classifiers if one != "OSI Approved"] or ([text] if 0 < len(text) < 80 else [])
    return [{"license": {"name": one}} for one in names]


def dependencies(libraries: list[Component]) -> list[dict[str, Any]]:
    """Who needs whom on this machine; what Maquette itself asks for stands under it."""
    refs = {one["name"]: one["bom-ref"] for one in libraries}
    direct = {canonical(Requirement(line).name) for name in SETS for line in lines_of(name)}
    found = [{"ref": "maquette", "dependsOn": sorted(refs[name] for name in direct if name in refs)}]
    return found + [
        {"ref": ref, "dependsOn": sorted(refs[one] for one in needs(name) if one in refs)} for name, ref in refs.items()
    ]


def lines_of(name: str) -> list[str]:
    lines = (ROOT / f"requirements/{name}.txt").read_text().splitlines()
    return [line for line in lines if line and line[0].isalpha()]


def needs(name: str) -> set[str]:
    try:
        texts = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return set()
    wanted = [Requirement(text) for text in texts]
    return {canonical(one.name) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})}


def vendored() -> list[Component]:
    """What lies in the repository, by its hash: no index knows it."""
    import hashlib

    found = []
    for kind, name, path, licence in VENDORED:
        digest = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
        found.append(
            {
                "type": kind,
                "bom-ref": path,
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "licenses": [{"license": {"id": licence}}],
                "properties": [{"name": "maquette:path", "value": path}],
            }
        )
    return found


def images() -> list[Component]:
    """Of others, as docker-compose.yml and the Dockerfile name them."""
    texts = [(ROOT / name).read_text() for name in ("docker-compose.yml", "Dockerfile")]
    names = re.findall(r"^ +image: \$\{\w+_IMAGE:-(\S+)\}$", texts[0], re.M) + re.findall(
        r"^ARG \w+_IMAGE=(\S+)", texts[1], re.M
    )
    found = []
    for whole in sorted(set(names)):
        name, tag, digest = re.fullmatch(r"([^:@]+):([^@]+)@sha256:([0-9a-f]{64})", whole).groups()  # type: ignore[union-attr]
        purl = f"pkg:docker/{name}@sha256%3A{digest}?tag={tag}"
        hashes = [{"alg": "SHA-256", "content": digest}]
        found.append(
            {"type": "container", "bom-ref": purl, "name": name, "version": tag, "purl": purl, "hashes": hashes}
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
