"""The command `insight`: everything of this package about an artifact and the version that it was trained on."""

import tempfile
from pathlib import Path

from trainer.engines import open_engine
from trainer.engines.table import TableEngine
from trainer.errors import DataError
from trainer.events import Emit, silent
from trainer.insight.dependence import dependences
from trainer.insight.imitation import imitate
from trainer.insight.maps import map_of
from trainer.json_types import JsonObject
from trainer.tested_inputs import load_again, read_asked_again

MOST_LEARNED, MOST_TESTED = 2_000, 500


def insight(artifact: Path, version: Path, emit: Emit = silent) -> JsonObject:
    """{map, tree, dependence}, each None where there is none; `DataError` where there is nothing at all."""
    with tempfile.TemporaryDirectory(prefix="maquette-insight-") as folder:
        try:
            result: JsonObject = {"map": map_of(artifact, version, Path(folder), emit)}
        except DataError as error:
            if error.code != "no_vectors" or not is_table(artifact):
                raise
            result = {"map": None}
    return result | (of_table(artifact, version) if is_table(artifact) else {"tree": None, "dependence": None})


def is_table(artifact: Path) -> bool:
    return isinstance(open_engine(artifact), TableEngine)


def of_table(artifact: Path, version: Path) -> JsonObject:
    engine = open_engine(artifact)
    assert isinstance(engine, TableEngine)
    tested = read_asked_again(artifact, version, MOST_TESTED)
    inputs = engine.task.inputs_of(load_again(artifact, version))
    learned = [inputs[place] for place in tested.loaded.part("train")[:MOST_LEARNED]]
    read = [engine.read(row) for row in tested.inputs]
    return {
        "tree": imitate(engine, [engine.read(row) for row in learned], read),
        "dependence": dependences(engine, read),
    }
