"""What the train page offers and what it has selected: the recommended, then what did best on its validation rows."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from tests.pages.form_page import Page
from webapp.accounts.models import User, Workspace
from webapp.catalog import hub
from webapp.prototypes.models import Prototype
from webapp.runs import base_models
from webapp.runs.forms import LimitsForm
from webapp.runs.models import Run

Browser = Callable[[User], Client]
MINILM, LLAMA, BERT, ODD, MOBILENET = (
    "bundled:all-MiniLM-L6-v2",
    "local:a-llama",
    "local:bert",
    "local:odd",
    "local:mobilenet",
)
CONFIGS = {
    "a-llama": {"model_type": "llama", "architectures": ["LlamaForCausalLM"]},
    "bert": {"model_type": "bert"},
    "odd": {"model_type": "brand-new"},
    "mobilenet": {"model_type": "mobilenet_v2"},
}


@pytest.fixture(autouse=True)
def local_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, config in CONFIGS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(config))
        (tmp_path / name / "model.safetensors").write_bytes(bytes(400))
        if name != "mobilenet":
            (tmp_path / name / "tokenizer.json").write_text("{}")
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))


@pytest.fixture
def prototype(workspace: Workspace) -> Prototype:
    return things.prototype(workspace)


def of_task(prototype: Prototype, slug: str, columns: dict[str, str]) -> None:
    version = prototype.dataset.current
    version.profile |= {"suggestion": {"task": slug, "columns": columns, "sentence": ""}}
    version.save()


def refs(slug: str, workspace: Workspace) -> list[str]:
    return [one["ref"] for one in base_models.choices(slug, workspace)]


def shown(prototype: Prototype, client: Client, **query: str) -> tuple[str, dict[str, list[Any]]]:
    """The train page, and its radios by name."""
    answer = client.get(reverse("train", args=[prototype.pk]), query)
    assert answer.status_code == 200
    page = answer.content.decode()
    radios: dict[str, list[Any]] = {"model": [], "method": []}
    for one in next(form for form in Page(page).forms if any(field.name == "method" for field in form.fields)).fields:
        if one.name in radios and one.attrs.get("type") == "radio":
            radios[one.name].append(one)
    return page, radios


def selected(radios: list[Any]) -> list[str]:
    return [one.value for one in radios if "checked" in one.attrs]


def learned(prototype: Prototype, number: int, model: str, method: str, validation: float, test: float) -> Run:
    run = things.run(
        prototype, number, model=model, method=method, headline={"name": "accuracy", "value": test, "low": 0, "high": 1}
    )
    run.artifact.mkdir(parents=True)
    history = [{"name": "accuracy", "split": "validation", "step": 1, "epoch": 1, "value": validation}]
    (run.artifact / "manifest.json").write_text("{}")
    (run.artifact / "report.json").write_text(json.dumps({"history": history}))
    return run


def test_no_page_waits_for_the_bucket(
    prototype: Prototype, user: User, client_of: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports of runs whose artifacts are in the bucket alone choose nothing; those that are here still do."""
    here, gone = (
        learned(prototype, number, model, "full", validation, test=0.9)
        for number, model, validation in ((1, BERT, 0.8), (2, MINILM, 0.9))
    )
    shutil.rmtree(gone.artifact)
    Run.objects.filter(pk__in=(here.pk, gone.pk)).update(stored_at=timezone.now())
    settings.STORAGE_URL = "s3://models"
    for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    _page, radios = shown(prototype, client_of(user))
    assert selected(radios["model"]) == [BERT]


def test_only_what_can_do_the_task_is_offered(workspace: Workspace) -> None:
    texts, pictures = refs("text-classification", workspace), refs("image-classification", workspace)
    assert texts[0] == MINILM
    assert BERT in texts
    assert texts[-1] == ODD, "what nobody knows comes last"
    assert not {LLAMA, MOBILENET} & set(texts)
    assert pictures[0].startswith("scratch:")
    assert MOBILENET in pictures
    assert not {LLAMA, BERT, ODD} & set(pictures)


