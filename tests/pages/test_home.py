"""Home: every prototype counted, live and running first, found by name, page by page; the best run is the best."""

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.endpoints.models import Endpoint
from webapp.pages.cards import CARDS_PER_PAGE
from webapp.prototypes.models import Prototype
from webapp.runs import verdicts
from webapp.runs.models import Run


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


def page(browser: Client, **query: str) -> str:
    answer = browser.get("/", query)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def title(browser: Client) -> str:
    return re.search("<h1>(.*?)</h1>", page(browser))[1]


def names(browser: Client, **query: str) -> list[str]:
    return re.findall(r"<h3><a [^>]*>(.*?)</a></h3>", page(browser, **query))


def best_links(browser: Client) -> list[str]:
    return re.findall(r'<h3><a href="([^"]+)"', page(browser))


@pytest.mark.parametrize("metric", ["wer", "rmse", "mae", "log_loss", "perplexity"])
def test_the_best_run_is_the_lowest_where_lower_is_better(metric: str, workspace: Workspace, browser: Client) -> None:
    prototype = things.prototype(workspace)
    values = {1: 0.9, 2: 0.2, 3: 0.5}
    runs = {n: things.run(prototype, n, headline={"name": metric, "value": value}) for n, value in values.items()}
    assert best_links(browser) == [reverse("run", args=[runs[2].pk])]
    assert prototype.runs.best_first().first() == runs[2]
    # The train page and the list of earlier runs on a run's page say the same.
    assert browser.get(reverse("train", args=[prototype.pk])).context["best"] == runs[2]
    siblings = browser.get(reverse("run", args=[runs[1].pk])).context["siblings"]
    assert siblings == [runs[2], runs[3]]


def test_the_best_run_is_the_highest_otherwise(workspace: Workspace, browser: Client) -> None:
    prototype = things.prototype(workspace)
    runs = [things.run(prototype, n, headline={"name": "accuracy", "value": n / 10}) for n in (5, 9, 7)]
    assert best_links(browser) == [reverse("run", args=[runs[1].pk])]


def test_scores_of_another_metric_are_not_compared(workspace: Workspace, browser: Client) -> None:
    """After the task was changed: an accuracy of 0.9 is not better than a word error rate."""
    prototype = things.prototype(workspace)
    things.run(prototype, 1, headline={"name": "accuracy", "value": 0.9})
    newest = things.run(prototype, 2, headline={"name": "wer", "value": 0.4})
    assert best_links(browser) == [reverse("run", args=[newest.pk])]


def test_a_run_that_ends_is_ranked(workspace: Workspace) -> None:
    run = things.run(things.prototype(workspace), status="running", lease="mine", headline=None)
    assert run.finish("mine", status="succeeded", headline={"name": "mae", "value": 2.5})
    assert (run.metric, run.rank) == ("mae", -2.5)


def fill(workspace: Workspace, count: int) -> list[Prototype]:
    made = [things.prototype(workspace) for _ in range(count)]
    for number, prototype in enumerate(made):
        prototype.name = f"idea {number:02d}"
        prototype.save()
    return made


def test_all_are_counted_and_live_and_running_come_first(workspace: Workspace, browser: Client) -> None:
    oldest, second, third, *_rest = fill(workspace, CARDS_PER_PAGE + 4)
    things.endpoint(things.run(oldest))
    things.run(second, status="running", headline=None)
    things.run(third)
    assert title(browser) == f"1 live · 1 training · 1 ready to share · {CARDS_PER_PAGE + 1} not trained"
    assert names(browser)[:2] == ["idea 00", "idea 01"]
    assert len(names(browser)) == CARDS_PER_PAGE
    assert len(names(browser, page="2")) == 4
    assert not set(names(browser)) & set(names(browser, page="2"))


def test_a_live_prototype_stays_live_while_it_trains(workspace: Workspace, browser: Client) -> None:
    prototype = things.prototype(workspace)
    things.endpoint(things.run(prototype))
    again = things.run(prototype, 2, status="running", headline=None)
    assert title(browser) == "1 live · 1 training"
    shown = page(browser)
    assert 'class="state" data-state="live"' in shown
    assert reverse("run", args=[again.pk]) in shown
    tabs = browser.get(reverse("data", args=[prototype.pk])).content.decode()
    assert re.search(r'class="glyph[^"]*" data-state="live"', tabs)


