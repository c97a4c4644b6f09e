"""docker-compose.yml against the Compose specification's own JSON schema, and the settings against their one table.

The schema is the one that the package check-jsonschema carries. Nothing is built here: `deploy/check` does that.
"""

import json
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NAME = r"[A-Z][A-Z0-9_]+"
# Set by the project itself or by the system, for nobody to change.
INNER = {
    "DJANGO_SETTINGS_MODULE",
    "XDG_RUNTIME_DIR",
    "TOKENIZERS_PARALLELISM",
    "HF_HUB_DISABLE_PROGRESS_BARS",
    "TRANSFORMERS_VERBOSITY",
    "OMP_WAIT_POLICY",
    "TORCH_CPP_LOG_LEVEL",
    "MAQUETTE_SHARED",
    # In the lines that people copy to ask an endpoint.
    "MAQUETTE_KEY",
    # The site gives it to its reader.
    "MAQUETTE_PSEUDONYM_KEY",
    # The images of other projects read these.
    "POSTGRES_USER",
    "POSTGRES_DB",
    "REDISCLI_AUTH",
}


@pytest.fixture(scope="module")
def validator() -> jsonschema.protocols.Validator:
    text = resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text()
    schema = json.loads(text)
    return jsonschema.validators.validator_for(schema)(schema)


def test_the_compose_file_holds_to_the_specification(validator: jsonschema.protocols.Validator) -> None:
    assert not list(validator.iter_errors(COMPOSE))


@pytest.mark.parametrize(
    "service", [{"image": "x", "restarts": "always"}, {"healthcheck": {"tests": []}}, {"deploy": {"resource": {}}}]
)
def test_the_schema_does_refuse(validator: jsonschema.protocols.Validator, service: dict[str, Any]) -> None:
    """Else the test above would prove nothing."""
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"services": {"web": service}})