def test_the_recommended_model_is_selected_with_its_reason(
    prototype: Prototype, user: User, client_of: Browser
) -> None:
    page, radios = shown(prototype, client_of(user))
    assert selected(radios["model"]) == [MINILM]
    assert selected(radios["method"]) == ["probe"]
    assert page.partition('id="model-list"')[2].count(">Recommended<") == 1
    assert "Recommended because it is on this machine already" in page


def test_what_cannot_be_fetched_is_disabled_with_the_reason(
    prototype: Prototype, user: User, client_of: Browser
) -> None:
    page, radios = shown(prototype, client_of(user))
    barred = [one.value for one in radios["model"] if "disabled" in one.attrs]
    assert barred == ["hub:intfloat/multilingual-e5-small", "hub:answerdotai/ModernBERT-base"]
    assert page.count("Not downloaded") == 2
    assert page.count("This machine is offline (HF_HUB_OFFLINE).") == 2


def test_what_was_fetched_before_can_be_used_offline(tmp_path: Path, workspace: Workspace) -> None:
    ref = "hub:intfloat/multilingual-e5-small"
    folder = tmp_path / "home" / "hub" / "models--intfloat--multilingual-e5-small" / "snapshots" / "abc"
    assert not hub.is_downloaded(ref)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert not hub.is_downloaded(ref), "without its weights"
    (folder / "model.safetensors").write_bytes(b"x")
    card = next(one for one in base_models.choices("text-classification", workspace) if one["ref"] == ref)
    assert (card["badge"], card["unusable"]) == ("Downloaded", "")


def test_a_hub_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in hub.PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert not hub.is_reachable()
    assert base_models.availability("hub:a/b")["unusable"] == "The hub cannot be reached."


def test_the_best_by_validation_is_selected_not_the_best_by_test(
    prototype: Prototype, user: User, client_of: Browser
) -> None:
    learned(prototype, 1, MINILM, "probe", validation=0.8, test=0.99)
    learned(prototype, 2, BERT, "lora", validation=0.9, test=0.7)
    learned(prototype, 3, LLAMA, "full", validation=1.0, test=1.0)
    page, radios = shown(prototype, client_of(user))
    assert selected(radios["model"]) == [BERT]
    assert selected(radios["method"]) == ["lora"]
    assert page.count(">Best so far<") == 1


def test_what_is_asked_for_is_selected(prototype: Prototype, user: User, client_of: Browser) -> None:
    learned(prototype, 1, BERT, "lora", validation=0.9, test=0.7)
    _page, radios = shown(prototype, client_of(user), model=MINILM, method="full")
    assert (selected(radios["model"]), selected(radios["method"])) == ([MINILM], ["full"])
    _page, radios = shown(prototype, client_of(user), model="local:nowhere")
    assert selected(radios["model"]) == [MINILM]


def test_methods_that_cannot_work_are_disabled_with_one_reason(
    prototype: Prototype, user: User, client_of: Browser
) -> None:
    of_task(prototype, "audio-classification", {"audio": "text", "label": "label"})
    page, radios = shown(prototype, client_of(user))
    assert {one.value for one in radios["method"] if "disabled" in one.attrs} == {"probe", "lora", "full", "best"}
    assert selected(radios["method"]) == ["scratch"]
    assert page.count("no pretrained weights") == 1
    assert "Instant, Light, Standard" in page


@pytest.mark.parametrize("slug", ["audio-classification", "speech-recognition", "image-classification"])
def test_a_net_that_has_learned_nothing_is_trained_in_one_way(slug: str, prototype: Prototype) -> None:
    """“Standard” would be a second name of the same, and be told as the next thing to try."""
    model, method = base_models.recommended(slug, prototype.workspace)
    assert (model.split(":")[0], method) == ("scratch", "scratch")
    usable = [one["slug"] for one in base_models.method_choices(slug, model) if one["is_usable"]]
    assert usable == ["scratch"]
    assert base_models.method_for(slug, model, "full") == "scratch"


