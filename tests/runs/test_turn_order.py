"""Whose run starts next, of any lines of waiting runs: nobody is left out, nobody overtakes, and turns are shared."""

from collections import deque
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from webapp.runs.diagrams import blocks, draw
from webapp.runs.turns import NEVER, Line, take_turns

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINES = some.lists(
    some.tuples(some.integers(1, 6), some.integers(0, 3), some.booleans(), some.integers(0, 3)), min_size=1, max_size=6
)


def lines_of(made: list[tuple[int, int, bool, int]]) -> dict[str, Line]:
    """{workspace: its line} of (runs that wait, in training, whether a limit holds it up, hours since its last turn)."""
    return {
        f"w{number}": Line(
            deque(f"w{number}r{place}" for place in range(count)),
            held,
            is_full,
            NOW - timedelta(hours=hours) if hours else NEVER,
        )
        for number, (count, held, is_full, hours) in enumerate(made)
    }


@settings(max_examples=120, deadline=None, derandomize=True)
@given(LINES)
def test_every_run_has_its_place_and_none_overtakes_its_own(made: list[tuple[int, int, bool, int]]) -> None:
    lines = lines_of(made)
    ordered = take_turns(deepcopy(lines))
    assert sorted(ordered) == sorted(run for line in lines.values() for run in line.runs)
    for workspace, line in lines.items():
        assert [run for run in ordered if run.startswith(f"{workspace}r")] == list(line.runs)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(LINES)
def test_whoever_a_limit_holds_up_comes_last_and_whoever_has_least_comes_first(
    made: list[tuple[int, int, bool, int]],
) -> None:
    lines = lines_of(made)
    ordered = [run.partition("r")[0] for run in take_turns(deepcopy(lines))]
    full = [lines[workspace].is_full for workspace in ordered]
    assert full == sorted(full)
    first = lines[ordered[0]]
    assert all(line.is_full or first.held <= line.held for line in lines.values() if not first.is_full)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(LINES)
def test_at_no_moment_has_one_two_more_than_another_that_still_waits(made: list[tuple[int, int, bool, int]]) -> None:
    lines = lines_of([(count, held, False, hours) for count, held, _is_full, hours in made])
    running = {workspace: line.held for workspace, line in lines.items()}
    waiting = {workspace: len(line.runs) for workspace, line in lines.items()}
    for run in take_turns(deepcopy(lines)):
        workspace = run.partition("r")[0]
        assert running[workspace] == min(running[other] for other, count in waiting.items() if count)
        running[workspace] += 1
        waiting[workspace] -= 1


@pytest.mark.parametrize(
    ("made", "first"),
    [
        ([(1, 0, False, 1), (1, 0, False, 3)], "w1"),
        ([(1, 0, False, 1), (1, 0, False, 0)], "w1"),
        ([(5, 0, False, 1), (1, 0, False, 1)], "w1"),
        ([(1, 1, False, 3), (1, 0, False, 1)], "w1"),
        ([(1, 0, True, 3), (1, 2, False, 1)], "w1"),
        ([(1, 0, False, 1), (1, 0, False, 1)], "w0"),
    ],
    ids=["longest ago", "never", "fewest waiting", "fewest in training", "not held up", "equal"],
)
def test_what_decides_between_two(made: list[tuple[int, int, bool, int]], first: str) -> None:
    assert take_turns(lines_of(made))[0].startswith(first)


# A small net, drawn


NET = {
    "input": [3, 32, 32],
    "outputs": 10,
    "parameters": 12_345,
    "layers": [
        {"kind": "conv", "shape": [16, 32, 32], "parameters": 400},
        {"kind": "norm", "shape": [16, 32, 32], "parameters": 32},
        {"kind": "activation", "name": "gelu", "shape": [16, 32, 32], "parameters": 0},
        {"kind": "pool", "shape": [16, 16, 16], "parameters": 0},
        {"kind": "dropout", "share": 0.25, "shape": [16, 16, 16], "parameters": 0},
        {"kind": "flatten", "shape": [4096], "parameters": 0},
        {"kind": "strange_new", "shape": [64], "parameters": 8},
        {"kind": "dense", "output": True, "shape": [10], "parameters": 650},
    ],
}


def test_what_is_no_layer_of_its_own_is_told_with_the_one_before() -> None:
    drawn = blocks(NET)
    assert [(block["title"], block["notes"], block["parameters"]) for block in drawn] == [
        ("Input", [], 0),
        ("Convolution", ["batch norm", "GELU"], 432),
        ("Halved", ["dropout 0.25"], 0),
        ("Strange new", [], 8),
        ("Answer", [], 650),
    ]
    assert sum(block["parameters"] for block in drawn) == sum(layer["parameters"] for layer in NET["layers"])


def test_the_picture_says_in_words_what_it_shows() -> None:
    picture = str(draw(NET))
    assert picture.count("<rect") == 5
    assert "4 layers from 3 × 32 × 32 to 10 values, 12.3 k weights" in picture.replace("\xa0", " ")


@pytest.mark.parametrize("side", [1, 2, 1024, 1_000_000])
def test_layers_of_any_size_fit_into_the_picture(side: int) -> None:
    net = {
        "input": [1],
        "outputs": 1,
        "parameters": 0,
        "layers": [
            {"kind": "dense", "shape": [side], "parameters": 0},
            {"kind": "conv", "shape": [side, side, side], "parameters": 0},
        ],
    }
    picture = str(draw(net))
    width, height = (float(end) for end in picture.split('viewBox="0 0 ')[1].split('"')[0].split())
    for rect in picture.split("<rect")[1:]:
        x, y, wide, tall = (
            float(rect.split(f'{name}="')[1].split('"')[0]) for name in (" x", " y", " width", " height")
        )
        assert 0 <= x <= x + wide <= width + 0.2
        assert -0.1 <= y <= y + tall <= height + 0.1


def test_names_of_layers_are_text() -> None:
    net = NET | {"layers": [{"kind": "<b>bold</b>", "shape": [4], "parameters": 0}]}
    assert "<b>" not in str(draw(net))
