"""Where a demo is found, whom it opens for, and the calls to it that people paste."""

import ast
import json
import shlex
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from tests import things
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.core.problems import Conflict, Problem
from webapp.endpoints import addresses, snippets
from webapp.endpoints.admission import Opening, opening
from webapp.endpoints.models import Endpoint, ShareLink, Status, Visibility, slug_form
from webapp.runs.models import Run

ClientOf = Callable[[User], Client]


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace))
    made.artifact.mkdir(parents=True)
    return made


@pytest.fixture
def demo(run: Run) -> Endpoint:
    return things.endpoint(run)


# Slugs


@pytest.mark.parametrize("slug", ["abc", "a-b", "0-0", "a" * 60, "tern-pay-2"])
def test_what_can_be_part_of_an_address(slug: str, workspace: Workspace) -> None:
    assert addresses.check_slug(slug, workspace.pk) == slug


@pytest.mark.parametrize(
    "slug",
    [
        "", "a", "ab", "a" * 61, "-abc", "abc-", "Abc", "a_b", "a b", "a/b", "../x", "abc\n", "\nabc", "abc\x00", "äbc", "ａｂｃ",
        "演示演示", "a%2fb", "<b>", "abc?link=x",
    ],
)  # fmt: skip
def test_what_cannot(slug: str, workspace: Workspace) -> None:
    with pytest.raises(Problem) as refused:
        addresses.check_slug(slug, workspace.pk)
    assert (refused.value.code, refused.value.field) == ("bad_slug", "slug")


@pytest.mark.parametrize("slug", ["abc\n", "a" * 61, "A B"])
def test_the_api_makes_no_demo_that_nobody_can_open(slug: str, run: Run, user: User, api_of: ClientOf) -> None:
    body = {"run": run.pk, "slug": slug, "visibility": "public"}
    answer = api_of(user).post("/api/v1/endpoints", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_slug")
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Support messages", "support-messages"),
        ("  Zürich – Café №2!  ", "zurich-cafe-no2"),
        ("a__b..c", "a-b-c"),
        ("x" * 200, "x" * 48),
        ("a" * 47 + " bcd", "a" * 47),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("../../etc", "etc"),
    ],
)
def test_a_title_becomes_an_address(name: str, slug: str, workspace: Workspace) -> None:
    assert addresses.free_slug(name, workspace.pk) == slug
    assert addresses.check_slug(slug, workspace.pk)


@pytest.mark.parametrize("name", ["", "演示", "!!", "ab", "🙂🙂🙂", "\x00"])
def test_a_title_without_letters_of_an_address_gets_a_drawn_one(name: str, workspace: Workspace) -> None:
    first, second = (addresses.free_slug(name, workspace.pk) for _ in range(2))
    assert first.startswith("demo-")
    assert first != second
    assert addresses.check_slug(first, workspace.pk)


def test_two_titles_alike_get_two_addresses(demo: Endpoint, workspace: Workspace) -> None:
    slug = addresses.free_slug("The demo", workspace.pk)
    assert slug.startswith("the-demo-")
    assert addresses.check_slug(slug, workspace.pk)


def test_of_two_at_the_same_moment_one_is_told_or_moved(demo: Endpoint, workspace: Workspace) -> None:
    """Both looked, both found the address free, and one has stored it since."""

    def late() -> Endpoint:
        prototype = things.prototype(workspace)
        return Endpoint(workspace=workspace, prototype=prototype, slug=demo.slug, name="late")

    with pytest.raises(Conflict) as refused:
        addresses.save_slug(late(), chosen=True)
    assert (refused.value.code, refused.value.field) == ("slug_taken", "slug")
    moved = late()
    addresses.save_slug(moved, chosen=False)
    assert moved.slug.startswith("the-demo-")
    slug_form(moved.slug)


