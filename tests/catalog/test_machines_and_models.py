"""Which machines, base models and titles there are, from what lies on the disk and what workers say of themselves."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import translation

from trainer import roles, tasks
from webapp.catalog import hardware, hub, listing, local, titles

SLUGS = [task.slug for task in tasks.all()]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


# Machines


def worker(host: str, *kinds: str, run: str | None = None) -> dict[str, Any]:
    devices = [{"kind": kind, "index": index, "name": kind} for index, kind in enumerate(kinds)]
    return {"host": host, "name": host, "devices": devices, "run": run}


@pytest.mark.parametrize(
    ("records", "options"),
    [
        ([], ["cpu", "gpu"]),
        ([worker("a", "cpu")], ["cpu", "gpu"]),
        ([worker("a", "gpu")], ["cpu", "gpu"]),
        ([worker("a", "gpu", "gpu")], ["cpu", "gpu", "gpu:2"]),
        ([worker("a", "gpu"), worker("b", "gpu")], ["cpu", "gpu"]),
        ([worker("a", *["gpu"] * 7)], ["cpu", "gpu", "gpu:2", "gpu:4"]),
        ([worker("a", *["gpu"] * 8)], ["cpu", "gpu", "gpu:2", "gpu:4", "gpu:8"]),
        ([worker("a", *["gpu"] * 8), worker("a", *["gpu"] * 8)], ["cpu", "gpu", "gpu:2", "gpu:4", "gpu:8"]),
        ([{"host": "a"}], ["cpu", "gpu"]),
    ],
)
def test_a_run_may_ask_for_as_many_as_one_machine_has(records: list[dict[str, Any]], options: list[str]) -> None:
    assert hardware.options(records) == options


def test_a_device_that_two_workers_share_counts_once() -> None:
    records = [worker("a", "gpu", "gpu"), worker("a", "gpu"), worker("b", "cpu", "gpu")]
    assert hardware.gpu_count(records) == 3
    places = [(device["host"], device["kind"], device["index"]) for device in hardware.devices(records)]
    assert places == [("a", "gpu", 0), ("a", "gpu", 1), ("b", "cpu", 0), ("b", "gpu", 1)]


@pytest.mark.parametrize(
    ("run", "own", "busy", "told"),
    [("r1", {"r1"}, True, "r1"), ("r1", {"r2"}, True, None), ("r1", set(), True, None), (None, {"r1"}, False, None)],
)
def test_others_learn_that_a_worker_is_busy_and_not_with_what(
    run: str | None, own: set[str], busy: bool, told: str | None
) -> None:
    (shown,) = hardware.as_tenants_see([worker("a", run=run)], own)
    assert (shown["busy"], shown["run"]) == (busy, told)


# What was fetched from the hub


def fetched(home: Path, name: str, *files: str) -> Path:
    folder = home / "hub" / f"models--{name.replace('/', '--')}"
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    snapshot = folder / "snapshots" / "abc"
    snapshot.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files):
        (folder / "blobs" / str(number)).write_bytes(b"x" * 1000)
        (snapshot / file).symlink_to(folder / "blobs" / str(number))
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (*hub.PROXIES, "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    return tmp_path


def test_a_file_counts_once_however_many_snapshots_link_to_it(home: Path) -> None:
    assert (hub.downloaded(), hub.downloaded_bytes(), hub.size_words()) == ([], 0, "")
    folder = fetched(home, "a/b", "config.json", "model.safetensors")
    again = folder / "snapshots" / "def"
    again.mkdir()
    (again / "model.safetensors").symlink_to(folder / "blobs" / "1")
    assert hub.downloaded_bytes() == 2000
    assert hub.size_words().startswith("1 model downloaded")
    fetched(home, "c")
    assert hub.size_words().startswith("2 models downloaded")


@pytest.mark.parametrize(
    ("ref", "is_there"),
    [
        ("hub:a/b", True), ("hub:a/b@main", True), ("hub:a/c", False), ("hub:half/done", False), ("hub:", False),
        ("hub:../../etc", False), ("hub:*", False),
    ],
)  # fmt: skip
def test_a_model_is_there_with_its_weights(ref: str, is_there: bool, home: Path) -> None:
    fetched(home, "a/b", "config.json", "model.safetensors")
    fetched(home, "half/done", "config.json")
    assert hub.is_downloaded(ref) is is_there


def test_the_cache_may_lie_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.cache_folder() == home / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", "~/models")
    assert hub.cache_folder() == Path.home() / "models"


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("", False)])
def test_offline_is_a_word_of_the_environment(
    value: str, offline: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:1")  # asked by way of which, nobody is asked here
    assert hub.is_offline() is offline
    assert hub.is_reachable() is not offline


def test_the_hub_is_asked_once_a_minute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr(hub, "connects", lambda place: bool(asked.append(place)))
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.invalid")
    assert [hub.is_reachable() for _ in range(3)] == [False] * 3
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.invalid:8443")
    hub.is_reachable()
    assert asked == [("mirror.invalid", 80), ("mirror.invalid", 8443)]
    cache.clear()


# Models in a folder of one's own


def own_model(root: Path, name: str, config: object, *files: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    for file in files:
        (folder / file).write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("files", "preparing", "modality"),
    [
        (["tokenizer.json"], None, "text"),
        (["vocab.txt"], None, "text"),
        (["tokenizer.json"], {}, "audio"),
        ([], {"feature_extractor_type": "Wav2Vec2FeatureExtractor"}, "audio"),
        ([], {"feature_extractor_type": "ViT", "image_processor_type": "ViTImageProcessor"}, "image"),
        ([], {"image_processor_type": "ViTImageProcessor"}, "image"),
        ([], None, "image"),
    ],
)
def test_what_a_model_reads_by_what_prepares_its_inputs(
    files: list[str], preparing: dict[str, Any] | None, modality: str, tmp_path: Path
) -> None:
    folder = own_model(tmp_path, "m", {}, *files)
    if preparing is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(preparing))
    assert local.modality_of(folder) == modality


@pytest.mark.parametrize(
    "config", ["", "{", "[]", "null", "\udcff", '{"model_type": null}', '{"model_type": "brand-new"}']
)
def test_a_configuration_that_says_nothing_is_no_fault(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = own_model(tmp_path, "odd", {})
    (folder / "config.json").write_bytes(config.encode(errors="surrogateescape"))
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", os.pathsep.join(["", str(tmp_path), str(tmp_path / "nowhere")]))
    (card,) = local.all_local_models()
    assert (card["ref"], card["parameters"], card["tasks"]) == ("local:odd", 0, [])


def test_a_model_takes_at_least_something(tmp_path: Path) -> None:
    folder = own_model(tmp_path, "m", {"model_type": "bert"})
    assert local.card(folder).memory_bytes == local.LEAST_MEMORY
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(2**30)  # without taking it of the disk
    card = local.card(folder)
    assert card.parameters == 2**30 // 4
    assert card.memory_bytes == 5 * 2**30


# The list of models, and titles


@pytest.mark.parametrize(
    ("search", "is_found"),
    [("minilm", True), ("MINILM", True), ("minilm all", True), ("minilm zzz", False), ("  ", True), ("<b>", False)],
)
def test_models_are_searched_by_all_words(search: str, is_found: bool, home: Path) -> None:
    refs = [model["ref"] for group in listing.listed(search) for model in group["models"]]
    assert ("bundled:all-MiniLM-L6-v2" in refs) is is_found


def test_a_group_without_a_model_is_left_out(home: Path) -> None:
    assert listing.listed("no-such-model-anywhere") == []
    assert all(group["models"] for group in listing.listed())


@pytest.mark.parametrize("slug", SLUGS)
def test_every_task_and_method_has_its_words_in_both_languages(slug: str) -> None:
    declared = tasks.get(slug)
    for language in ("en", "zh-hans"):
        with translation.override(language):
            assert titles.task_title(slug) not in ("", slug)
            for method in declared.methods:
                assert titles.method_title(slug, method.slug)
                assert titles.method_summary(slug, method.slug)
            assert all(titles.role_title(role.name) for role in declared.roles)
    assert titles.headline_of(slug) == declared.headline
    assert titles.reads_table(slug) == (declared.modality == "table")
    assert titles.reads_media(slug) == any(role.kind in ("image", "audio") for role in declared.roles)
    answers = {item["name"] for item in titles.widgets_of(slug)["inputs"]}
    assert declared.answer_role not in answers, "what is asked for is not typed"


@pytest.mark.parametrize("slug", ["no-such-task", "", None])
def test_what_is_not_known_here_is_named_by_its_slug(slug: str | None) -> None:
    assert titles.task_title(slug) == slug  # type: ignore[arg-type]
    assert titles.headline_of(slug) == "accuracy"  # type: ignore[arg-type]
    assert not titles.reads_table(slug)  # type: ignore[arg-type]
    assert not titles.reads_media(slug)  # type: ignore[arg-type]
    assert titles.widgets_of(slug)["widget_in"] == "text"  # type: ignore[arg-type]
    assert titles.method_title("text-classification", "no-such-method") == "no-such-method"
    assert titles.method_summary("text-classification", "no-such-method") == ""
    assert titles.role_title("no-such-role") == titles.column_role_title("no-such-role") == "no-such-role"


def test_roles_of_columns_have_titles() -> None:
    assert all(titles.column_role_title(role) not in ("", role) for role in roles.TITLES)


@pytest.mark.parametrize(
    ("ref", "title"),
    [
        ("hub:org/some-model", "some-model"), ("hub:org/some-model@v1", "some-model@v1"), ("local:mine", "mine"),
        ("odd", "odd"), ("", ""),
    ],
)  # fmt: skip
def test_a_model_that_no_task_declares_is_called_by_its_reference(ref: str, title: str) -> None:
    assert titles.model_title("text-classification", ref) == title


def test_a_net_has_its_name_in_the_readers_language() -> None:
    with translation.override("zh-hans"):
        assert titles.recipe_title("image-classification", "scratch:cnn-32-64-128", "scratch").startswith(
            "卷积网络 32-64-128"
        )


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("bundled:all-MiniLM-L6-v2 reads texts.", "all-MiniLM-L6-v2 reads texts."),
        ("hub:org/model@main, and local:mine", "org/model@main, and mine"),
        ("see http://x.example and note: this", "see http://x.example and note: this"),
        ("", ""),
    ],
)
def test_messages_name_models_without_their_shelf(message: str, shown: str) -> None:
    assert titles.without_references(message) == shown
