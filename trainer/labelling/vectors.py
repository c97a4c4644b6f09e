"""One vector for each row, read once: by a pretrained encoder where one fits, else from counted words or the columns of a table."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from trainer import answers, cache, models, tasks
from trainer.architectures import suits
from trainer.data.dataset import Dataset
from trainer.data.loading import Loaded
from trainer.data.row_keys import hash_texts
from trainer.errors import DataError, UserError
from trainer.events import Emit, silent
from trainer.files import read_json
from trainer.labelling.rows import UNLABELLED, PartlyLabelled
from trainer.labelling.tones import TONES, ToneReader
from trainer.learning.rows import digest_of, digest_weights
from trainer.machine import cores
from trainer.spec import Spec
from trainer.tasks.base import Task

if TYPE_CHECKING:
    from trainer.learning.job import Job
    from trainer.learning.model import TrainableModel

WORDS, COLUMNS = "words", "columns"
"""What reads rows where no pretrained model does."""
WIDTH = 200
"""Of the vectors of counted words."""
LEAST_SPACED = 0.5
"""Share of the texts with a space, below which characters are counted in place of words."""
SAVE_EVERY = 1_000
"""Rows between two times that vectors are kept: a pass that is killed goes on from there."""
FOLDER = "labelling"
"""In the cache of the dataset."""


class Vectors(NamedTuple):
    """`matrix`: (rows, features) float32 in the order of `numbers`; `reader`: what read them; `unread`: rows that are yet to be;
    `names`: the vectors of the names of labels, where they are read as rows are."""

    matrix: np.ndarray
    reader: str
    unread: int = 0
    names: dict[str, np.ndarray] = {}


def vectors_of(
    rows: PartlyLabelled, cached: Path, out: Path, seconds: float | None = None, emit: Emit = silent
) -> Vectors | None:
    """The vectors of all rows; None where nothing here reads them. Rows that cannot be read (a broken picture) are left out, and
    those for which the `seconds` were too short."""
    task = tasks.get(rows.dataset.task or "")
    if not task.roles or rows.dataset.mapped_shape.reads == ():
        return Vectors(table_vectors(rows), COLUMNS)
    if rows.dataset.mapped_shape.reads == ("audio",):
        tones = read_once(rows, ToneReader(), Kept(cached, TONES), Limit(out, seconds, emit))
        return centred(tones)
    model = encoder_of(task, rows.dataset, rows.numbers)
    if model is None:
        return Vectors(word_vectors(texts_of(rows.dataset, rows.numbers)), WORDS) if reads_text(rows.dataset) else None
    limit = Limit(out, seconds, emit)
    reader, vector_cache = Reader(rows.dataset, model, limit), Kept(cached, model, name_of(model, task))
    read = read_once(rows, reader, vector_cache, limit)
    has_names = reads_text(rows.dataset) and not answers.get(task.answer).probe
    return read._replace(names=name_vectors(rows, reader, vector_cache)) if has_names else read


def centred(vectors: Vectors) -> Vectors:
    """What all sounds have in common tells none from another."""
    return vectors._replace(matrix=vectors.matrix - vectors.matrix.mean(axis=0)) if len(vectors.matrix) else vectors


def reads_text(dataset: Dataset) -> bool:
    return dataset.mapped_shape.reads == ("text",)


def texts_of(dataset: Dataset, numbers: np.ndarray) -> list[str]:
    column = dataset.column(dataset.roles["text"])
    return [text or "" for text in column.take(pa.array(numbers)).to_pylist()]


def encoder_of(task: type[Task], dataset: Dataset, numbers: np.ndarray) -> str | None:
    """The pretrained model of this machine that reads rows of the task; nothing is downloaded for it."""
    if dataset.mapped_shape.reads not in (("text",), ("image",)) or task.family is None:
        return None
    for ref in references(task):
        try:
            models.resolve(ref)
        except UserError:
            continue
        if reads_text(dataset) and is_foreign(task, ref, texts_of(dataset, numbers)):
            continue
        return ref
    return None


def references(task: type[Task]) -> list[str]:
    """What comes with the installation, then the smallest first of what the operator has put beside it."""
    folders = [path.parent for root in models.local_roots() for path in root.glob("*/config.json")]
    suited = [folder for folder in folders if suits(read_json(folder / "config.json"), task.architectures)]
    suited.sort(key=lambda folder: sum(path.stat().st_size for path in folder.glob("*.safetensors")))
    bundled = [card.ref for card in task.models if card.ref.startswith("bundled:")]
    return [*bundled, *(f"local:{folder.name}" for folder in suited)]


def is_foreign(task: type[Task], ref: str, texts: list[str]) -> bool:
    """Whether most texts are in a language that the model does not read."""
    from trainer.families.text.languages import find_unread

    return find_unread(task, ref, texts) is not None


class Limit:
    """How long a pass may take; where it works, and whom it tells how far it is."""

    def __init__(self, out: Path, seconds: float | None, emit: Emit) -> None:
        self.out, self.emit = out, emit
        self.until = float("inf") if seconds is None else time.monotonic() + seconds

    def is_over(self) -> bool:
        return time.monotonic() > self.until


class Kept:
    """The vectors of a reader in the cache, by the key of what was read (`trainer.data.row_keys`)."""

    def __init__(self, root: Path, reader: str, file: str = "") -> None:
        """`file`: what it is called there, where not as the reader."""
        self.root, self.reader, self.path = root, reader, root / FOLDER / f"{file or reader}.npz"
        self.keys, self.matrix = load(self.path)

    def lacks(self, keys: np.ndarray) -> np.ndarray:
        """Places of the keys that are not there, of equal ones the first."""
        places = np.flatnonzero(~np.isin(keys, self.keys))
        _unique, first = np.unique(keys[places], return_index=True)
        return places[first]

    def add(self, keys: np.ndarray, read: np.ndarray) -> None:
        self.keys = np.concatenate([self.keys, keys])
        self.matrix = np.concatenate([self.matrix, read]) if len(self.matrix) else read
        if cache.make_disk_room(self.root, self.matrix.nbytes):
            with cache.writing(self.root, self.path) as part, part.open("wb") as file:
                np.savez(file, keys=self.keys, vectors=self.matrix)

    def vectors(self, keys: np.ndarray) -> np.ndarray:
        """(keys, features) float32 of keys that are there."""
        order = np.argsort(self.keys)
        return np.asarray(self.matrix[order[np.searchsorted(self.keys[order], keys)]], dtype=np.float32)


def read_once(rows: PartlyLabelled, reader: "Reader | ToneReader", vector_cache: Kept, limit: Limit) -> Vectors:
    """What was read before is taken from the cache; of the rest, rows with a label come first, the others at random."""
    missing = vector_cache.lacks(rows.keys)
    missing = missing[np.lexsort((rows.keys[missing], rows.codes[missing] == UNLABELLED))]
    unread = 0
    for start in range(0, len(missing), SAVE_EVERY):
        if limit.is_over():
            unread = len(missing) - start
            break
        some = np.sort(missing[start : start + SAVE_EVERY])
        numbers, read = reader.read(as_loaded(rows.dataset, rows.numbers[some]))
        vector_cache.add(rows.keys[np.searchsorted(rows.numbers, numbers)], read)
        limit.emit("progress", stage="read", fraction=start / len(missing), done=start, total=len(missing), unit="rows")
    rows.keep(np.flatnonzero(np.isin(rows.keys, vector_cache.keys)))
    return Vectors(vector_cache.vectors(rows.keys), vector_cache.reader, unread)


def name_vectors(rows: PartlyLabelled, reader: "Reader", vector_cache: Kept) -> dict[str, np.ndarray]:
    """{label: the vector of its name}, of labels whose names say something."""
    from trainer.families.text.labels import is_telling, words_of

    labels = [rows.labels[code] for code in np.unique(rows.codes[rows.learned]).tolist()]
    texts = {label: words_of(label) for label in labels if is_telling(label)}
    if not texts:
        return {}
    keys = hash_texts(pa.chunked_array([pa.array(list(texts.values()), pa.string())]))
    missing = vector_cache.lacks(keys)
    if len(missing):
        words = list(texts.values())
        numbers, read = reader.read(as_texts(rows.dataset, [words[place] for place in missing.tolist()]))
        vector_cache.add(keys[missing[numbers]], read)
    return dict(zip(texts, vector_cache.vectors(keys), strict=True))


def name_of(model: str, task: type[Task]) -> str:
    """Which layers are read depends on the kind of answer."""
    digest = digest_of(FOLDER, model, task.answer)
    digest_weights(digest, models.resolve(model))
    return digest.hexdigest()[:32]


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(keys, vectors) that were kept; none where there are none, or where they are spoiled."""
    try:
        cache.touch(path)
        with np.load(path) as arrays:
            return arrays["keys"], arrays["vectors"]
    except (OSError, ValueError, KeyError, EOFError):
        return np.zeros(0, dtype=np.uint64), np.zeros((0, 0), dtype=np.float16)


