"""What visitors of a demo see of the data: rows that a member ticked, typed examples, figures over many rows."""

import base64
import io
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from tests import things
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.datasets.models import DatasetVersion
from webapp.endpoints.examples import Sight, bare_file, visitor_context, visitor_report
from webapp.endpoints.models import DemoExample, Endpoint, EndpointVersion
from webapp.runs import inputs
from webapp.runs.models import Run

ClientOf = Callable[[User], Client]
FINDING = {"code": "personal_data", "severity": "warning", "message": "“text” holds names.", "columns": ["text"]}
TEXTS = [{"input": "first row", "label": "a"}, {"input": "second row", "label": "b"}]
PLAN = {"name": "plan", "kind": "category", "choices": ["pro", "basic", "odd"], "choice_rows": [9, 5, 1]}
COLUMNS = [
    {"name": "age", "kind": "number", "min": 18, "max": 97, "example": 41.75},
    PLAN | {"example": "pro"},
    {"name": "since", "kind": "date", "min": "2020-01-02", "max": "2024-08-17", "example": "2022-03-19"},
    {"name": "note", "kind": "text", "example": "a note of a person"},
]
ROWS = [{"input": {"age": 97, "plan": "odd", "since": "2024-08-17", "note": "called Ada"}, "label": "a"}]


def write(run: Run, examples: list[Any], inputs: list[dict[str, Any]] | None = None, **files: bytes) -> None:
    (run.artifact / "examples").mkdir(parents=True, exist_ok=True)
    facts = {"inputs": inputs} if inputs else {}
    (run.artifact / "manifest.json").write_text(json.dumps(facts), "utf-8")
    (run.artifact / "examples.json").write_text(json.dumps(examples), "utf-8")


def learned_from(run: Run, rows: int, **finding: Any) -> None:
    run.version.profile = things.PROFILE | {"split": {"train": rows, "validation": 0, "test": 1}}
    run.version.problems = [finding] if finding else []
    run.version.save()


@pytest.fixture
def texts(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace))
    write(made, TEXTS)
    return made


@pytest.fixture
def table(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace), task="tabular-classification")
    write(made, ROWS, COLUMNS)
    learned_from(made, 40)
    return made


@pytest.fixture
def browser(user: User, client_of: ClientOf) -> Client:
    return client_of(user)


def choose(browser: Client, demo: Endpoint, *numbers: int, **fields: Any) -> int:
    form = {"examples_of": demo.current.run_id, "examples": list(numbers), **fields}
    return browser.post(reverse("choose_examples", args=[demo.pk]), form).status_code


def shown(demo: Endpoint) -> str:
    return Client().get(reverse("demo", args=[demo.slug])).content.decode()


def values(run: Run) -> dict[str, Any]:
    return {field.name: field.value for field in visitor_context(None, run)["fields"]}


# Rows


def test_only_the_row_that_was_ticked_is_shown(texts: Run, browser: Client) -> None:
    demo = things.endpoint(texts)
    assert choose(browser, demo, 1) == 302
    assert "second row" in shown(demo)
    assert "first row" not in shown(demo)
    assert choose(browser, demo, was_examples=[1]) == 302
    assert "second row" not in shown(demo)
    verbs = AuditEvent.objects.filter(subject="endpoint").values_list("verb", flat=True)
    assert set(verbs) == {"showed examples", "hid examples"}


def test_no_copy_of_a_row_is_kept(texts: Run, browser: Client) -> None:
    """So it goes with the artifact, whoever removes that."""
    demo = things.endpoint(texts)
    choose(browser, demo, 0)
    assert "first row" not in json.dumps(list(DemoExample.objects.values()), default=str)
    (texts.artifact / "examples.json").unlink()
    assert "first row" not in shown(demo)


def test_two_people_at_once(texts: Run, browser: Client) -> None:
    """Who saves a page that was opened before a row was taken back does not show it again."""
    demo = things.endpoint(texts)
    choose(browser, demo, 0)
    choose(browser, demo, was_examples=[0])
    choose(browser, demo, 0, 1, was_examples=[0])
    assert list(demo.examples.values_list("number", flat=True)) == [1]


