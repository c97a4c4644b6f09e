"""A judge by an address of OpenAI's form: the price first, then people's thumbs, then answers in both orders. The judge is a small
server of the tests, since whoever is asked is somebody else's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from tests.judge_server import Server, fair, serving
from trainer.__main__ import main
from trainer.errors import DataError, SpecError, UserError
from trainer.events import silent
from trainer.judging.asking import Judge
from trainer.judging.journal import Journal
from trainer.judging.judge import agreement, judge, kappa, read_thumbs
from trainer.judging.questions import Pair, Prices, foreseen, pairs_of
from trainer.report_text import read_report

PRICES = Prices(1.0, 2.0, 5.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def of(server: Server, prices: Prices = PRICES, key: str = "", journal: Path | None = None) -> Judge:
    return Judge(server.url, "any", prices, key, [server.host], Journal(journal, "first"), wait=lambda seconds: None)


def judged(asked: Judge, artifact: Path, *, is_agreed: bool = True) -> dict[str, Any]:
    thumbs, pairs = read_thumbs(thumbs_file(artifact)), pairs_of(read_report(artifact))
    return judge(thumbs, pairs, asked, is_agreed=is_agreed, emit=silent)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    rows = [
        {"row": number, "prompt": f"What is {number}?", "truth": "A lamp.", "base": "Once.", "predicted": "A lamp."}
        for number in range(6)
    ]
    rows[0]["predicted"], rows[1]["base"] = "Once.", "a lamp"
    (tmp_path / "report.json").write_text(json.dumps({"mistakes": rows}))
    return tmp_path


def thumbs_file(folder: Path, ups: int = 20, downs: int = 15) -> Path:
    rows: list[dict[str, Any]] = [
        {"prompt": f"What is {row}?", "answer": "A lamp.", "thumb": "up"} for row in range(ups)
    ]
    rows += [
        {"input": {"prompt": f"What is {row}?"}, "output": {"completion": "Once."}, "verdict": "down"}
        for row in range(downs)
    ]
    path = folder / "thumbs.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in [*rows, {"input": "x", "output": {"completion": "y"}}]))
    return path


def test_nothing_is_sent_before_the_price_is_agreed_to(server: Server, artifact: Path) -> None:
    told = judged(of(server), artifact, is_agreed=False)
    assert (told["spent"], told["agreement"], server.asked) == (0.0, None, [])
    assert 0 < told["foreseen"] < told["cap"]
    with pytest.raises(SpecError) as raised:
        judged(of(server, Prices(1.0, 2.0, 1e-6)), artifact)
    assert (raised.value.code, server.asked) == ("judge_too_dear", [])


def test_a_judge_that_agrees_with_people_grades_both_models(server: Server, artifact: Path) -> None:
    told = judged(of(server, key="secret"), artifact)
    assert told["trusted"]
    assert told["agreement"]["share"]["value"] == 1.0
    assert {name: told["pairs"][name] for name in ("rows", "won", "lost", "tied")} == {
        "rows": 6,
        "won": 4,
        "lost": 0,
        "tied": 2,
    }
    assert told["pairs"]["share"]["value"] == 1.0
    assert len(server.asked) == 35 + 2 * 6 - 1, "one pair reads the same in both orders"
    assert {key for _question, key in server.asked} == {"Bearer secret"}
    assert told["spent"] == pytest.approx(46 * (100 * 1.0 + 2.0) / 1e6)


def test_a_judge_that_agrees_by_chance_alone_is_not_used(server: Server, artifact: Path) -> None:
    server.answer = lambda question: "good"
    told = judged(of(server), artifact)
    assert (told["trusted"], told["pairs"]) == (False, None)
    assert len(server.asked) == 35


def test_one_that_prefers_what_stands_first_decides_nothing(server: Server, artifact: Path) -> None:
    server.answer = lambda question: fair(question) if "<first>" not in question else "first"
    told = judged(of(server), artifact)
    assert (told["pairs"]["won"], told["pairs"]["lost"], told["pairs"]["tied"]) == (0, 0, 6)
    assert told["pairs"]["share"] == {"value": 0.5, "low": 0.0, "high": 1.0}


def ask_often(asked: Judge, question: str) -> None:
    for number in range(10):
        asked.ask(question[:-1] + str(number))


def test_the_cap_holds_while_it_is_asked(server: Server) -> None:
    question = "x" * 300
    asked = of(server, Prices(1.0, 2.0, 2 * foreseen([question], PRICES)))
    asked.ask(question)
    with pytest.raises(SpecError, match="cap"):
        ask_often(asked, question)
    assert 0 < len(server.asked) < 10
    assert asked.spent <= asked.prices.cap


def test_one_that_does_not_answer_is_said(server: Server) -> None:
    server.answer = lambda question: "fail"
    with pytest.raises(UserError) as raised:
        of(server).ask("a")
    assert raised.value.code == "judge_unreachable"
    assert "status 500" in str(raised.value)


def test_nothing_is_asked_twice_and_a_lost_reply_is_paid_for(server: Server, tmp_path: Path) -> None:
    journal, questions = tmp_path / "journal.jsonl", [f"<answer>lamp {number}" for number in range(6)]
    first = of(server, journal=journal)
    replies = [first.ask(question) for question in questions[:3]]
    server.answer = lambda question: "hang up"
    with pytest.raises(UserError, match="could not be reached, or answered with something else"):
        first.ask(questions[3])
    journal.write_text(journal.read_text() + '{"key": "cut')
    server.answer = fair
    again = of(server, journal=journal)
    assert again.spent == pytest.approx(3 * 102e-6 + foreseen([questions[3]], PRICES))
    assert [again.ask(question) for question in questions] == [*replies, None, "good", "good"]
    assert [question for question, _key in server.asked] == questions
    other = Judge(server.url, "any", PRICES, "", [server.host], Journal(journal, "second"))
    assert (other.ask(questions[0]), other.spent, other.unasked(questions)) == ("good", 0.0, [])


def test_one_that_is_busy_is_asked_again_and_pays_once(server: Server) -> None:
    server.answer = lambda question: "busy" if len(server.asked) < 3 else "good"
    asked = of(server)
    assert asked.ask("a") == "good"
    assert (len(server.asked), asked.spent) == (3, pytest.approx(102e-6))
    server.answer = lambda question: "busy"
    with pytest.raises(UserError, match="status 429"):
        asked.ask("b")
    assert asked.unasked(["a", "b"]) == ["b"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/v1", "http://169.254.169.254/v1", "http://user:x@127.0.0.1/v1"]
)
def test_private_addresses_are_not_asked_unless_they_are_allowed(server: Server, url: str) -> None:
    asked = of(server)
    asked.url, asked.allowed = url.format(port=server.server_port), ["127.0.0.1:1"]
    with pytest.raises(UserError) as raised:
        asked.ask("a")
    assert (raised.value.code, server.asked, asked.spent) == ("judge_unreachable", [], 0.0)


@pytest.mark.parametrize(("ups", "downs"), [(29, 0), (40, 4), (4, 40), (10, 10)])
def test_too_few_thumbs_measure_nothing(ups: int, downs: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{ups} thumbs up and {downs} down") as raised:
        read_thumbs(thumbs_file(tmp_path, ups, downs))
    assert raised.value.code == "few_thumbs"


def test_a_file_that_is_none_of_thumbs(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("[1]\nno")
    with pytest.raises(DataError) as raised:
        read_thumbs(path)
    assert raised.value.code == "bad_thumbs"


def test_agreement_is_cohen_s() -> None:
    generator = np.random.default_rng(1)
    first = generator.random(60) < 0.6
    second = np.where(generator.random(60) < 0.8, first, ~first)
    assert kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))
    found = agreement(first.tolist(), second.tolist())
    assert found["kappa"]["low"] < found["kappa"]["value"] < found["kappa"]["high"]
    assert found["share"]["value"] == pytest.approx((first == second).mean())
    assert kappa(np.ones(3, dtype=bool), np.ones(3, dtype=bool)) == 0.0


def test_rows_without_an_answer_of_the_base_model_are_not_compared(artifact: Path) -> None:
    report = read_report(artifact)
    assert len(pairs_of(report)) == 6
    assert pairs_of(report, 2)[1] == Pair("What is 1?", "a lamp", "A lamp.")
    assert pairs_of({"mistakes": [{"row": 1, "prompt": "a", "predicted": "b"}]}) == []


def test_the_command_tells_the_price(artifact: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    arguments: list[Any] = ["judge", artifact, "--url", server.url, "--model", "m"]
    arguments += ["--thumbs", thumbs_file(artifact), "--price-read", 1, "--price-written", 2, "--cap", 5]
    assert main([str(each) for each in arguments]) == 0
    log, result = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert log["message"].startswith("Grading costs at most")
    assert (result["type"], result["spent"], server.asked) == ("result", 0.0, [])
