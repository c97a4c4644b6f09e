"""No page shows a control to somebody whose role may not use it: every form, button and link of every page, by every role."""

from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import Resolver404, resolve, reverse

from tests import things
from tests.accounts import routes
from tests.accounts.test_tenants import World
from webapp.accounts.models import Membership, Role, User
from webapp.accounts.rights import RIGHTS, Right
from webapp.core import leased
from webapp.datasets.source_models import DataSource, Kind
from webapp.endpoints.models import Endpoint, Feedback
from webapp.runs.judge_models import JudgeAccess
from webapp.runs.models import Status
from webapp.runs.search_models import SearchStatus

READ, SENT = ("href", "hx-get"), ("hx-post", "hx-put", "hx-patch", "hx-delete", "formaction", "data-post")
SHOWN_ELSEWHERE = {
    *(
        "augmented",
        "augmented_picture",
        "choose_examples",
        "choose_sheet",
        "deploy",
        "estimate",
        "mend",
        "net",
        "promote",
    ),
    *(
        "restore",
        "forget",
        "accept_leaks",
        "train_without",
        "remove_checkpoints",
        "try_run",
        "why_mistake",
        "remove_model",
        "divide",
    ),
    *(
        "begin_labels",
        "undo_label",
        "create_token",
        "replace_data",
        "start_prototype",
        "end_invitation",
        "set_budget",
        "run_example",
        "rate_answer",
        "cancel_judging",
        "resume_judging",
    ),
}
"""What this workspace's state gives nobody a reason for."""


class Controls(HTMLParser):
    """(method, address) of whatever on a page asks the site for something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "link":
            return
        self.asked += [("GET", given[name]) for name in READ if name in given]
        self.asked += [("POST", given[name]) for name in SENT if name in given]
        if tag == "form":
            self.asked.append((given.get("method", "get").upper(), given.get("action", "")))


def right_of(method: str, address: str, page: str) -> Right | None:
    """What a control takes; None where it leads to no page of a workspace."""
    path = urlsplit(address).path or page
    try:
        name = resolve(path).url_name
    except Resolver404:
        return None
    known = routes.PAGES.get(name or "")
    if known is None:
        return Right.EDIT if name in routes.UPLOADS else None
    return known.change if method == "POST" else known.read


def refused(page: str, path: str, rights: frozenset[Right]) -> Iterator[str]:
    for method, address in Controls(page).asked:
        right = right_of(method, address, path)
        if right is not None and right not in rights:
            yield f"{method} {address or path}"


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(leased, "enqueue", lambda *_args, **_options: True)
    cache.clear()
    yield with_something_to_act_on(World())
    cache.clear()


def with_something_to_act_on(world: World) -> World:
    """A source that is read again and a rated answer: their controls are on the page only then."""
    endpoint = Endpoint.objects.get(pk=world.ids["endpoint"])
    DataSource.objects.create(
        workspace=world.workspace, dataset_id=world.ids["dataset"], kind=Kind.URL, address="https://rows.test/a.csv"
    )
    JudgeAccess.objects.create(
        workspace=world.workspace, url="https://judge.test/v1", model="m", price_read=1, price_written=1, cap=1
    )
    Feedback.objects.create(
        workspace=world.workspace, endpoint=endpoint, input="a text", output={"label": "a"}, verdict=Feedback.DOWN
    )
    return world


def pages(client: Client, world: World, rights: frozenset[Right]) -> Iterator[tuple[str, str]]:
    """(address, page) of every page that these rights let in to, in every state of a run and of a search."""
    addresses = [
        world.page_address(name)
        for name, page in routes.PAGES.items()
        if page.read in rights and name not in routes.RUN_STREAM
    ]
    prototype = things.Prototype.objects.get(pk=world.ids["prototype"])
    for number, status in enumerate(Status, start=2):
        run = things.run(prototype, number, status=status)
        addresses += [reverse("run", args=[run.pk]), f"{reverse('share', args=[prototype.pk])}?run={run.pk}"]
        addresses += [reverse("stop_run", args=[run.pk])] if Right.EDIT in rights else []
    for number, status in enumerate(SearchStatus, start=2):
        addresses.append(reverse("search", args=[things.search(prototype, number=number, status=status).pk]))
    for address in addresses:
        answer = client.get(address)
        if not answer.streaming and answer["Content-Type"].startswith("text/html"):
            yield address, answer.content.decode()
        answer.close()


def member(world: World, role: Role) -> Client:
    user = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=world.workspace, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("role", Role)
def test_no_role_is_shown_what_it_may_not_use(role: Role, world: World) -> None:
    wrong = [
        f"{address}: {control}"
        for address, page in pages(member(world, role), world, RIGHTS[role])
        for control in refused(page, urlsplit(address).path, RIGHTS[role])
    ]
    assert wrong == [], "\n".join(dict.fromkeys(wrong))


def test_an_owner_is_shown_all_of_it(world: World) -> None:
    """What is hidden from some is there for others: whatever takes more than a view is on some page."""
    shown = {
        resolve(urlsplit(target).path).url_name
        for address, page in pages(member(world, Role.OWNER), world, RIGHTS[Role.OWNER])
        for method, target in [(method, given or address) for method, given in Controls(page).asked]
        if method == "POST" and target.startswith("/")
    }
    changing = {name for name, page in routes.PAGES.items() if page.read is None and page.change is not None}
    assert changing - shown - SHOWN_ELSEWHERE == set()
