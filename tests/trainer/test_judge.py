"""A judge by an address of OpenAI's form: the price first, then people's thumbs, then answers in both orders. The judge is a small
server of this file, since whoever is asked is somebody else's."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from trainer.__main__ import main
from trainer.errors import DataError, SpecError, UserError
from trainer.events import silent
from trainer.judge import KEY, Judge, Prices, agreement, foreseen, judge, kappa, pairs_of, read_thumbs

PRICES = Prices(1.0, 2.0, 5.0)
Answer = Callable[[str], str]


class Server(HTTPServer):
    answer: Answer
    asked: list[tuple[str, str]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = body["messages"][0]["content"]
        self.server.asked.append((question, str(self.headers["Authorization"])))
        reply = self.server.answer(question)
        fields = {"choices": [{"message": {"content": reply}}], "usage": {"prompt_tokens": 100, "completion_tokens": 1}}
        self.send_response(500 if reply == "fail" else 200)
        self.end_headers()
        self.wfile.write(json.dumps(fields).encode())

    def log_message(self, *_all: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        made.asked = []
        made.answer = fair
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def fair(question: str) -> str:
    """Right answers say “lamp”."""
    if "<first>" not in question:
        return "Good." if "lamp" in question.partition("<answer>")[2] else "bad"
    first, second = ("lamp" in question.partition(f"<{place}>")[2].partition("</")[0] for place in ("first", "second"))
    return "tie" if first == second else "first" if first else "second"


def of(server: Server, prices: Prices = PRICES) -> Judge:
    return Judge(f"http://127.0.0.1:{server.server_port}/v1/", "any", prices)


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
    rows: list[dict[str, Any]] = [{"prompt": "What?", "answer": "A lamp.", "thumb": "up"}] * ups
    rows += [{"input": {"prompt": "What?"}, "output": {"completion": "Once."}, "verdict": "down"}] * downs
    path = folder / "thumbs.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in [*rows, {"input": "x", "output": {"completion": "y"}}]))
    return path


def test_nothing_is_sent_before_the_price_is_agreed_to(server: Server, artifact: Path) -> None:
    thumbs = read_thumbs(thumbs_file(artifact))
    told = judge(artifact, thumbs, of(server), pairs=24, is_agreed=False, emit=silent)
    assert (told["spent"], told["agreement"], server.asked) == (0.0, None, [])
    assert 0 < told["foreseen"] < told["cap"]
    with pytest.raises(SpecError) as raised:
        judge(artifact, thumbs, of(server, Prices(1.0, 2.0, 1e-6)), pairs=24, is_agreed=True, emit=silent)
    assert (raised.value.code, server.asked) == ("judge_too_dear", [])


def test_a_judge_that_agrees_with_people_grades_both_models(
    server: Server, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "secret")
    told = judge(artifact, read_thumbs(thumbs_file(artifact)), of(server), pairs=24, is_agreed=True, emit=silent)
    assert told["trusted"]
    assert told["agreement"]["share"]["value"] == 1.0
    assert {name: told["pairs"][name] for name in ("rows", "won", "lost", "tied")} == {
        "rows": 6,
        "won": 4,
        "lost": 0,
        "tied": 2,
    }
    assert told["pairs"]["share"]["value"] == 1.0
    assert len(server.asked) == 35 + 2 * 6
    assert {key for _question, key in server.asked} == {"Bearer secret"}
    assert told["spent"] == pytest.approx(47 * (100 * 1.0 + 2.0) / 1e6)


def test_a_judge_that_agrees_by_chance_alone_is_not_used(server: Server, artifact: Path) -> None:
    server.answer = lambda question: "good"
    told = judge(artifact, read_thumbs(thumbs_file(artifact)), of(server), pairs=24, is_agreed=True, emit=silent)
    assert (told["trusted"], told["pairs"]) == (False, None)
    assert len(server.asked) == 35


def test_one_that_prefers_what_stands_first_decides_nothing(server: Server, artifact: Path) -> None:
    server.answer = lambda question: fair(question) if "<first>" not in question else "first"
    told = judge(artifact, read_thumbs(thumbs_file(artifact)), of(server), pairs=24, is_agreed=True, emit=silent)
    assert (told["pairs"]["won"], told["pairs"]["lost"], told["pairs"]["tied"]) == (0, 0, 6)
    assert told["pairs"]["share"] == {"value": 0.5, "low": 0.0, "high": 1.0}


def ask_often(asked: Judge, question: str) -> None:
    for _number in range(10):
        asked.ask(question)


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
    assert (raised.value.code, KEY in str(raised.value.hint)) == ("judge_unreachable", True)


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
    assert len(pairs_of(artifact, 24)) == 6
    assert pairs_of(artifact, 2)[1] == {"prompt": "What is 1?", "base": "a lamp", "predicted": "A lamp."}
    (artifact / "report.json").write_text(json.dumps({"mistakes": [{"row": 1, "prompt": "a", "predicted": "b"}]}))
    assert pairs_of(artifact, 24) == []


def test_the_command_tells_the_price(artifact: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    arguments: list[Any] = ["judge", artifact, "--url", f"http://127.0.0.1:{server.server_port}/v1", "--model", "m"]
    arguments += ["--thumbs", thumbs_file(artifact), "--price-read", 1, "--price-written", 2, "--cap", 5]
    assert main([str(each) for each in arguments]) == 0
    log, result = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert log["message"].startswith("Grading costs at most")
    assert (result["type"], result["spent"], server.asked) == ("result", 0.0, [])
