"""Questions to a finished artifact: predict, evaluate, explain, bench."""

import tempfile
import time
from pathlib import Path
from typing import Any

from trainer import answers, tasks
from trainer.data.conversation_rows import read_written
from trainer.data.dataset import Dataset
from trainer.data.intake import read_files
from trainer.data.loading import Loaded, check_roles, from_dataset, read_numbers, shape_for
from trainer.data.pair_rows import read_pairs
from trainer.data.passage_rows import read_loaded as read_passages
from trainer.data.tag_rows import read_loaded as read_tags
from trainer.data.version import read_version
from trainer.dotted import load_class
from trainer.engines import Engine, open_engine
from trainer.engines.image import ImageEngine
from trainer.engines.text import TextEngine
from trainer.errors import DataError
from trainer.faithfulness import MOST_ROWS, deletion_test
from trainer.messages import _
from trainer.outputs import joined
from trainer.packaging.manifest import read_manifest
from trainer.spec import SplitSpec
from trainer.tested_inputs import read_asked_again

BATCH = 64
BY_NETWORK = ("integrated_gradients", "gradient_shap", "grad_cam", "attention_rollout")
NETWORKS: dict[type[Engine[Any, Any]], str] = {
    TextEngine: "trainer.families.text.gradients.GradientEngine",
    ImageEngine: "trainer.families.image.heat_maps.NetworkEngine",
}
"""By the engine that serves: the one that has the trained network beside it."""
HEAD, NET = "head.json", "config.json"
FAITHFULNESS_SECONDS = 60.0
BENCH_SECONDS = 3.0


def predict(artifact: Path, inputs: list[Any]) -> list[dict[str, Any]]:
    """One answer an input, as serving gives it; `DataError` names the first that cannot be used."""
    engine = open_engine(artifact)
    predictions: list[dict[str, Any]] = []
    for start in range(0, len(inputs), BATCH):
        predictions += engine.predict(read_inputs(engine, inputs[start : start + BATCH], start))
    return predictions


def read_inputs(engine: Engine[Any, Any], inputs: list[Any], start: int = 0) -> list[Any]:
    """Inputs as the engine takes them; `DataError` names the first that cannot be read, `start` others before it."""
    read = []
    for number, value in enumerate(inputs, start + 1):
        try:
            read.append(engine.read(value))
        except DataError as error:
            raise DataError(
                _("Input %(number)s %(message)s", number=number, message=error.message),
                code="bad_input",
                hint=error.hint,
            ) from error
    return read


def evaluate(artifact: Path, data: Path) -> dict[str, Any]:
    """Scores on all rows of another file, read like a training's: {metrics, headline, rows, report}."""
    manifest = read_manifest(artifact)
    task = tasks.get(manifest["task"])
    engine = open_engine(artifact)
    with tempfile.TemporaryDirectory(prefix="maquette-evaluate-") as folder:
        rows = load_rows(data, manifest, Path(folder))
        inputs = task.inputs_of(rows)
        outputs = joined(
            engine.outputs(read_inputs(engine, inputs[start : start + BATCH], start))
            for start in range(0, len(inputs), BATCH)
        )
        report = engine.report(rows, outputs, task.shown_of(rows))
    return {"metrics": report["metrics"], "headline": report["headline"], "rows": len(inputs), "report": report}


def load_rows(data: Path, manifest: dict[str, Any], media: Path) -> Loaded:
    """Every usable row, by the columns of training or, where the file names them otherwise, by guess.

    `media`: where the pictures or sounds of a plain file are put.
    """
    try:
        dataset = read_data(data, manifest["task"], manifest["columns"], media)
    except DataError as error:
        if error.code != "no_column":
            raise
        dataset = read_data(data, manifest["task"], None, media)
    shape = shape_for(manifest["task"], dataset.roles)
    check_roles(dataset.roles, shape.roles, dataset.names)
    rows = from_dataset(dataset, dataset.media or media)
    rows.answer, rows.kind = shape.answer or shape.reads[0], shape.kind
    cells = answers.get(shape.kind).cells
    readers = {
        "number": read_numbers,
        "tags": read_tags,
        "passages": read_passages,
        "pairs": read_pairs,
        "conversations": read_written,
    }
    if rows.row_numbers and cells in readers:
        readers[cells](rows)
    if not rows.row_numbers:
        raise DataError(
            _("No row of %(name)s has both an input and an answer.", name=data.name),
            code="no_rows",
            hint=_("Check the file."),
        )
    return rows


def read_data(data: Path, task: str, columns: dict[str, str] | None, media: Path) -> Dataset:
    if data.is_dir():
        return read_version(data, columns, SplitSpec(), task)
    return read_files([data], columns=columns, fixed=["test"], task=task, media=media)


def explain(artifact: Path, inputs: list[Any], method: str = "") -> list[dict[str, Any]]:
    """Each answer with its `explanation`; see `Engine.explain`. `DataError` for a method that this model has not."""
    engine = open_with_network(artifact) if method in BY_NETWORK else open_engine(artifact)
    check_method(engine, method)
    read = read_inputs(engine, inputs)
    answered = [engine.predict([value])[0] for value in read]
    return [
        answer | {"explanation": engine.explain(value, method)} for answer, value in zip(answered, read, strict=True)
    ]


def open_with_network(artifact: Path) -> Engine[Any, Any]:
    """With the trained network beside the packaged model, where that is one of texts, or of pictures and packaged without heat maps; it
    needs torch."""
    engine = open_engine(artifact)
    kind = type(engine)
    if isinstance(engine, ImageEngine) and engine.heat_maps is not None:
        return engine
    if kind not in NETWORKS or not (artifact / "model" / (HEAD if kind is TextEngine else NET)).is_file():
        return engine
    return load_class(NETWORKS[kind], Engine)(artifact, engine.manifest, engine.engine, None)


def faithfulness(artifact: Path, version: Path) -> dict[str, Any]:
    """The deletion test (`trainer.faithfulness`) of all methods that there are here, on as many test rows as a minute allows."""
    engine = open_with_network(artifact)
    rows = read_asked_again(artifact, version, MOST_ROWS)
    return deletion_test(engine, read_inputs(engine, rows.inputs), FAITHFULNESS_SECONDS)


def check_method(engine: Engine[Any, Any], method: str) -> None:
    if method and method not in engine.methods:
        raise DataError(
            _("This model is not explained by “%(method)s”.", method=method[:40]),
            code="no_explanation",
            hint=_("There are: %(methods)s.", methods=", ".join(engine.methods)),
        )


def benchmark(artifact: Path) -> dict[str, Any]:
    """Rows a second at batch 32 and milliseconds for one row, on the artifact's own test rows."""
    from trainer.packaging.export import read_saved

    engine = open_engine(artifact)
    inputs = [*(read_saved(artifact, engine).inputs or [engine.warm_input()])] * 33
    speed = {}
    for size in (1, 32):
        engine.predict(inputs[:size])
        started, done = time.monotonic(), 0
        while time.monotonic() - started < BENCH_SECONDS:
            start = done % (len(inputs) - size)
            engine.predict(inputs[start : start + size])
            done += size
        speed[size] = done / (time.monotonic() - started)
    return {"engine": engine.engine, "rows_per_second": round(speed[32], 1), "ms_per_row": round(1000 / speed[1], 3)}
