"""From a visitor's judgement to a better demo by REST alone: feedback → version → run → comparison → promotion."""

from typing import Any

import pytest

from tests.site import Site, wait

pytestmark = pytest.mark.slow
WORDS = {"card": "my card was not accepted", "refund": "send my money back"}
RECIPE = {"model": "scratch:words", "method": "words"}


def rows() -> bytes:
    """Of the refunds that visitors ask about in other words nothing is known yet."""
    lines = [f"{WORDS[label]} {number},{label}" for number in range(60) for label in WORDS]
    return "\n".join(["text,label", *lines]).encode()


def post(site: Site, path: str, body: Any, status: int = 201) -> Any:
    answer = site.api("POST", path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_feedback_becomes_a_version_a_run_a_comparison_and_the_demo(site: Site) -> None:
    dataset = site.upload(rows(), "loop.csv")
    first = site.wait_run(site.train(dataset, **RECIPE), "succeeded")
    demo = post(site, "/endpoints", {"run": first["id"], "visibility": "public", "slug": "loop-by-rest"})
    path = "/endpoints/loop-by-rest"
    wait(lambda: site.get(path)["status"] == "live", 60, "the demo is live")
    for number in range(12):
        judgement = {"input": f"cash return {number}", "verdict": "down", "should_have_been": "refund"}
        post(site, f"{path}/feedback", judgement | {"output": {"label": "card", "score": 0.6}})
    golden = {"items": [{"input": "cash return please", "answer": "refund"}]}
    assert site.api("PUT", f"/prototypes/{first['prototype']}/golden", json=golden).status_code == 200
    new = site.get(f"{path}/feedback?new=true")["items"]
    items = [{"id": one["id"], "label": one["should_have_been"]} for one in new]
    made = post(site, f"{path}/feedback/rows", {"items": items}, 202)
    wait(lambda: site.get(f"/datasets/{dataset}")["version"] == made["version"], 120, "the version is read")
    second = site.wait_run(site.train(dataset, prototype=first["prototype"], **RECIPE), "succeeded")
    told = site.get(f"/compare?runs={second['id']},{first['id']}")
    assert told["pairs"][0]["rows"] > 0
    assert site.get(f"/runs/{second['id']}/golden")["failed"] == []
    refused = site.api("PATCH", path, json={"run": second["id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_better")
    assert site.api("PATCH", path, json={"run": second["id"], "anyway": True}).status_code == 200
    wait(lambda: site.get(path)["run"] == second["id"], 60, "the new run is live")
    assert demo["slug"] == "loop-by-rest"