def test_rows_of_one_run_are_never_those_of_another(texts: Run, browser: Client) -> None:
    demo = things.endpoint(texts)
    choose(browser, demo, 0)
    other = things.run(texts.prototype, number=2)
    write(other, [{"input": "another row", "label": "a"}])
    version = EndpointVersion.objects.create(
        workspace=demo.workspace, endpoint=demo, run=other, number=2, engine="onnx-fp32"
    )
    before = demo.current
    Endpoint.objects.update(current=version)
    assert "row" not in "".join(example.text for example in visitor_context(demo, other)["examples"])
    assert choose(browser, demo, 0) == 409, "the form still shows the rows of the first run"
    Endpoint.objects.update(current=before)
    assert "first row" in shown(demo), "going back brings back what was chosen"


def test_another_row_in_the_same_place_is_not_shown(texts: Run, browser: Client) -> None:
    demo = things.endpoint(texts)
    choose(browser, demo, 0)
    write(texts, [{"input": "a stranger's row", "label": "a"}])
    assert "stranger" not in shown(demo)


def test_rows_are_chosen_before_the_demo_goes_live(texts: Run, browser: Client) -> None:
    page = browser.get(reverse("share", args=[texts.prototype_id])).content.decode()
    assert "Visitors see no rows of your data, except those that you tick here." in page
    assert "first row" in page
    form = {"name": "demo", "visibility": "public", "examples": [0], "examples_of": texts.pk}
    assert browser.post(reverse("deploy", args=[texts.pk]), form | {"examples_of": "another"}).status_code == 409
    assert not Endpoint.objects.exists()
    (texts.artifact / "onnx").mkdir()
    (texts.artifact / "onnx" / "export.json").write_text('{"engine": "onnx-fp32"}', "utf-8")
    browser.post(reverse("deploy", args=[texts.pk]), form)
    assert "first row" in shown(Endpoint.objects.get())
    assert "second row" not in shown(Endpoint.objects.get())


def test_rows_are_chosen_before_another_run_replaces_the_model(texts: Run, browser: Client) -> None:
    demo = things.endpoint(texts)
    choose(browser, demo, 0)
    other = things.run(texts.prototype, number=2)
    write(other, [{"input": "another row", "label": "a"}])
    (other.artifact / "onnx").mkdir()
    (other.artifact / "onnx" / "export.json").write_text('{"engine": "onnx-fp32"}', "utf-8")
    page = browser.get(reverse("share", args=[texts.prototype_id]), {"run": other.pk}).content.decode()
    assert "another row" in page
    form = {"instead_of": demo.current_id, "examples_of": other.pk, "examples": [0]}
    assert browser.post(reverse("deploy", args=[other.pk]), form).status_code == 302
    assert "another row" in shown(demo)
    assert "first row" not in shown(demo)
    EndpointVersion.objects.update(engine="onnx-fp32")
    (texts.artifact / "onnx").mkdir()
    (texts.artifact / "onnx" / "export.json").write_text('{"engine": "onnx-fp32"}', "utf-8")
    back, now = demo.versions.get(run=texts), demo.versions.get(run=other)
    browser.post(reverse("promote", args=[back.pk]), {"instead_of": now.pk, "undo": "1"})
    assert "first row" in shown(demo)
    assert "another row" not in shown(demo)


def test_pictures_and_sounds(workspace: Workspace, browser: Client) -> None:
    run = things.run(things.prototype(workspace), task="image-classification")
    write(run, [{"input": f"examples/{name}.png", "label": "a"} for name in "ab"], [{"name": "image", "kind": "image"}])
    for name in "ab":
        (run.artifact / "examples" / f"{name}.png").write_bytes(a_picture(name))
    demo = things.endpoint(run)
    choose(browser, demo, 1)
    answers = [Client().get(reverse("demo_example", args=[demo.slug, number])) for number in (0, 1)]
    assert [answer.status_code for answer in answers] == [404, 200]
    content = b"".join(answers[1])
    assert b"IEND" in content
    assert b"taken by Ada" not in content, "visitors get what a camera wrote into the picture"
    assert content == a_picture("b").replace(text_of("b"), b"")


def text_of(name: str) -> bytes:
    text = b"tEXtAuthor\0taken by Ada " + name.encode()
    return (len(text) - 4).to_bytes(4, "big") + text + zlib.crc32(text).to_bytes(4, "big")


def a_picture(name: str) -> bytes:
    """Of one pixel, with the name of whoever took it."""
    target = io.BytesIO()
    Image.new("L", (1, 1), ord(name)).save(target, "PNG")
    content = target.getvalue()
    return content[:33] + text_of(name) + content[33:]


