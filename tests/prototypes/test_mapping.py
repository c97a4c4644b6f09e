"""The task and its columns on the data page: the fields come with the task, what is listed can be saved and read."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.trainer.data_files import picture, sound, zipped
from webapp.accounts.models import User
from webapp.catalog.titles import trainable
from webapp.datasets import reading
from webapp.datasets.models import DatasetVersion
from webapp.prototypes.models import Prototype

ClientOf = Callable[[User], Client]
TEXTS = "message,topic,stars\n" + "".join(
    f"my parcel number {n} has not come yet,{'late' if n % 2 else 'lost'},{n % 40}\n" for n in range(60)
)
TABLE = "age,city,income,churned\n" + "".join(
    f"{20 + n % 50},{('Oslo', 'Rome')[n % 2]},{1000 + n * 37 % 900},{'yes' if n % 3 else 'no'}\n" for n in range(80)
)


def folder(make: Any, ending: str, path: Path) -> bytes:
    files = {f"{'cat' if n % 2 else 'dog'}/{n}.{ending}": make(n + 1) for n in range(24)}
    return zipped(path / "media.zip", files).read_bytes()


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MAQUETTE_DATA = tmp_path


@pytest.fixture
def web(user: User, client_of: ClientOf) -> Client:
    return client_of(user)


def read_newest(prototype: Prototype) -> DatasetVersion:
    version = prototype.dataset.latest
    assert version is not None
    reading.read(version.pk)
    version.refresh_from_db()
    assert version.status == "ready", version.error
    return version


def uploaded(web: Client, name: str, content: bytes) -> Prototype:
    file = io.BytesIO(content)
    file.name = name
    web.post(reverse("new_prototype"), {"file": file})
    prototype = Prototype.objects.get()
    read_newest(prototype)
    return prototype


def files(kind: str, path: Path) -> tuple[str, bytes]:
    made = {
        "texts": lambda: ("texts.csv", TEXTS.encode()),
        "table": lambda: ("table.csv", TABLE.encode()),
        "pictures": lambda: ("pictures.zip", folder(picture, "png", path)),
        "sounds": lambda: ("sounds.zip", folder(sound, "wav", path)),
    }
    return made[kind]()


LISTED = {
    "texts": {"text-classification", "tabular-classification", "tabular-regression"},
    "table": {"tabular-classification", "tabular-regression"},
    "pictures": {"image-classification"},
    "sounds": {"audio-classification"},
}


@pytest.mark.parametrize("kind", LISTED)
def test_every_task_that_is_listed_can_be_saved(kind: str, web: Client, tmp_path: Path) -> None:
    prototype = uploaded(web, *files(kind, tmp_path))
    address, action = reverse("data", args=[prototype.pk]), reverse("map_columns", args=[prototype.pk])
    listed = [slug for slug, _title in web.get(address).context["mapping"].tasks]
    assert set(listed) >= LISTED[kind]
    assert all(map(trainable, listed))
    for slug in listed:
        form = web.get(address, {"task": slug}).context["mapping"]
        fields = {name: field.initial for name, field in form.fields.items()} | {"task": slug}
        before = prototype.dataset.versions.count()
        assert web.post(action, fields).status_code == 302
        if prototype.dataset.versions.count() > before:
            assert read_newest(prototype).suggestion["task"] == slug
            assert reverse("train", args=[prototype.pk]) in web.get(address).content.decode()


def test_the_fields_come_with_the_task(web: Client, tmp_path: Path) -> None:
    prototype = uploaded(web, *files("texts", tmp_path))
    address = reverse("data", args=[prototype.pk])
    assert 'name="role-text"' in web.get(address).content.decode()
    page = web.get(address, {"task": "tabular-regression"}).content.decode()
    assert 'name="role-text"' not in page
    assert '<option value="tabular-regression" selected>' in page


def test_a_refused_choice_stays_on_its_page(web: Client, tmp_path: Path) -> None:
    prototype = uploaded(web, *files("texts", tmp_path))
    action = reverse("map_columns", args=[prototype.pk])
    answer = web.post(action, {"task": "text-classification", "role-text": "message", "role-label": ""})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Choose a column." in page
    assert '<option value="message" selected>' in page
    for fields in ({"role-text": "message", "role-label": "message"}, {"role-text": "nowhere", "role-label": "topic"}):
        assert web.post(action, {"task": "text-classification"} | fields).status_code == 422
    assert web.post(action, {"task": "translation"}).status_code == 422
    assert prototype.dataset.versions.count() == 1


def test_what_cannot_be_trained_is_never_ready_to_train(web: Client, user: User, tmp_path: Path) -> None:
    prototype = uploaded(web, "one.csv", b"text,label\n" + b"a message about an order,late\n" * 30)
    version = prototype.dataset.current
    assert version is not None
    assert not version.trainable
    assert version.suggestion["trainable"] is False
    home = web.get(reverse("home")).content.decode()
    assert "Ready to train" not in home
    assert "Data needs a fix" in home
    assert reverse("train", args=[prototype.pk]) not in home
    assert "Choose a model" not in web.get(reverse("data", args=[prototype.pk])).content.decode()


def test_what_can_be_trained_says_so(web: Client, api_of: ClientOf, user: User, tmp_path: Path) -> None:
    prototype = uploaded(web, *files("texts", tmp_path))
    assert "Ready to train" in web.get(reverse("home")).content.decode()
    told = api_of(user).get(f"/api/v1/datasets/{prototype.dataset_id}").json()
    assert told["trainable"]
    assert told["suggestion"]["trainable"]


def test_labels_are_filtered_by_the_spelling_that_is_listed(web: Client) -> None:
    rows = "text,label\n" + "".join(f"message number {n} of many,{n % 3}.0\n" for n in range(60))
    prototype = uploaded(web, "a.csv", rows.encode())
    address = reverse("data", args=[prototype.pk])
    assert [one["label"] for one in prototype.dataset.current.labels] == ["0", "1", "2"]
    for label in ("1", "1.0"):
        assert web.get(address, {"label": label}).context["page"].total == 20


def test_one_row_is_told_in_the_singular(web: Client) -> None:
    prototype = uploaded(web, "a.csv", b"text,label\na message about my order,late\n")
    page = web.get(reverse("data", args=[prototype.pk])).content.decode()
    assert "1 row in 1 label" in page
    assert "1 rows" not in page


def uses(web: Client, prototype: Prototype, **changed: str) -> dict[str, str]:
    """What the form of a table's columns sends, with some of them changed."""
    form = web.get(reverse("data", args=[prototype.pk])).context["mapping"]
    fields = {name: field.initial for name, field in form.fields.items()} | {"task": form.chosen}
    places = {field.label: name for name, field in form.fields.items() if name.startswith("use-")}
    return fields | {places[name]: role for name, role in changed.items()}