def test_a_fault_of_another_kind_is_not_taken_for_a_taken_address(demo: Endpoint, workspace: Workspace) -> None:
    second = Endpoint(
        workspace=workspace, prototype=demo.prototype, slug="free-one", name="of a prototype that has one"
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        addresses.save_slug(second, chosen=True)


# Whom it opens for


def test_an_address_to_send_has_the_oldest_link_that_works(demo: Endpoint, settings: Any) -> None:
    settings.PUBLIC_URL = "https://maquette.example"
    first = demo.links.get()
    second = ShareLink.issue(demo, "second")
    Endpoint.objects.update(visibility=Visibility.LINK)

    def address() -> str:
        return addresses.demo_url(Endpoint.objects.get())

    assert address() == f"https://maquette.example/d/the-demo?link={first.token}"
    ShareLink.objects.filter(pk=first.pk).update(revoked_at=timezone.now())
    assert address().endswith(second.token)
    ShareLink.objects.filter(pk=second.pk).update(expires_at=timezone.now())
    assert address() == "https://maquette.example/d/the-demo", "none works"
    Endpoint.objects.update(visibility=Visibility.PUBLIC)
    assert address() == "https://maquette.example/d/the-demo", "none is needed"


@pytest.mark.parametrize(
    ("visibility", "has_ended", "kind"),
    [
        (Visibility.PRIVATE, False, "members"),
        (Visibility.PRIVATE, True, "members"),
        (Visibility.LINK, False, "link"),
        (Visibility.LINK, True, "nobody"),
        (Visibility.PUBLIC, False, "public"),
        (Visibility.PUBLIC, True, "public"),
    ],
)
def test_whom_it_opens_for_is_whom_it_lets_in(visibility: str, has_ended: bool, kind: str, demo: Endpoint) -> None:
    """What the share page says of a demo, and what a stranger with its link meets, are the same."""
    if has_ended:
        ShareLink.objects.update(revoked_at=timezone.now())
    Endpoint.objects.update(visibility=visibility)
    told = opening(Endpoint.objects.get())
    assert told.kind == kind
    assert (told.address is None) is (kind in ("members", "nobody"))
    token = demo.links.get().token
    is_let_in = Client().get("/d/the-demo", {"link": token}).status_code == 200
    assert is_let_in is (kind in ("link", "public"))


def test_a_demo_without_any_link_opens_for_nobody(demo: Endpoint) -> None:
    demo.links.all().delete()
    Endpoint.objects.update(visibility=Visibility.LINK)
    assert opening(Endpoint.objects.get()) == Opening("nobody")


@pytest.mark.parametrize("days", [None, 1, 3650])
def test_a_link_ends_with_its_days(days: int | None, demo: Endpoint) -> None:
    link = ShareLink.issue(demo, "Ada", days)
    assert link.works
    assert (link.expires_at is None) is (days is None)
    if days:
        ShareLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        link.refresh_from_db()
        assert not link.works


def test_the_name_of_the_first_link_greets_nobody(demo: Endpoint) -> None:
    """In whichever language the demo was made, and is visited."""
    for language in ("en", "zh-hans"):
        with translation.override(language):
            name = translation.gettext("First link")
        for visited in ("en", "zh-hans"):
            with translation.override(visited):
                assert ShareLink(name=name).recipient == ""
    assert ShareLink(name="Ada Lovelace").recipient == "Ada Lovelace"


def test_a_viewer_sees_the_demo_of_the_workspace_and_changes_nothing(
    demo: Endpoint, outsider: User, client_of: ClientOf
) -> None:
    Endpoint.objects.update(visibility=Visibility.PRIVATE)
    assert client_of(outsider).get("/d/the-demo").status_code == 404
    outsider.memberships.all().delete()
    Membership.objects.create(workspace=demo.workspace, user=outsider, role=Role.VIEWER)
    viewer = client_of(outsider)
    assert viewer.get("/d/the-demo").status_code == 200
    assert viewer.post(reverse("create_link", args=[demo.pk]), {"name": "mine"}).status_code == 403
    assert viewer.post(reverse("revoke_link", args=[demo.links.get().pk])).status_code == 403
    assert demo.links.get().works


@pytest.mark.parametrize(
    ("status", "heading"), [(Status.OFF, "This demo is paused"), (Status.DEPLOYING, "This demo is getting ready")]
)
def test_a_closed_demo_in_the_visitor_s_language(status: str, heading: str, demo: Endpoint) -> None:
    Endpoint.objects.update(status=status)
    page = Client(headers={"Accept-Language": "zh-hans"}).get("/d/the-demo").content.decode()
    with translation.override("zh-hans"):
        assert translation.gettext(heading) in page
    assert heading not in page


# Calls that are pasted

HOSTILE = """it's "5" < 6 & `id` $(id) \\ \n字🙂"""


def arguments(curl: str) -> list[str]:
    return shlex.split(curl.replace("\\\n", " "))


@pytest.mark.parametrize("text", ["Hello", HOSTILE, "$HOME", "'", '"', "</script>", ""])
def test_a_text_is_sent_as_it_is_by_all_three(text: str) -> None:
    curl, python, script = snippets.of_json("https://m.example/e/x/predict", json.dumps(text), "label")
    body = arguments(curl)[-1]
    assert json.loads(body) == {"inputs": [text]}
    literals = [node.value for node in ast.walk(ast.parse(python)) if isinstance(node, ast.Constant)]
    assert json.dumps([text]) in literals
    assert f"inputs: [{json.dumps(text)}]" in script


@pytest.mark.parametrize("medium", ["image", "my picture", 'the "front"', "it's", "a\\b", "照片"])
@pytest.mark.parametrize("others", [{}, {"age": "…"}, {'the "back"': "…", "it's": "…", "备注": "…"}])
def test_a_file_goes_with_the_columns_beside_it(medium: str, others: dict[str, str]) -> None:
    curl, python, script = snippets.of_file("https://m.example/e/x/predict", "photo.jpg", "label", medium, others)
    sent = [value for flag, value in zip(arguments(curl), arguments(curl)[1:], strict=False) if flag == "-F"]
    assert sent == ["file=@photo.jpg", *(f"{name}={value}" for name, value in others.items())]
    inputs = next(node for node in ast.walk(ast.parse(python)) if isinstance(node, ast.List))
    row = inputs.elts[0]
    if others:
        assert isinstance(row, ast.Dict)
        assert ast.literal_eval(row.keys[0]) == medium  # type: ignore[arg-type]
        assert ast.literal_eval(row.values[1]) == others
    else:
        assert isinstance(row, ast.Name)
    assert all(f"form.append({json.dumps(name)}" in script for name in others)


def test_what_is_pasted_names_the_key_and_holds_none(demo: Endpoint) -> None:
    for shown in snippets.snippets(demo):
        assert "MAQUETTE_KEY" in shown["code"]
        assert "mqe_" not in shown["code"]
        assert addresses.predict_url(demo) in shown["code"]
    assert [shown["name"] for shown in snippets.snippets(demo)] == ["curl", "Python", "JavaScript"]


def test_a_demo_that_serves_nothing_yet_still_shows_how_to_ask(demo: Endpoint) -> None:
    demo.current = None
    assert all('"Hello"' in shown["code"] for shown in snippets.snippets(demo))
