"""A specification of `dataset.path` alone: the task from the rows, the model and method from the task; or a refusal."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer import command, data_files
from trainer import samples, tasks
from trainer.data.inspect import inspect
from trainer.errors import UserError
from trainer.learning import defaults
from trainer.spec import parse
from trainer.tasks.base import ALWAYS_HERE


def text_lines(path: Path) -> None:
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in data_files.rows()))


def text_parquet(path: Path) -> None:
    pairs = data_files.rows()
    pq.write_table(pa.table({"text": [one[0] for one in pairs], "label": [one[1] for one in pairs]}), path)


def text_workbook(path: Path) -> None:
    path.write_bytes(data_files.workbook({"Rows": [["text", "label"], *map(list, data_files.rows())]}))


FILES = {
    "rows.csv": (lambda path: data_files.write_csv(path, data_files.rows()), "text-classification"),
    "rows.jsonl": (text_lines, "text-classification"),
    "rows.parquet": (text_parquet, "text-classification"),
    "rows.xlsx": (text_workbook, "text-classification"),
    "pictures.zip": (lambda path: data_files.zipped(path, data_files.classes()), "image-classification"),
    "sounds.zip": (
        lambda path: data_files.zipped(path, data_files.classes(form=data_files.sound)),
        "audio-classification",
    ),
    "boxes.zip": (lambda path: samples.write("shapes", path), "object-detection"),
    "notes.zip": (lambda path: samples.write("harvest", path), "image-text-classification"),
    "classes.csv": (lambda path: samples.write("breast-cancer", path), "tabular-classification"),
    "numbers.csv": (lambda path: samples.write("diabetes", path), "tabular-regression"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_path_is_enough(tmp_path: Path, name: str) -> None:
    write, task = FILES[name]
    write(tmp_path / name)
    spec = parse({"dataset": {"path": str(tmp_path / name)}})
    found, content = defaults.complete(spec, tmp_path / "run")
    assert found.task == task
    assert found.model.startswith(ALWAYS_HERE)
    assert found.method in {method.slug for method in tasks.get(task).methods}
    assert content is not None
    again, content = defaults.complete(spec, tmp_path / "run")
    assert again == found
    assert content is None  # the choice is kept, so a run that goes on does not guess again


def test_a_version_of_a_dataset_is_enough(tmp_path: Path) -> None:
    samples.write("diabetes", tmp_path / "table.csv")
    inspect([tmp_path / "table.csv"], tmp_path / "v1")
    found, _content = defaults.complete(parse({"dataset": {"path": str(tmp_path / "v1")}}), tmp_path / "run")
    assert (found.task, found.model, found.method) == ("tabular-regression", "scratch:auto", "auto")


@pytest.mark.parametrize("task", tasks.all(), ids=lambda task: task.slug)
def test_every_method_has_a_model_and_every_model_a_method(task: Any) -> None:
    for method in task.methods:
        assert not task.refusal(method.slug, task.default_model(method.slug))
    for card in task.models:
        assert not task.refusal(task.default_method(card.ref), card.ref)


def test_a_table_runs_by_its_path_and_names_what_won(models: Path, tmp_path: Path) -> None:
    data = data_files.write_csv(
        tmp_path / "t.csv", [(f"{n % 7}", "yes" if n % 7 > 3 else "no") for n in range(80)], "a,b"
    )
    (tmp_path / "spec.json").write_text(json.dumps({"dataset": {"path": str(data)}, "method": "linear"}))
    code, events = command.call(models, "run", tmp_path / "spec.json", "--out", tmp_path / "run")
    assert code == 0, events[-1]
    manifest = json.loads((tmp_path / "run" / "artifact" / "manifest.json").read_text())
    assert (manifest["task"], manifest["model"], manifest["method"]) == (
        "tabular-classification",
        "scratch:linear",
        "linear",
    )
    assert manifest["chosen"]["title"].startswith("Linear model (")
    assert json.loads((tmp_path / "run" / "artifact" / "report.json").read_text())["chosen"] == manifest["chosen"]


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


UNLEARNABLE = {
    "one label": (table("text,label", *(f"message {n} of the day,good" for n in range(40))), {"one_class"}),
    "one row": (table("text,label", "a message of the day,good"), {"one_class", "too_few_rows", "no_task"}),
    "no labels": (table("text,label", *(f"message {n} of the day," for n in range(40))), {"no_rows", "no_column", "no_task"}),
    "another label each": (
        table("text,label", *(f"message {n} of the day,l{n}" for n in range(40))),
        {"all_unique_label"},
    ),
    "one answer": (table("a,b,price", *(f"{n},{n % 3},5" for n in range(40))), {"one_class", "one_value"}),
    "nothing but an answer": (table("a,target", *(f"same,{n % 2}" for n in range(40))), {"no_columns", "no_test_rows"}),
    "nothing to learn": (table("a,b", *(f"{n},{n}" for n in range(1))), {"too_few_rows", "one_class", "one_value", "no_task"}),
}  # fmt: skip


@pytest.mark.parametrize("name", UNLEARNABLE)
def test_what_cannot_be_learned_is_refused_at_once(models: Path, tmp_path: Path, name: str) -> None:
    text, codes = UNLEARNABLE[name]
    (tmp_path / "rows.csv").write_text(text)
    given = {"dataset": {"path": str(tmp_path / "rows.csv")}}
    if "price" in text:
        given |= {"task": "tabular-regression"}
        given["dataset"]["columns"] = {"target": "price"}
    if "label" in text.splitlines()[0]:
        given |= {"model": command.MODEL, "task": "text-classification"}
        given["dataset"]["columns"] = {"text": "text", "label": "label"}
    (tmp_path / "spec.json").write_text(json.dumps(given))
    code, events = command.call(models, "run", tmp_path / "spec.json", "--out", tmp_path / "run")
    assert code == 2, events[-1]
    assert events[-1]["code"] in codes, events[-1]
    assert events[-1]["hint"]
    assert not [one for one in command.of(events, "stage") if one["name"] != "prepare"]


def test_a_version_with_a_fault_in_the_way_is_refused_in_its_words(tmp_path: Path) -> None:
    from trainer.data.loading import load
    from trainer.spec import DatasetSpec

    (tmp_path / "rows.csv").write_text(UNLEARNABLE["one label"][0])
    columns = {"text": "text", "label": "label"}
    result = inspect([tmp_path / "rows.csv"], tmp_path / "v1", task="text-classification", columns=columns)
    blocking = next(one for one in result["problems"] if one["severity"] == "error")
    with pytest.raises(UserError) as refused:
        load(DatasetSpec(path=str(tmp_path / "v1")))
    assert (refused.value.code, refused.value.message) == (blocking["code"], blocking["message"])
