"""Small models of finished runs, one for each kind of answer, and what becomes of what they suggest."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tests import things
from tests.labelling.kinds import Labelled
from tests.labelling.rows import guide
from tests.trainer import command, hand_made
from trainer.sounds import WAVE, Hearing
from trainer.transcripts import Characters
from webapp.labelling.models import Decision


def check_suggestions(it: Labelled, other: object) -> object:
    """Of its best run: as it is, an answer comes from it and is learned from; changed into `other`, it is a person's. What was
    suggested."""
    assert it.ask("labelling")["at_work"]
    assert guide(it.dataset).facts["unread"] == 0
    assert "suggests answers" in " ".join(it.page("?order=mixed").split())
    items = sorted(it.ask("queue?order=file")["items"], key=lambda item: item["suggestion"] is None)
    accepted, changed = items[:2]
    value = accepted["suggestion"]["value"]
    it.send([{"row": accepted["row"], "value": value}, {"row": changed["row"], "value": other}])
    wanted = {accepted["row"]: "suggestion", changed["row"]: "person"}
    assert dict(Decision.objects.values_list("row", "source")) == wanted
    made = it.done()
    kept = pq.read_table(made.folder / "label_sources.parquet").to_pylist()
    assert {row["row"]: row["source"] for row in kept if row["row"] in wanted} == wanted
    parts = pq.read_table(made.folder / "split.parquet").column("split").to_pylist()
    assert parts[accepted["row"] - 1] == "train"
    return value


def learned_number(it: Labelled, table: str, folder: Path) -> None:
    """A run of the data's own, learned here."""
    run = things.run(it.prototype, task="tabular-regression", name="Learned", headline=headline("mae"))
    (folder / "learn.csv").write_text(table)
    spec = {"dataset": {"path": str(folder / "learn.csv")}, "task": "tabular-regression"}
    spec |= {"model": "scratch:auto", "method": "linear"}
    (folder / "spec.json").write_text(json.dumps(spec))
    code, events = command.call(folder, "run", folder / "spec.json", "--out", run.folder)
    assert code == 0, events[-1]


def headline(name: str) -> dict[str, object]:
    return {"name": name, "value": 1.0, "low": 0.5, "high": 1.5, "higher_is_better": False}


def finds_words(it: Labelled, first: str, label: str) -> None:
    """A passage begins at a word with this first letter, and goes on at one with an i."""
    from onnx import TensorProto, helper

    run = things.run(it.prototype, task="token-classification", name="Tags")
    tokens = len(hand_made.TEXT_LETTERS) + 2
    table = np.zeros((tokens, 3), dtype=np.float32)
    table[:, 0] = 5
    for letter, place in ((first, 1), ("i", 2)):
        table[2 + hand_made.TEXT_LETTERS.index(letter)] = 5 * np.eye(3)[place]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["answers"]),
    ]
    constants = {"table": table, "last": np.array([-1], dtype=np.int64)}
    inputs = {each: (TensorProto.INT64, ["batch", "length"]) for each in ("input_ids", "attention_mask")}
    hand_made.graph(run.artifact, nodes, inputs, constants, ["batch", "length", 3])
    hand_made.letters(run.artifact / "model")
    (run.artifact / "model" / "tagging.json").write_text('{"kind": "subwords", "max_length": 8, "follows": null}')
    hand_made.seal(run.artifact, "token-classification", [label], "onnx-fp32")


def hears(it: Labelled, written: Sequence[str]) -> None:
    """Whatever is said, these symbols are written, one a moment."""
    from onnx import TensorProto, helper

    run = things.run(it.prototype, task="speech-recognition", name="Hears", headline=headline("wer"))
    symbols = ("<pad>", "|", *sorted(set(written) - {"<pad>", "|"}))
    moments = np.eye(len(symbols), dtype=np.float32)[[symbols.index(one) for one in written]][None]
    nodes = [
        helper.make_node("ReduceMean", ["sound"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Unsqueeze", ["mean", "last"], ["place"]),
        helper.make_node("Mul", ["place", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "moments"], ["answers"]),
    ]
    constants = {
        "last": np.array([-1], dtype=np.int64),
        "nothing": np.zeros(1, dtype=np.float32),
        "moments": moments,
    }
    inputs = {"sound": (TensorProto.FLOAT, ["batch", "samples"])}
    hand_made.graph(run.artifact, nodes, inputs, constants, ["batch", len(written), len(symbols)])
    (run.artifact / "model").mkdir()
    Hearing(WAVE, 16_000, seconds=2.0).save(run.artifact / "model")
    Characters(symbols).save(run.artifact / "model")
    hand_made.seal(run.artifact, "speech-recognition", [], "onnx-fp32", writes={})
