"""The data folder of the version before opens: datasets, runs, demos, links, keys, budget and ledger are all there."""

import json
import tarfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tests.site import Site, wait
from tests.tiny_model import build

DATA = Path(__file__).parent / "data-before.tar.xz"
TOKEN = "mq_b6--zeCqfpzaZ_q1hGcoDclea0P0THC-XHSepdQHXfI"
TABLE, TEXTS = "0m1cg51t8wk77062", "n9zfb7g5mxzpzp43"
LINEAR, PROBE, FULL = "3tjnvtqbmw0trg6b", "ps2z2zd9799pnbzy", "3pb3t2j603fk4dwf"
FAILED, CANCELLED, OPEN = "9rgv0pcxpb8fc6kf", "kxst9j93tv90qsxm", "40gkxw78qhz8fzc8"
KEYS = {
    "churn": "mqe_cucrE__OIWlJ2E_mq_uZINhVN83D9-F0EPkbk70VsSE",
    "messages": "mqe_cf7HKRtgXTx-3AvCSdPhRztFtlVKptGMpuVqCOpqgmQ",
}
INPUTS = {"churn": {"age": 40, "plan": "pro", "calls": 8, "mrr": "$900.00"}, "messages": "card refund late"}
LEDGER = {
    ("churn", "training"): "0.0002674",
    ("churn", "hosting"): "0.0004792",
    ("messages", "hosting"): "0.0004666",
    # Without the run that goes on after the upgrade.
    ("messages", "training"): "0.0017972",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("upgrade")
    with tarfile.open(DATA) as archive:
        archive.extractall(folder / "data", filter="data")
    upgraded = Site(folder, build(folder / "models"))
    upgraded._token = TOKEN
    upgraded.start()
    yield upgraded
    upgraded.stop()


def test_datasets_keep_their_rows_and_versions(site: Site) -> None:
    table, texts = site.get(f"/datasets/{TABLE}"), site.get(f"/datasets/{TEXTS}")
    assert (table["status"], table["rows"], len(table["columns"])) == ("ready", 120, 5)
    assert (texts["status"], texts["rows"], len(texts["versions"])) == ("ready", 80, 2)


def test_runs_keep_their_scores_reports_and_artifacts(site: Site) -> None:
    for pk in (LINEAR, PROBE, FULL):
        run = site.run(pk)
        assert run["status"] == "succeeded"
        assert run["headline"]["name"] == "accuracy"
        assert site.get(f"/runs/{pk}/report")["headline"]["value"] == run["headline"]["value"]
        assert site.api("GET", f"/runs/{pk}/artifact").content[:2] == b"PK"
    assert site.run(FAILED)["error"]["code"]
    assert site.run(CANCELLED)["status"] == "cancelled"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_opens(site: Site, language: str) -> None:
    with httpx.Client(base_url=site.url, follow_redirects=True, headers={"Accept-Language": language}) as browser:
        assert browser.get(site.sign_in_link("tester@example.org")).status_code == 200
        pages = ["/", "/costs", "/models", "/workers", "/settings"]
        pages += [f"/runs/{pk}" for pk in (LINEAR, PROBE, FULL, FAILED, CANCELLED)]
        for dataset in (TABLE, TEXTS):
            prototype = site.run(LINEAR if dataset == TABLE else PROBE)["prototype"]
            pages += [f"/prototypes/{prototype}/{page}" for page in ("data", "train", "runs", "share")]
        answers = {page: browser.get(page).status_code for page in pages}
    assert set(answers.values()) == {200}, answers


def test_demos_answer_by_their_old_addresses_keys_and_links(site: Site) -> None:
    for slug, key in KEYS.items():
        wait(lambda slug=slug: site.get(f"/endpoints/{slug}")["status"] == "live", 60, f"{slug} is live")
        answer = wait(
            lambda slug=slug, key=key: (
                (
                    found := httpx.post(
                        f"{site.url}/e/{slug}/predict",
                        headers={"Authorization": f"Bearer {key}"},
                        json={"inputs": [INPUTS[slug]]},
                        timeout=60,
                    )
                ).status_code
                == 200
                and found
            ),
            60,
            f"{slug} answers",
        )
        assert answer.json()["outputs"][0]["label"] in ("yes", "even", "odd")
    assert httpx.get(f"{site.url}/d/churn").status_code == 200
    assert httpx.get(f"{site.url}/d/messages?link=tuami0N-onKRftK24D6-WWUe", follow_redirects=True).status_code == 200
    assert httpx.get(f"{site.url}/d/messages").status_code != 200


def test_demos_show_no_row_that_nobody_chose(site: Site) -> None:
    """And their members are told, on the share page and in the activity."""
    page = httpx.get(f"{site.url}/d/churn").text
    assert "?example=" not in page
    with httpx.Client(base_url=site.url, follow_redirects=True) as browser:
        asked = browser.get(site.sign_in_link("tester@example.org"))
        token = asked.text.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
        browser.post(str(asked.url), data={"csrfmiddlewaretoken": token})
        share = browser.get(f"/prototypes/{site.run(LINEAR)['prototype']}/share").text
    assert "This demo no longer shows rows of your data." in share
    assert site.get("/endpoints/churn")["examples"] == []


def test_the_ledger_adds_up_to_the_last_digit(site: Site) -> None:
    code = (
        "import json; from collections import Counter; from decimal import Decimal; "
        "from webapp.costs.models import LedgerEntry; sums = Counter(); "
        "lines = LedgerEntry.objects.filter(created_at__lt='2026-11-27T21:10:30Z')"
        f".exclude(subject_id='{OPEN}'); "
        "[sums.update({f'{x.prototype_name}/{x.kind}': x.amount}) for x in lines]; "
        "print(json.dumps({name: str(amount) for name, amount in sums.items()}))"
    )
    sums = json.loads(site.manage("shell", "-c", code))
    assert {tuple(name.split("/")): Decimal(amount) for name, amount in sums.items()} == {
        name: Decimal(amount) for name, amount in LEDGER.items()
    }
    assert Decimal(site.get("/budget")["amount"]) == 25


def test_the_run_that_was_training_goes_on(site: Site) -> None:
    ended = site.wait_run(OPEN)
    assert ended["status"] == "succeeded", ended["error"]
