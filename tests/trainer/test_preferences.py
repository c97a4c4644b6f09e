"""Pairs of answers, one of which is preferred: recognised, read in every form, and learned so that the preferred ones gain."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import command
from trainer.data.conversation_rows import preference
from trainer.engines import open_engine

ASK = {"role": "user", "content": "Where?"}
GOOD, BAD = {"role": "assistant", "content": "Here."}, {"role": "assistant", "content": "No."}


@pytest.mark.parametrize(
    ("asked", "chosen", "rejected"),
    [
        ("Where?", "Here.", "No."),
        ([ASK], "Here.", "No."),
        ([ASK], [GOOD], [BAD]),
        ("Where?", json.dumps([GOOD]), json.dumps([BAD])),
        ("Where?", [ASK, GOOD], [ASK, BAD]),
        (json.dumps([ASK, GOOD]), json.dumps([ASK, GOOD]), json.dumps([ASK, BAD])),
        ([ASK, GOOD], None, "No."),
    ],
)
def test_pairs_of_every_form(asked: Any, chosen: Any, rejected: Any) -> None:
    row = preference(asked, chosen, rejected)
    assert row is not None
    assert (row.turns, row.written, row.refused) == ([ASK], "Here.", "No.")


@pytest.mark.parametrize(
    ("asked", "chosen", "rejected"),
    [
        ("", "Here.", "No."),
        ("Where?", "", "No."),
        ("Where?", "Here.", None),
        ("Where?", "No.", "No."),
        ("Where?", [ASK], "No."),
    ],
)
def test_what_is_no_pair(asked: Any, chosen: Any, rejected: Any) -> None:
    assert preference(asked, chosen, rejected) is None


def forms(number: int) -> dict[str, dict[str, Any]]:
    asked, good, bad = f"Where is {number}?", f"In hall {number}.", f"Ask {number}."
    messages = [{"role": "user", "content": asked}]
    better, worse = {"role": "assistant", "content": good}, {"role": "assistant", "content": bad}
    return {
        "plain": {"prompt": asked, "chosen": good, "rejected": bad},
        "whole": {"chosen": [*messages, better], "rejected": [*messages, worse]},
        "openai": {"input": {"messages": messages}, "preferred_output": [better], "non_preferred_output": [worse]},
    }


@pytest.mark.parametrize("form", ["plain", "whole", "openai"])
def test_a_file_of_pairs_is_recognised(form: str, models: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(forms(number)[form]) for number in range(30)), "utf-8")
    code, events = command.call(models, "inspect", path, "--out", tmp_path / "version")
    assert code == 0, events[-1]
    suggestion = json.loads((tmp_path / "version" / "profile.json").read_text("utf-8"))["suggestion"]
    assert suggestion["task"] == "text-generation"
    assert {"completion", "rejected"} <= set(suggestion["columns"])


@pytest.mark.parametrize("layers", ["lora", "full"])
def test_the_preferred_answers_gain(layers: str, models: Path, tmp_path: Path) -> None:
    rows = [forms(number)["plain"] for number in range(40)]
    params = {"epochs": 4, "batch_size": 4, "preference_layers": layers}
    fields = {"task": "text-generation", "method": "dpo", "model": "local:tiny-llama", "params": params}
    spec = command.write_spec(tmp_path, rows, **fields)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    report = json.loads((tmp_path / "out" / "artifact" / "report.json").read_text("utf-8"))
    told = report["preferences"]
    assert told["preferred"]["value"] > 0.8
    assert told["margin"] > 0
    assert told["likelier"] >= told["likelier_before"]
    assert np.load(tmp_path / "out" / "reference.npy").shape == (40, 2)
    assert report["export"]["agreement"] == 1.0
    assert open_engine(tmp_path / "out" / "artifact").is_chat  # type: ignore[attr-defined]


def test_preferences_need_pairs(models: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"Where is {n}?", "completion": "Here."} for n in range(30)]
    fields = {"task": "text-generation", "method": "dpo", "model": "local:tiny-llama"}
    code, events = command.call(models, "run", command.write_spec(tmp_path, rows, **fields), "--out", tmp_path / "out")
    assert (code, events[-1]["code"]) == (2, "no_column")