def test_tables_have_one_list(prototype: Prototype, user: User, client_of: Browser) -> None:
    of_task(prototype, "tabular-classification", {"target": "label"})
    _page, radios = shown(prototype, client_of(user))
    assert not radios["model"]
    assert selected(radios["method"]) == ["auto"]
    answer = client_of(user).post(reverse("train", args=[prototype.pk]), {"method": "boosting"})
    assert answer.status_code == 302
    run = prototype.runs.get()
    assert (run.method, run.model) == ("boosting", "scratch:auto")


@pytest.mark.parametrize(
    ("sent", "wrong", "error"),
    [
        ({"cap": "1,5"}, "cap", "not an amount"),
        ({"minutes": "soon"}, "minutes", "not an amount"),
        ({"seed": "-1"}, "seed", "greater than or equal to 0"),
        ({"param-epochs": "0"}, "param-epochs", "greater than or equal to 1"),
        ({"param-label_smoothing": "1"}, "param-label_smoothing", ""),
    ],
)
def test_a_refused_setting_stays_beside_its_field(
    sent: dict[str, str], wrong: str, error: str, prototype: Prototype, user: User, client_of: Browser
) -> None:
    path = reverse("train", args=[prototype.pk])
    kept = {"model": BERT, "method": "lora", "param-patience": "7", "cap": "2.50"} | sent
    answer = client_of(user).post(path, kept)
    page = answer.content.decode()
    form = next(one for one in Page(page).forms if any(field.name == wrong for field in one.fields))
    assert answer.status_code == 422
    assert error in Page(page).errors_of(form.field(wrong))
    assert form.field(wrong).value == sent[wrong]
    assert form.field("param-patience").value == "7"
    assert form.field("cap").value == kept["cap"]
    assert selected([one for one in form.fields if one.name == "model"]) == [BERT]
    assert selected([one for one in form.fields if one.name == "method"]) == ["lora"]
    assert len(re.findall("aria-invalid", page)) == 1
    assert not Run.objects.exists()


def test_under_folds_every_row_is_tested_once(prototype: Prototype, user: User, client_of: Browser) -> None:
    version = prototype.dataset.current
    version.profile["split"] |= {"folds": 5, "test": 0}
    version.save()
    page, _radios = shown(prototype, client_of(user))
    assert f"5-fold cross-validation: each of the {version.test_rows} rows is tested once" in page
    assert "same 0" not in page


def test_no_machine_is_offered_that_is_not_there(prototype: Prototype, user: User, client_of: Browser) -> None:
    page, _radios = shown(prototype, client_of(user))
    assert '<option value="cpu">' in page
    assert 'value="gpu' not in page


def test_a_model_that_cannot_be_had_is_refused_before_it_waits(
    prototype: Prototype, user: User, client_of: Browser
) -> None:
    sent = {"model": "hub:intfloat/multilingual-e5-small", "method": "probe", "cap": "2"}
    answer = client_of(user).post(reverse("train", args=[prototype.pk]), sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "is not downloaded, and this machine is offline" in Page(page).alerts[0]
    assert 'value="2"' in page
    assert not Run.objects.exists()


def test_the_score_of_what_was_kept_chooses(prototype: Prototype, user: User, client_of: Browser) -> None:
    """Not the luckiest epoch of the luckiest round; and numbers that a linear model learned are validated as well."""
    lucky, steady = (
        learned(prototype, number, model, "full", validation, test=0.9)
        for number, model, validation in ((1, BERT, 0.99), (2, MINILM, 0.9))
    )
    for run, value in ((lucky, 0.7), (steady, 0.8)):
        report = json.loads((run.artifact / "report.json").read_text())
        told = report | {"validation": {"name": "accuracy", "value": value}}
        (run.artifact / "report.json").write_text(json.dumps(told))
    assert base_models.validation_rank(lucky) == 0.7
    _page, radios = shown(prototype, client_of(user))
    assert selected(radios["model"]) == [MINILM]
    (steady.artifact / "report.json").write_text(json.dumps({"validation": None, "history": []}))
    assert base_models.validation_rank(steady) is None


def test_the_most_a_run_may_cost_names_its_currency() -> None:
    assert LimitsForm(currency="CHF")["cap"].label == "Max cost, CHF"
