"""QLoRA on the site: the train page and the API say what it needs where no machine has a GPU."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Problem
from webapp.runs import base_models


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def choice(slug: str = "qlora") -> dict[str, object]:
    return next(each for each in base_models.method_choices("text-generation", "local:tiny") if each["slug"] == slug)


def test_without_a_gpu_it_is_shown_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_models, "gpu_count", lambda: 0)
    assert choice()["is_usable"] is False
    assert "NVIDIA GPU" in str(choice()["reason"])
    assert (choice("lora")["is_usable"], choice("lora")["reason"]) == (True, "")
    with pytest.raises(Problem) as raised:
        base_models.check_hardware("qlora", "gpu")
    assert (raised.value.code, "lora" in str(raised.value.hint)) == ("no_qlora", True)


def test_with_a_gpu_it_has_to_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_models, "gpu_count", lambda: 1)
    assert choice()["is_usable"] is True
    base_models.check_hardware("qlora", "gpu")
    base_models.check_hardware("lora", "cpu")
    with pytest.raises(Problem, match="choose one as hardware"):
        base_models.check_hardware("qlora", "cpu")


def test_a_small_net_has_nothing_to_build_on() -> None:
    found = next(
        each for each in base_models.method_choices("text-generation", "scratch:gpt") if each["slug"] == "qlora"
    )
    assert (found["is_usable"], found["reason"]) == (False, ""), "it is barred as the other methods are"


def test_the_train_page_shows_it_with_its_reason(workspace: Workspace, browser: Client) -> None:
    prototype = things.prototype(workspace)
    version = prototype.dataset.current
    assert version is not None
    suggestion = {"task": "text-generation", "columns": {"text": "text"}, "sentence": "", "trainable": True}
    version.profile |= {"suggestion": suggestion}
    version.save()
    page = browser.get(reverse("train", args=[prototype.pk])).content.decode()
    assert 'value="qlora"' in page
    scratch = page.partition('value="qlora"')[2].partition("</label>")[0]
    assert "disabled" in scratch