class Reader:
    """A pretrained model behind the pass of its family, loaded when something is to be read."""

    def __init__(self, dataset: Dataset, model: str, limit: Limit) -> None:
        self.dataset, self.model, self.limit = dataset, model, limit
        self.job: Job | None = None
        self.network: TrainableModel | None = None

    def open(self) -> "Job":
        from trainer.learning.job import Job

        if self.job is None:
            fields: dict[str, object] = {
                "task": self.dataset.task,
                "dataset": {"path": str(self.limit.out)},
                "model": self.model,
            }
            fields |= {"method": "probe", "hardware": {"threads": max(1, cores() // 2)}}
            self.job = Job(Spec.model_validate(fields), self.limit.out, silent)
            self.job.trial = True
        return self.job

    def read(self, loaded: Loaded) -> tuple[np.ndarray, np.ndarray]:
        """(numbers from 0 of the rows that can be read, their vectors in float16)."""
        from trainer.learning.family import NetworkFamily, family_of
        from trainer.learning.passes import read_batches

        job = self.open()
        family = family_of(job.task)
        assert isinstance(family, NetworkFamily), "encoders are of families that learn by gradient"
        job.loaded = loaded
        try:
            inputs = family.prepare(job)
        except DataError:  # none of these can be read
            return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float16)
        if self.network is None:
            self.network = job.device.place(family.build(job, inputs))
        batches = inputs.sorted_batches(np.arange(inputs.count), inputs.read_batch)
        parts = list(read_batches(self.network, inputs, batches, job.device, self.network.reader(job)))
        order = np.concatenate([batch for batch, _vectors in parts])
        vectors = np.concatenate([vectors.numpy() for _batch, vectors in parts]).astype(np.float16)
        return np.array(inputs.loaded.row_numbers)[order] - 1, vectors


def as_loaded(dataset: Dataset, numbers: np.ndarray) -> Loaded:
    """The rows as a family reads them, whatever they are answered with."""
    taken = dataset.table.take(pa.array(numbers))
    values = {role: taken.column(dataset.roles[role]).to_pylist() for role in dataset.mapped_shape.reads}
    return unanswered(dataset, values, (numbers + 1).tolist(), taken)


def as_texts(dataset: Dataset, texts: list[str]) -> Loaded:
    """The same of texts that are not rows."""
    return unanswered(dataset, {"text": texts}, list(range(1, len(texts) + 1)), pa.table({}))


def unanswered(dataset: Dataset, values: dict[str, list[str]], row_numbers: list[int], table: pa.Table) -> Loaded:
    """With an answer and a part for each row, as families ask for them."""
    shape, count = dataset.mapped_shape, len(row_numbers)
    either = "01" if answers.get(shape.kind).cells == "number" else "ab"
    return Loaded(
        {**values, shape.answer: [either[number % 2] for number in range(count)]},
        np.array(["test" if number % 4 == 3 else "train" for number in range(count)], dtype=object),
        row_numbers,
        dataset.roles,
        [],
        shape.answer,
        shape.kind,
        table,
        dataset.column_roles,
        dataset.forms,
        media=dataset.media,
    )


def word_vectors(texts: list[str]) -> np.ndarray:
    """Latent semantic analysis of words, or of characters where words are not told apart by spaces."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    spaced = np.mean([" " in text for text in texts]) >= LEAST_SPACED
    options = {"analyzer": "word", "ngram_range": (1, 2)} if spaced else {"analyzer": "char", "ngram_range": (1, 3)}
    try:
        counts = TfidfVectorizer(**options, sublinear_tf=True, max_features=30_000).fit_transform(texts)
    except ValueError:  # no word in any of them
        return np.zeros((len(texts), 1), dtype=np.float32)
    width = max(1, min(WIDTH, counts.shape[1] - 1, len(texts) - 1))
    reduced: np.ndarray = TruncatedSVD(width, random_state=0).fit_transform(counts)
    return reduced.astype(np.float32)


def table_vectors(rows: PartlyLabelled) -> np.ndarray:
    """Numbers in standard units, one column a level of a category, the commonest words of texts."""
    from trainer import tables
    from trainer.families.table.rows import distinct

    described, parts = [], []
    for name in rows.dataset.inputs:
        cells, indices = distinct(rows.dataset.column(name).take(pa.array(rows.numbers)))
        counts = np.bincount(indices, minlength=len(cells))
        description, _reason = tables.learn(name, cells, counts, is_input=True, form=rows.dataset.forms.get(name))
        if description is not None:
            described.append(description)
            parts.append(tables.encode_column(description, cells)[indices])
    if not parts:
        return np.zeros((len(rows.numbers), 1), dtype=np.float32)
    matrix = np.concatenate(parts, axis=1)
    features = [feature for description in described for feature in tables.features_of(description)]
    return tables.expanded(tables.scales_of(features, matrix), matrix).astype(np.float32)
