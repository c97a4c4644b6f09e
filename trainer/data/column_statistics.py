"""What the columns of a version hold, in figures: lengths, words, tokens, language; the spread of numbers, dates, pictures
and sounds. Everything that needs Python for each cell is taken from a sample of the rows, drawn the same each time.
"""

import functools
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer import models
from trainer.columns import ColumnProfile
from trainer.data.cells import SLICE_ROWS, is_missing_mask, parse_dates, parse_numbers, select_cells
from trainer.data.dataset import Dataset
from trainer.data.languages import count_languages, detect_script
from trainer.dates import moment_at
from trainer.errors import ModelError
from trainer.json_types import JsonObject
from trainer.numerals import NumberForm, form_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "bundled:all-MiniLM-L6-v2"
SAMPLED_TEXTS, SAMPLED_CHARACTERS = 2_000, 1_000_000
LANGUAGE_TEXTS = 1_000
MAX_CHARACTERS_READ = 50_000
"""Characters of one text that are counted; beyond them its tokens are foreseen from those."""
TOKENS_A_WORD = 1.3
"""Word pieces a word in the vocabularies of BERT and its kin (Rust and others, 2021)."""
MAX_DATES = 20_000
NAMES_SHOWN = 12
UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Scripts without blanks between words, of which each character is counted as a word."""


def describe_columns(dataset: Dataset) -> list[JsonObject]:
    """The profile's columns with their figures."""
    return [{**column, **describe_column(column, dataset.table)} for column in dataset.profile]


def describe_column(column: ColumnProfile, table: pa.Table) -> JsonObject:
    """The further figures of a column by its kind; none for kinds without any."""
    kind, cells = column["kind"], table.column(column["name"])
    if kind == "text":
        return describe_texts(cells)
    if kind == "number":
        return describe_numbers(cells, form_of(column))
    if kind == "date":
        return describe_dates(cells, column.get("form"))
    if kind == "image":
        return describe_images(cells, table)
    return describe_sounds(cells, table) if kind == "audio" else {}


def summarise(values: "np.ndarray", *names: str) -> dict[str, int | float]:
    """Some of min, median, p95, max and mean; whole numbers as such, others to four digits that count."""
    places = {"min": 0, "median": 50, "p95": 95, "max": 100}
    scale = max(1.0, float(np.abs(values).max(initial=0)) / 1e100)  # near the largest float a sum has no room
    values = values / scale if scale > 1 else values
    ranked = [name for name in names if name != "mean"]
    figures = dict(zip(ranked, np.percentile(values, [places[name] for name in ranked]), strict=True))
    figures |= {"mean": values.mean()} if "mean" in names else {}
    return {name: round_figure(scale * float(figures[name])) for name in names}


def round_figure(value: float) -> int | float:
    return int(value) if value.is_integer() and abs(value) < 1e15 else float(f"{value:.6g}")


def draw_cells(column: pa.ChunkedArray, count: int) -> list[str]:
    """Cells of rows drawn by chance; the whole column when it has no more."""
    rows = np.arange(len(column))
    if len(rows) > count:
        rows = np.sort(np.random.default_rng(0).choice(len(rows), count, replace=False))
    return [cell for cell in select_cells(column, rows) if cell.strip()]


def describe_texts(column: pa.ChunkedArray) -> JsonObject:
    """{words, tokens, languages, language, script, sampled} of SAMPLED_TEXTS texts and the longest of all."""
    texts = draw_cells(column, SAMPLED_TEXTS)
    if not texts:
        return {}
    ends = np.cumsum([min(len(text), MAX_CHARACTERS_READ) for text in texts])
    texts = texts[: max(int(np.searchsorted(ends, SAMPLED_CHARACTERS)), 1)]
    longest = column[int(np.argmax(pc.fill_null(pc.utf8_length(column), 0).to_numpy()))].as_py()
    word_counts = np.array([count_words(text) for text in texts])
    tokens, estimated = count_tokens([*texts, longest])
    statistics: JsonObject = {
        "words": summarise(word_counts, "min", "median", "p95")
        | {"max": max(int(word_counts.max()), count_words(longest))},
        "tokens": summarise(tokens[:-1], "median", "p95") | {"max": int(tokens.max()), "estimated": estimated},
    }
    spoken = count_languages(texts[:LANGUAGE_TEXTS])
    scripts = Counter(script for text in texts[:LANGUAGE_TEXTS] if (script := detect_script(text[:400])))
    return statistics | {
        "languages": language_shares(spoken),
        "language": next(iter(spoken), None),
        "script": scripts.most_common(1)[0][0] if scripts else None,
        "sampled": len(texts),
    }


def language_shares(counts: dict[str, int]) -> list[JsonObject]:
    """[{name, share}], the commonest first, without what is under one in a hundred."""
    total = sum(counts.values())
    return [
        {"name": name, "share": round(count / total, 3)} for name, count in counts.items() if count >= 0.01 * total
    ][:NAMES_SHOWN]