def test_what_an_answer_shows_again_carries_no_metadata(workspace: Workspace) -> None:
    run = things.run(things.prototype(workspace), task="image-classification")
    path = run.artifact / "a.png"
    write(run, [{"input": "a.png", "label": "a"}], [{"name": "image", "kind": "image"}])
    path.write_bytes(a_picture("a"))
    read = inputs.read(run, {}, {}, {"image": bare_file(path)})
    for shown_again in (str(read.value), read.stored, str(read.media)):
        content = base64.b64decode(shown_again.partition("base64,")[2].partition("'")[0])
        assert content.startswith(b"\x89PNG")
        assert b"Ada" not in content


@pytest.mark.parametrize("content", [b"II*\0 tiff of Ada", b"OggS of Ada", b"\xff\xd8\xff of Ada"])
def test_a_file_that_cannot_be_made_bare_is_not_shown(content: bytes, workspace: Workspace, browser: Client) -> None:
    run = things.run(things.prototype(workspace), task="image-classification")
    write(run, [{"input": "a.png", "label": "a"}], [{"name": "image", "kind": "image"}])
    (run.artifact / "a.png").write_bytes(content)
    demo = things.endpoint(run)
    browser.post(reverse("choose_examples", args=[demo.pk]), {"examples": ["0"], "examples_of": run.pk})
    assert Client().get(reverse("demo_example", args=[demo.slug, 0])).status_code == 404
    if not content.startswith(b"\xff"):
        assert Sight(run).refusal(0).startswith("Cannot be shown: this format")