def test_the_full_set_is_there() -> None:
    wanted = {
        "web",
        "worker",
        "reader",
        "train",
        "train-gpu",
        "beat",
        "serving",
        "postgres",
        "valkey",
        "caddy",
        "migrate",
    }
    assert set(SERVICES) == wanted
    assert SERVICES["train-gpu"]["profiles"] == ["gpu"]
    (device,) = SERVICES["train-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia"
    assert device["capabilities"] == ["gpu"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_guarded(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"].get("test") or name == "migrate"
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert service["read_only"] is True
    assert re.fullmatch(r"\d+[mg]|\$\{\w+_CONTAINER_MEMORY:-(0|\d+g)\}", str(service["mem_limit"]))
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["cap_drop"] == ["ALL"]
    assert 0 < service["pids_limit"] <= 2048
    assert str(service["cpus"]) in ("0", "1") or re.fullmatch(r"\$\{\w+_CPUS:-0\}", service["cpus"])
    assert service["image"].partition(":")[2] not in ("", "latest")
    assert ("ports" in service) == (name == "caddy")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_a_service_waits_for_exists_and_can_become_true(name: str) -> None:
    for other, condition in SERVICES[name].get("depends_on", {}).items():
        if condition["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]
        else:
            assert condition["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no"


def test_networks_and_volumes_are_declared() -> None:
    for service in SERVICES.values():
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        named = {volume.split(":")[0] for volume in service.get("volumes", []) if not volume.startswith(("./", "/"))}
        assert named <= set(COMPOSE["volumes"])
    assert COMPOSE["networks"]["back"]["internal"] is True


def test_no_secret_is_written_down() -> None:
    for service in SERVICES.values():
        for key, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|AUTH", key) and value is not None:
                assert re.fullmatch(rf"\$\{{{NAME}:\?[^}}]+\}}", value), f"{key} must come from the environment"
            elif isinstance(value, str):
                assert not re.search(r"://\w*:(?!\$\{)[^/@]*@", value), f"{key} holds a password"


def dockerfile_stages() -> dict[str, list[str]]:
    stages: dict[str, list[str]] = {}
    current: list[str] = []
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if found := re.match(r"FROM \S+ AS (\S+)", line):
            current = stages.setdefault(found[1], [])
        current.append(line)
    return stages


def test_every_image_is_built_by_a_stage_that_runs_as_nobody() -> None:
    stages = dockerfile_stages()
    for service in SERVICES.values():
        if "build" in service:
            assert "USER maquette" in stages[service["build"]["target"]]


def test_the_dockerfile_copies_what_exists() -> None:
    """A source that is not a file, or that .dockerignore holds back, fails the build."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert source in allowed


DIGEST = r"[\w/.-]+:\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}"


def test_images_of_others_are_pinned_by_digest() -> None:
    """And each can be named otherwise, for a mirror or a newer build."""
    bases = re.findall(r"^ARG (\w+_IMAGE)=(\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    assert [name for name, image in bases if re.fullmatch(DIGEST, image)] == ["PYTHON_IMAGE"]
    others = {name: one["image"] for name, one in SERVICES.items() if not one["image"].startswith("maquette-")}
    for name, image in others.items():
        assert re.fullmatch(rf"\$\{{{name.upper()}_IMAGE:-{DIGEST}\}}", image), image
    assert set(others) == {"caddy", "postgres", "valkey"}
    assert re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.M)[:2] == ["${PYTHON_IMAGE}"] * 2


def test_each_build_takes_the_base_that_the_operator_names() -> None:
    builds = [service["build"] for service in SERVICES.values() if "build" in service]
    assert len(builds) == 4
    assert all("PYTHON_IMAGE" in build["args"] and build["args"]["PYTHON_IMAGE"] is None for build in builds)


def table() -> set[str]:
    rows = re.findall(rf"^\| (`{NAME}`(?:, `{NAME}`)*) \|", (ROOT / "docs/settings.md").read_text(), re.M)
    return {name for row in rows for name in re.findall(NAME, row)}


def read_by_code() -> set[str]:
    names = set()
    for folder in ("webapp", "serving", "trainer"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            names |= set(re.findall(rf"""environ(?:\.get|\.setdefault|\.pop)?[(\[]\s*["']({NAME})["']""", text))
            names |= set(re.findall(rf"""getenv\(\s*["']({NAME})["']""", text))
            names |= set(re.findall(rf"""\benv\.\w+\(\s*["']({NAME})["']""", text))
            names |= set(re.findall(rf"""\bnumber\(\s*["']({NAME})["']""", text))
            names |= set(re.findall(rf"""\bLimit\(\s*["']({NAME})["']""", text))
    return names


def used_by_compose() -> set[str]:
    text = (ROOT / "docker-compose.yml").read_text() + (ROOT / "Caddyfile").read_text()
    names = set(re.findall(rf"\$\{{({NAME})", text)) | set(re.findall(rf"\{{\$({NAME})\}}", text))
    for service in SERVICES.values():
        names |= set(service.get("environment") or {})
        names |= {key for key, value in service.get("build", {}).get("args", {}).items() if value is None}
    return names


def used_by_scripts() -> set[str]:
    text = (ROOT / "bootstrap").read_text() + (ROOT / "Makefile").read_text()
    names = set(re.findall(rf"\$[{{(](PYTHON|MAQUETTE_{NAME})", text))
    return names | set(re.findall(r"make run.* (VERBOSE)=", text))


def in_example() -> set[str]:
    return set(re.findall(rf"^#?({NAME})=", (ROOT / ".env.example").read_text(), re.M))


def test_every_setting_that_is_read_is_in_the_table() -> None:
    used = read_by_code() | used_by_compose() | used_by_scripts() | in_example()
    assert used - table() - INNER == set()


def test_every_setting_in_the_table_is_read() -> None:
    # Read by libraries and by docker compose, not by name in our code.
    elsewhere = {"HF_HUB_OFFLINE", "COMPOSE_PROFILES"}
    assert table() - read_by_code() - used_by_compose() - used_by_scripts() - elsewhere == set()


def test_caddy_listens_where_its_ports_are_mapped() -> None:
    """It listens on the port that PUBLIC_URL names, so a port on the host must lead to the same one inside."""
    caddyfile = (ROOT / "Caddyfile").read_text()
    for name, usual in (("HTTP_PORT", "80"), ("HTTPS_PORT", "443")):
        port = f"${{{name}:-{usual}}}"
        assert f"{port}:{port}" in SERVICES["caddy"]["ports"]
        assert SERVICES["caddy"]["environment"][name] == port
        assert re.search(rf"^\t{name.lower()} \{{\${name}:{usual}\}}$", caddyfile, re.M)


def test_the_images_of_others_are_tags_that_their_makers_publish() -> None:
    """Seen in the makers' own lists; a change here is looked up there first."""
    others = {service["image"] for service in SERVICES.values() if not service["image"].startswith("maquette-")}
    tags = {image.partition(":-")[2].partition("@")[0] for image in others}
    assert tags == {"caddy:2.10.2-alpine", "postgres:17.6-bookworm", "valkey/valkey:8.1"}


def test_each_image_is_built_by_one_service_and_pulled_by_none() -> None:
    """Two builds of one name at once end in "already exists" on the image store of newer Dockers, on a fresh machine only."""
    builders = [service["image"] for service in SERVICES.values() if "build" in service]
    assert len(builders) == len(set(builders))
    for service in SERVICES.values():
        if service["image"].startswith("maquette-"):
            assert service["image"] in builders
            assert ("build" in service) != (service.get("pull_policy") == "never")


def test_the_build_asks_no_registry_for_its_own_language() -> None:
    assert "# syntax=" not in (ROOT / "Dockerfile").read_text()


def test_the_check_says_what_a_machine_lacks(tmp_path: Path) -> None:
    """Without an engine it ends with 77: neither well nor ill."""
    (tmp_path / "python3").symlink_to(sys.executable)
    for name in ("sh", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    done = subprocess.run(
        [ROOT / "deploy/check"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (77, "")
    assert "There is no container engine here." in done.stdout


def test_caddy_bounds_each_body() -> None:
    text = (ROOT / "Caddyfile").read_text()
    blocks = re.findall(r"^\thandle (.*?)\{\n(.*?)^\t\}", text, re.M | re.S)
    bounds = {name.strip(): re.findall(r"max_size (\S+)", body) for name, body in blocks if "reverse_proxy" in body}
    assert bounds == {
        "/e/*": ["16MiB"],
        "@files": ["{$MAX_UPLOAD_MB:512}MiB"],
        "/uploads/*": ["17MiB"],
        "": ["5MiB"],
    }
    assert "read_header" in text
    assert "request_header -X-Maquette-*" in dict(blocks)["/e/* "]


def test_the_example_gives_all_that_compose_asks_for() -> None:
    required = set(re.findall(rf"\$\{{({NAME}):\?", (ROOT / "docker-compose.yml").read_text()))
    given = set(re.findall(rf"^({NAME})=$|^(PUBLIC_URL)=", (ROOT / ".env.example").read_text(), re.M))
    assert required == {name for pair in given for name in pair if name}


def test_what_is_passed_on_by_name_is_in_the_example() -> None:
    passed = {
        key
        for service in SERVICES.values()
        for key, value in (service.get("environment") or {}).items()
        if value is None
    }
    assert passed <= in_example()