def count_words(text: str) -> int:
    single = len(UNSPACED.findall(text))
    return single + len(UNSPACED.sub(" ", text).split()) if single else len(text.split())


@functools.cache
def load_tokenizer() -> "Tokenizer | None":
    """The bundled model's; None where it is not installed."""
    try:
        from tokenizers import Tokenizer

        loaded = Tokenizer.from_file(str(models.resolve(TOKENIZER) / "tokenizer.json"))
    except (ImportError, ModelError, OSError):
        return None
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


def count_tokens(texts: list[str]) -> tuple[np.ndarray, bool]:
    """(tokens of each text, whether they are foreseen from the words for want of a tokenizer)."""
    read = load_tokenizer()
    if read is None:
        return np.array([estimate_tokens(text) for text in texts]), True
    counts = [
        len(encoding.ids)
        for start in range(0, len(texts), 200)
        for encoding in read.encode_batch([clean(text) for text in texts[start : start + 200]])
    ]
    grown = [max(len(text) / MAX_CHARACTERS_READ, 1) for text in texts]
    return np.array([round(count * factor) for count, factor in zip(counts, grown, strict=True)]), False


def clean(text: str) -> str:
    return text[:MAX_CHARACTERS_READ].encode("utf-8", "replace").decode()


def estimate_tokens(text: str) -> int:
    single = len(UNSPACED.findall(text))
    return 2 + single + round(TOKENS_A_WORD * (count_words(text) - single))


def describe_numbers(column: pa.ChunkedArray, form: NumberForm | None = None) -> JsonObject:
    parts = [present_numbers(column.slice(start, SLICE_ROWS), form) for start in range(0, len(column), SLICE_ROWS)]
    values = np.concatenate(parts) if parts else np.array([])
    return {"numbers": summarise(values, "min", "median", "max", "mean")} if len(values) else {}


def present_numbers(cells: pa.ChunkedArray, form: NumberForm | None = None) -> np.ndarray:
    """The numbers among some cells."""
    present = cells.filter(pc.invert(is_missing_mask(cells)))
    return np.asarray(parse_numbers(present, **(form or {})).drop_null().to_numpy())


def describe_dates(column: pa.ChunkedArray, form: str | None = None) -> JsonObject:
    """First and last. Of very many different ones a sample is read, besides those that sort first and last as words.
    Days without a year have no first and last one."""
    if form == "yearless":
        return {}
    different = pc.unique(column.filter(pc.invert(is_missing_mask(column))))
    is_sampled = len(different) > MAX_DATES
    if is_sampled:
        ends = pc.min_max(different)
        chosen = np.random.default_rng(0).choice(len(different), MAX_DATES, replace=False)
        different = pa.concat_arrays([pa.array([ends["min"].as_py(), ends["max"].as_py()]), different.take(chosen)])
    seconds = parse_dates(pa.chunked_array([different]), form)
    if seconds is None or np.isnan(seconds).all():
        return {}
    ends = [format_moment(float(second)) for second in (np.nanmin(seconds), np.nanmax(seconds))]
    return {"dates": {"first": ends[0], "last": ends[1], "estimated": is_sampled}}


def format_moment(seconds: float) -> str:
    """A date, with its time unless it is midnight."""
    text = moment_at(round(seconds)).replace(tzinfo=None).isoformat(sep=" ")
    return text.removesuffix(" 00:00:00")


def read_facts(table: pa.Table, name: str) -> list[str]:
    """What the reader noted of each picture or sound in a column of its own; nothing where there is none."""
    if name not in table.column_names:
        return []
    return [cell for cell in table.column(name).to_pylist() if cell]


def read_measures(table: pa.Table, name: str) -> np.ndarray:
    if name not in table.column_names:
        return np.array([])
    return present_numbers(table.column(name))


def count_formats(column: pa.ChunkedArray) -> dict[str, int]:
    return count_values([cell.rpartition(".")[2].lower() for cell in column.to_pylist() if cell])


def count_values(values: list[str]) -> dict[str, int]:
    return dict(Counter(values).most_common(NAMES_SHOWN))


def describe_images(column: pa.ChunkedArray, table: pa.Table) -> JsonObject:
    """{pictures: {width, height, modes, formats}}, sizes in pixels."""
    statistics: JsonObject = {
        name: summarise(values, "min", "median", "max")
        for name in ("width", "height")
        if len(values := read_measures(table, name))
    }
    return {
        "pictures": statistics | {"modes": count_values(read_facts(table, "mode")), "formats": count_formats(column)}
    }


def describe_sounds(column: pa.ChunkedArray, table: pa.Table) -> JsonObject:
    """{sounds: {seconds, rates, channels, formats}}, rates in Hz."""
    seconds = read_measures(table, "seconds")
    statistics: JsonObject = {}
    if len(seconds):
        statistics["seconds"] = summarise(seconds, "min", "median", "max") | {"total": round(float(seconds.sum()), 1)}
    return {
        "sounds": statistics
        | {"rates": count_values(read_facts(table, "rate")), "channels": count_values(read_facts(table, "channels"))}
        | {"formats": count_formats(column)}
    }