def test_a_conversation_begins_with_an_example(workspace: Workspace, browser: Client) -> None:
    """What was asked in a row that a member ticked, and what a member typed, are buttons of the chat."""
    run = things.run(things.prototype(workspace), task="text-generation")
    write(run, [{"input": "Where is <lamp> 2?"}, {"input": "Where is bed 3?"}])
    manifest = {"inputs": [], "form": "chat"}
    (run.artifact / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    demo = things.endpoint(run)
    assert "data-example" not in shown(demo)
    assert choose(browser, demo, 0, **{"own-text": "Who are you?"}) == 302
    page = shown(demo)
    assert 'data-example="Where is &lt;lamp&gt; 2?"' in page
    assert 'data-example="Who are you?"' in page
    assert "bed 3" not in page


# Personal data


@pytest.mark.parametrize("finding", [FINDING, {"code": "personal_data", "examples": ["text: ⟨email⟩ ⟨name⟩"]}])
def test_a_column_with_personal_data_is_never_shown(texts: Run, browser: Client, finding: dict[str, Any]) -> None:
    """Also of versions that were read before the finding named its columns."""
    learned_from(texts, 2, **finding)
    demo = things.endpoint(texts)
    assert choose(browser, demo, 0) == 422
    assert not demo.examples.exists()
    page = browser.get(reverse("share", args=[texts.prototype_id])).content.decode()
    assert "Cannot be shown: personal data was found in “text”." in page


def test_what_a_later_version_finds_counts(texts: Run, browser: Client) -> None:
    demo = things.endpoint(texts)
    choose(browser, demo, 0)
    assert "first row" in shown(demo)
    DatasetVersion.objects.create(
        workspace=demo.workspace, dataset=texts.version.dataset, number=2, status="ready", problems=[FINDING]
    )
    assert "first row" not in shown(demo)
    learned = things.run(texts.prototype, number=2)
    assert learned.version.number == 2


def test_what_was_masked_may_be_shown(texts: Run, browser: Client) -> None:
    """The finding is about the version before the one that the run learned from."""
    DatasetVersion.objects.create(
        workspace=texts.workspace, dataset=texts.version.dataset, number=0, status="ready", problems=[FINDING]
    )
    demo = things.endpoint(texts)
    choose(browser, demo, 0)
    assert "first row" in shown(demo)


def test_a_flagged_value_of_a_ticked_row_stays_hidden(table: Run, browser: Client) -> None:
    learned_from(table, 40, code="personal_data", columns=["note", "plan"])
    demo = things.endpoint(table)
    assert choose(browser, demo, 0) == 302
    page = shown(demo)
    assert 'value="97"' in page
    assert "called Ada" not in page
    assert not any(text in page for text in ("basic", "<option", "<datalist"))
    share = browser.get(reverse("share", args=[table.prototype_id])).content.decode()
    assert "hidden, personal data" in share
    assert "called Ada" not in share


def test_columns_that_the_model_does_not_read_hide_nothing(texts: Run, browser: Client) -> None:
    learned_from(texts, 2, **(FINDING | {"columns": ["note"]}))
    demo = things.endpoint(texts)
    choose(browser, demo, 0)
    assert "first row" in shown(demo)


# Figures


def test_a_table_shows_what_many_rows_share(table: Run) -> None:
    assert values(table) == {"age": "42", "plan": "pro", "since": "2022-03-01", "note": ""}
    page = shown(things.endpoint(table))
    assert not any(text in page for text in ("41.75", "97", "odd", "2022-03-19", "note of a person", "in the rows"))
    assert "basic" in page


def test_few_rows_show_nothing(table: Run) -> None:
    learned_from(table, 19)
    assert set(values(table).values()) == {""}


@pytest.mark.parametrize(("rows", "kind"), [(59, "line"), (60, "choice")])
def test_an_artifact_without_counts_offers_what_several_rows_must_have(table: Run, rows: int, kind: str) -> None:
    write(table, ROWS, [PLAN | {"example": "pro", "choice_rows": []}])
    learned_from(table, rows)
    (field,) = visitor_context(None, table)["fields"]
    assert (field.kind, field.choices) == (kind, ("pro", "basic", "odd") if rows == 60 else ())


def test_the_scale_below_a_number_tells_of_many_rows(table: Run) -> None:
    for rows, truth in ((20, {"truth": {"low": 1200.0, "high": 98000.0}}), (19, {})):
        report = {"test_rows": rows, "truth": {"low": 1234.5, "high": 98031.2}, "mistakes": [{"text": "called Ada"}]}
        (table.artifact / "report.json").write_text(json.dumps(report), "utf-8")
        assert visitor_report(table) == truth


def test_answers_that_are_personal_data_are_told(texts: Run, browser: Client) -> None:
    learned_from(texts, 2, **(FINDING | {"columns": ["label"]}))
    page = " ".join(browser.get(reverse("share", args=[texts.prototype_id])).content.decode().split())
    assert "Personal data was found in “label”, which the model predicts" in page


def test_an_example_keeps_the_link_of_its_visitor(texts: Run, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without script it is a link, also on the page that answers a form, whose address has no link."""
    answer = {"outputs": [{"label": "a", "score": 0.9, "scores": []}], "timing_ms": {"total": 1}}
    monkeypatch.setattr("webapp.endpoints.serving_client.predict", lambda *_asked, **_how: answer)
    demo = things.endpoint(texts, visibility="link")
    choose(browser, demo, 0)
    path, link = reverse("demo", args=[demo.slug]), demo.links.get().token
    page = Client().post(path, {"link": link, "text": "hello"}).content.decode()
    assert f'href="?example=0&amp;link={link}"' in page
    assert "first row</textarea>" in Client().get(path, {"example": 0, "link": link}).content.decode()


# Typed


def test_a_typed_example_is_shown_and_taken_back(texts: Run, browser: Client) -> None:
    learned_from(texts, 2, **FINDING)
    demo = things.endpoint(texts)
    assert choose(browser, demo, **{"own-text": "My parcel is late"}) == 302
    assert "My parcel is late" in shown(demo)
    pk = demo.examples.get().pk
    assert choose(browser, demo, was_typed=[pk], typed=[pk]) == 302
    assert demo.examples.exists()
    choose(browser, demo, was_typed=[pk])
    assert not demo.examples.exists()


def test_a_typed_row_of_a_table(table: Run, browser: Client) -> None:
    demo = things.endpoint(table)
    assert choose(browser, demo, **{"own-in-0": "33", "own-in-1": "basic", "own-in-3": ""}) == 302
    assert demo.examples.get().typed == {"age": "33", "plan": "basic"}
    page = shown(demo)
    assert 'value="33"' in page
    assert "2022-03" not in page, "typical values are not mixed into it"


def test_typed_examples_have_an_end(texts: Run, browser: Client) -> None:
    demo = things.endpoint(texts)
    assert choose(browser, demo, **{"own-text": "x" * 2001}) == 422
    answers = [choose(browser, demo, **{"own-text": f"text {number}"}) for number in range(9)]
    assert answers == [302] * 8 + [422]


# The API, rights, the upgrade


def test_the_api_chooses(texts: Run, user: User, api_of: ClientOf) -> None:
    api, demo = api_of(user), things.endpoint(texts)
    path = f"/api/v1/endpoints/{demo.slug}"

    def patch(examples: Any) -> Any:
        return api.patch(path, json.dumps({"examples": examples}), content_type="application/json")

    listed = api.get(f"/api/v1/runs/{texts.pk}/examples").json()
    assert [(row["number"], row["input"], row["refusal"]) for row in listed] == [
        (0, "first row", None),
        (1, "second row", None),
    ]
    answer = patch([0, {"row": 1}, {"input": "typed"}])
    assert answer.status_code == 200, answer.content
    assert answer.json()["examples"] == [
        {"run": texts.pk, "row": 0},
        {"run": texts.pk, "row": 1},
        {"input": {"text": "typed"}},
    ]
    assert api.patch(path, json.dumps({"name": "new"}), content_type="application/json").json()["examples"]
    assert patch([1]).json()["examples"] == [{"run": texts.pk, "row": 1}]
    for wrong in ([9], [-1], [{}], [{"input": {"nothing": "x"}}], [{"input": ""}]):
        assert patch(wrong).status_code == 422, wrong
    assert demo.examples.count() == 1
    learned_from(texts, 2, **FINDING)
    assert patch([0]).json()["code"] == "personal_data"
    assert patch([]).json()["examples"] == []


def test_others_choose_nothing(texts: Run, outsider: User, client_of: ClientOf, api_of: ClientOf) -> None:
    demo = things.endpoint(texts)
    assert choose(client_of(outsider), demo, 0) == 404
    assert api_of(outsider).get(f"/api/v1/runs/{texts.pk}/examples").status_code == 404
    assert not DemoExample.objects.exists()


def test_the_notice_of_the_upgrade_goes_when_it_was_read(texts: Run, browser: Client) -> None:
    demo = things.endpoint(texts, examples_removed_at="2026-11-28T12:00:00Z")
    share, notice = reverse("share", args=[texts.prototype_id]), "This demo no longer shows rows of your data."
    assert notice in browser.get(share).content.decode()
    assert choose(browser, demo) == 302
    assert notice not in browser.get(share).content.decode()


def test_demos_that_are_there_are_told(texts: Run) -> None:
    from importlib import import_module

    from django.apps import apps

    demo = things.endpoint(texts)
    import_module("webapp.endpoints.migrations.0008_examples_removed").tell_members(apps, None)
    demo.refresh_from_db()
    assert demo.examples_removed_at
    assert AuditEvent.objects.get().verb_words == "removed the unchosen examples from"


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("write to ada.lovelace@example.org", "email addresses"),
        ("call +44 20 7946 0958 or ada@example.org", "email addresses, phone numbers"),
        ("Prof. Lovelace was here", "names"),
        ("the staff was friendly", ""),
    ],
)
def test_a_typed_example_with_personal_data_is_warned_of(text: str, warning: str, texts: Run, browser: Client) -> None:
    demo = things.endpoint(texts)
    browser.post(reverse("choose_examples", args=[demo.pk]), {"own-text": text, "examples_of": texts.pk})
    page = browser.get(reverse("share", args=[texts.prototype_id])).content.decode()
    assert text in page
    assert ("May be personal data" in page) == bool(warning)
    assert not warning or f"May be personal data: {warning}. Visitors can read it." in page


def test_sliders_of_visitors_tell_no_row_s_number(table: Run) -> None:
    age = {"name": "age", "kind": "number", "min": 18.5, "max": 97, "p5": 21.25, "p95": 74.5, "typical": 41.75}
    write(table, ROWS, [age])
    assert not any(field.slider for field in visitor_context(None, table)["fields"]), "of too few rows"
    learned_from(table, 60)
    context = visitor_context(None, table)
    assert [field.slider for field in context["fields"]] == [("21", "74", "1", "42")]
    assert context["slides"]
    page = shown(things.endpoint(table))
    assert 'type="range"' in page
    assert not any(number in page for number in ("18.5", "97", "74.5", "21.25"))
    learned_from(table, 60, code="personal_data", columns=["age"])
    assert not visitor_context(None, table)["slides"]