def test_every_column_of_a_table_has_a_role(web: Client, api_of: ClientOf, user: User, tmp_path: Path) -> None:
    prototype = uploaded(web, *files("table", tmp_path))
    action = reverse("map_columns", args=[prototype.pk])
    assert uses(web, prototype)["use-3"] == "answer"
    web.post(action, uses(web, prototype, age="ignore", city="group"))
    version = read_newest(prototype)
    assert version.roles == {"age": "ignore", "city": "group", "income": "input", "churned": "answer"}
    assert version.split["how"] == "by group"
    assert "Ignore" in web.get(reverse("data", args=[prototype.pk])).content.decode()
    web.post(action, uses(web, prototype))
    assert prototype.dataset.versions.count() == 2
    api = api_of(user)
    sent = {"roles": {"age": "input"}, "split": {}}
    address = f"/api/v1/datasets/{prototype.dataset_id}/versions"
    assert api.post(address, sent, content_type="application/json").status_code == 201
    version = read_newest(prototype)
    assert (version.roles["age"], version.roles["city"], version.split["how"][:5]) == ("input", "input", "drawn")
    shown = api.get(f"/api/v1/datasets/{prototype.dataset_id}").json()["columns"]
    assert {one["name"]: one["role"] for one in shown} == version.roles


def test_another_answer_takes_the_place_of_the_first(web: Client, tmp_path: Path) -> None:
    prototype = uploaded(web, *files("table", tmp_path))
    web.post(reverse("map_columns", args=[prototype.pk]), uses(web, prototype, city="answer"))
    version = read_newest(prototype)
    assert version.suggestion["columns"] == {"target": "city"}
    assert version.roles["churned"] == "input"


def test_what_a_column_holds_is_said_in_the_readers_language(web: Client, tmp_path: Path) -> None:
    prototype = uploaded(web, *files("table", tmp_path))
    address = reverse("data", args=[prototype.pk])
    for language, kind in (("en", "numbers"), ("zh-hans", "数字")):
        page = web.get(address, headers={"accept-language": language}).content.decode()
        assert page.count(f'<span class="small muted">{kind}</span>') == 2


def test_roles_without_sense_stay_on_the_page(web: Client, api_of: ClientOf, user: User, tmp_path: Path) -> None:
    prototype = uploaded(web, *files("table", tmp_path))
    action = reverse("map_columns", args=[prototype.pk])
    for changed in ({"churned": "ignore"}, {"age": "group", "city": "group"}, {"age": "banana"}):
        answer = web.post(action, uses(web, prototype, **changed))
        assert answer.status_code == 422, changed
        assert answer.context["mapping"].errors
    assert prototype.dataset.versions.count() == 1
    address = f"/api/v1/datasets/{prototype.dataset_id}/versions"
    refused = api_of(user).post(address, {"roles": {"age": "banana"}}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_role")


def test_money_is_a_number_on_the_page_and_sorts_like_one(web: Client) -> None:
    rows = "plan,mrr,churned\n" + "".join(
        f'{"ab"[n % 2]},"${n * 700 % 5000:,}.00",{"yes" if n % 3 else "no"}\n' for n in range(60)
    )
    prototype = uploaded(web, "a.csv", rows.encode())
    assert [one["kind"] for one in prototype.dataset.current.columns] == ["category", "number", "boolean"]
    found = web.get(reverse("data", args=[prototype.pk]), {"sort": "-mrr"}).context["page"].rows
    assert found[0]["cells"][1] == "$4,900.00"