def test_a_paused_demo_is_counted_as_paused(workspace: Workspace, browser: Client) -> None:
    things.endpoint(things.run(things.prototype(workspace)))
    Endpoint.objects.update(status="off")
    assert title(browser) == "1 paused"


def test_search_looks_through_every_page(workspace: Workspace, browser: Client) -> None:
    oldest = fill(workspace, CARDS_PER_PAGE + 4)[0]
    Prototype.objects.filter(pk=oldest.pk).update(summary="Sorts churned customers")
    assert names(browser, search="IDEA 00") == ["idea 00"]
    assert names(browser, search="churned") == ["idea 00"]
    assert "No prototype matches “nothing like it”" in page(browser, search="nothing like it")
    assert "16 not trained" in page(browser, search="IDEA 00")


def test_what_is_not_trained_is_named_from_every_page(workspace: Workspace, browser: Client) -> None:
    made = fill(workspace, CARDS_PER_PAGE + 2)
    for prototype in made[1:]:
        things.run(prototype)
    assert f'<a href="{reverse("train", args=[made[0].pk])}">idea 00</a>' in page(browser)


def test_one_row_is_said_as_one(workspace: Workspace, browser: Client) -> None:
    prototype = things.prototype(workspace)
    prototype.dataset.versions.update(rows=1)
    assert "One row imported." in page(browser)
    assert not Run.objects.exists()


def test_scores_of_two_questions_are_not_compared(workspace: Workspace, browser: Client) -> None:
    """First `plan` was predicted, at 99 %, then `churn`, at 80 %: the best is of what is asked now, everywhere."""
    prototype = things.prototype(workspace)
    version = prototype.dataset.current
    plan = things.run(prototype, 1, headline={"name": "accuracy", "value": 0.99})
    columns = {"text": "text", "label": "note"}
    version.pk, version.number = None, 2
    version.profile = version.profile | {"suggestion": version.profile["suggestion"] | {"columns": columns}}
    version.save()
    train = reverse("train", args=[prototype.pk])
    assert browser.get(train).context["best"] is None, "nobody answered this question yet"
    churn = things.run(prototype, 2, headline={"name": "accuracy", "value": 0.8})
    assert (plan.answer, churn.answer) == ("label", "note")
    assert browser.get("/").context["page"][0].best_run == churn
    assert browser.get(train).context["best"] == churn
    assert browser.get(reverse("share", args=[prototype.pk])).context["chosen"] == churn
    assert verdicts.against_best_run(churn, churn.headline) is None


def test_nothing_is_all_done_while_something_is_in_progress(workspace: Workspace, browser: Client) -> None:
    def told() -> str:
        listed = page(browser).partition('id="todo"')[2].partition("</ul>")[0]
        return " ".join(re.sub("<[^>]*>", "", listed.partition("<ul")[2].partition(">")[2]).split())

    prototype = things.prototype(workspace)
    version = prototype.dataset.current
    type(version).objects.update(status="processing")
    assert told() == "Nothing to do until the data of “idea” are imported."
    type(version).objects.update(status="ready")
    assert told() == "idea not trained yet"
    run = things.run(prototype, status="queued", headline=None)
    assert told() == "Nothing to do until Run 1 of “idea” is done."
    Run.objects.filter(pk=run.pk).update(status="succeeded")
    assert told() == "All done. Share a demo with someone."
    Run.objects.filter(pk=run.pk).update(status="failed")
    assert told() == "Nothing to do."


def test_search_knows_capitals_of_every_alphabet(workspace: Workspace, browser: Client) -> None:
    fill(workspace, CARDS_PER_PAGE + 4)
    Prototype.objects.filter(name="idea 00").update(name="Ärger mit Überweisungen")
    assert names(browser, search="überweisung") == ["Ärger mit Überweisungen"]
