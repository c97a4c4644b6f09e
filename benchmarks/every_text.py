"""One table: every set of texts of the reference data by every method that its task has: score with interval, seconds, money.

    python benchmarks/every_text.py [--rows 200] [--test 150] [--seconds 60] [--price 0.1] [--sets ag_news …] [--methods words …] [--table]

Each set is cut to so many rows to learn from and to test on, drawn once, and each run ends its learning after so many seconds, so that
the whole takes less than an hour. What was measured is kept in var/every_text, a file for each set, method and size, and is not run
again: a command that was stopped goes on, `--table` only prints. The quickest methods come first. Money: the seconds of the whole run at
the price of an hour.
"""

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _sets import data

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from trainer import tasks  # noqa: E402
from trainer.errors import UserError  # noqa: E402
from trainer.learning.run import run  # noqa: E402
from trainer.spec import Spec  # noqa: E402

LEAST_FLAGS = 8
"""Columns of 0 and 1 of a row, from which on they are its labels."""
KEPT = ROOT / "var" / "every_text"
WRITER = "local:stories260K"
"""What writes already, where a method builds on one: the models that tasks name need the hub."""
ORDER = ("zero-shot", "words", "extractive", "linear", "probe", "fewshot", "scratch", "lora", "full")


class Set(NamedTuple):
    """`files`: to learn from and, where the set has its own, to test on; several that belong together: all that there are.
    `columns`: {role: column}, empty where the form says it; `limits`: of the task's settings."""

    task: str
    files: tuple[str, ...]
    columns: dict[str, str] = {}
    roles: dict[str, str] = {}
    params: dict[str, Any] = {}


def parts(folder: str, name: str, ending: str = "csv") -> tuple[str, str]:
    return f"{folder}/{name}_train.{ending}", f"{folder}/{name}_test.{ending}"


LABELLED = {"text": "text", "label": "label"}
SETS = {
    "sms_spam": Set("text-classification", ("text_classification/sms_spam.csv",), LABELLED),
    "ag_news": Set("text-classification", parts("text_classification", "ag_news"), LABELLED),
    "banking77": Set("text-classification", parts("text_classification", "banking77"), LABELLED),
    "chn_hotel": Set("text-classification", parts("text_classification", "chn_hotel"), LABELLED),
    "support_intents": Set(
        "text-classification", parts("chat", "support_intents"), {"text": "utterance", "label": "intent"}
    ),
    "goemotions": Set(
        "multilabel-classification", parts("text_multilabel", "goemotions"), {"text": "text", "labels": "labels"}
    ),
    "zh_events": Set(
        "multilabel-classification", parts("text_multilabel", "zh_events"), {"text": "content", "labels": "labels"}
    ),
    "netflix_genres": Set(
        "multilabel-classification",
        parts("text_multilabel", "netflix_genres"),
        {"text": "description", "labels": "labels"},
    ),
    "readability": Set(
        "text-regression", parts("text_regression", "readability"), {"text": "excerpt", "target": "easiness"}
    ),
    "word_complexity": Set("tabular-regression", parts("text_regression", "word_complexity"), {"target": "complexity"}),
    "clothing_reviews": Set(
        "tabular-classification",
        parts("text_table", "clothing_reviews"),
        {"target": "Recommended IND"},
        {"Rating": "ignore"},
    ),
    "resume_zh": Set("token-classification", parts("ner", "resume_zh", "jsonl")),
    "wnut17": Set("token-classification", parts("ner", "wnut17", "conll")),
    "atis": Set("token-classification", parts("extraction", "atis", "jsonl")),
    "wiki": Set("question-answering", parts("question_answering", "wiki", "json")),
    "xquad_zh": Set("question-answering", ("question_answering/xquad_zh.json",)),
    "stsb_en": Set("sentence-similarity", parts("sentence_pairs", "stsb_en")),
    "stsb_zh": Set("sentence-similarity", parts("sentence_pairs", "stsb_zh")),
    "lcqmc_zh": Set("sentence-similarity", parts("sentence_pairs", "lcqmc_zh", "jsonl")),
    "dialogsum": Set("summarization", ("text2text/dialogsum_train500.csv", "text2text/dialogsum_test500.csv")),
    "headlines": Set("summarization", parts("text2text", "headlines_en", "jsonl")),
    "multi30k": Set("translation", parts("text2text", "multi30k_en_de")),
    "alpaca_en": Set("text-generation", ("text2text/alpaca_en.jsonl",)),
    "alpaca_zh": Set("text-generation", ("text2text/alpaca_zh.jsonl",)),
    "assistant_en": Set("text-generation", parts("chat", "assistant_en", "jsonl")),
    "knowledge_zh": Set("text-generation", parts("chat", "knowledge_zh", "jsonl")),
}
"""Left out: cranfield, whose 1,400 texts are read whole by each method (benchmarks/search.py), tinyshakespeare, one text
(benchmarks/written_texts.py), receipts, whose fields are no passages, conversations that call tools, and banking77 a second time."""


def cut(source: Path, target: Path, count: int) -> Path:
    """So many of the file's rows, drawn once, in the same form."""
    draw = np.random.default_rng(0)
    if source.suffix == ".csv":
        with source.open(newline="", encoding="utf-8") as file:
            rows = [with_labels(row) for row in csv.DictReader(file)]
        chosen = [rows[index] for index in np.sort(draw.permutation(len(rows))[:count]).tolist()]
        with target.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(chosen)
        return target
    text = source.read_text("utf-8")
    if source.suffix == ".json":  # the form of SQuAD
        target.write_text(json.dumps(first_questions(json.loads(text), count)), "utf-8")
        return target
    gap = "\n\n" if source.suffix == ".conll" else "\n"
    pieces = [piece for piece in text.split(gap) if piece.strip()]
    chosen_pieces = [pieces[index] for index in np.sort(draw.permutation(len(pieces))[:count]).tolist()]
    target.write_text(gap.join(chosen_pieces) + gap, "utf-8")
    return target


def with_labels(row: dict[str, str]) -> dict[str, str]:
    """With what its columns of 0 and 1 say as one column, where it has several of them and no other labels."""
    flags = [name for name, cell in row.items() if cell in ("0", "1")]
    if len(flags) < LEAST_FLAGS:
        return row
    return row | {"labels": "|".join(name for name in flags if row[name] == "1")}


def first_questions(document: dict[str, Any], count: int) -> dict[str, Any]:
    """The same with so many questions, of passages of all articles by turns."""
    passages = [passage for article in document["data"] for passage in article["paragraphs"]]
    chosen = []
    for index in np.random.default_rng(0).permutation(len(passages)).tolist():
        questions = passages[index]["qas"][:count]
        count -= len(questions)
        chosen.append(passages[index] | {"qas": questions})
        if count <= 0:
            break
    return {"version": document.get("version", "1.1"), "data": [{"title": "", "paragraphs": chosen}]}


def methods_of(name: str) -> list[str]:
    """Of the set's task, the quickest first; the ladder is measured in benchmarks/ladder.py."""
    slugs = [method.slug for method in tasks.get(SETS[name].task).methods if method.slug != "best"]
    return sorted(slugs, key=lambda slug: ORDER.index(slug) if slug in ORDER else len(ORDER))


def specification(name: str, method: str, folder: Path, options: argparse.Namespace) -> Spec:
    task, files, columns, roles, params = SETS[name]
    sizes = (options.rows, options.test) if len(files) > 1 else (options.rows + options.test,)
    paths = [str(cut(data() / file, folder / Path(file).name, size)) for file, size in zip(files, sizes, strict=True)]
    share = {"split": {"test": options.test / sum(sizes)}} if len(files) == 1 else {"test_path": paths[1]}
    fields = {"task": task, "method": method, "params": params, "limits": {"seconds": options.seconds}}
    dataset = {"path": paths[0], "columns": columns, "roles": roles} | share
    model = {"model": WRITER} if method in ("lora", "full") and not pretrained(task) else {}
    return Spec.model_validate(fields | {"dataset": dataset} | model)


def pretrained(task: str) -> bool:
    """Whether a pretrained model of this task is at hand."""
    return any(card.ref.startswith("bundled:") for card in tasks.get(task).models)


def measure(name: str, method: str, options: argparse.Namespace) -> dict[str, Any]:
    warnings: list[str] = []

    def hear(kind: str, /, **fields: object) -> None:
        if kind == "warning":
            warnings.append(str(fields["code"]))

    started, worked = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as place:
        try:
            spec = specification(name, method, Path(place), options)
            result = run(spec, Path(place) / "out", hear)
            outcome = {"score": result["headline"], "test_rows": result.get("test_rows")}
        except UserError as error:  # a method that cannot learn these rows says so
            outcome = {"error": str(error)}
    seconds, busy = time.monotonic() - started, time.process_time() - worked
    spent = {"seconds": round(seconds, 1), "processor_seconds": round(busy, 1), "load": round(os.getloadavg()[0], 1)}
    return outcome | spent | {"warnings": sorted(set(warnings))}


def row(name: str, method: str, outcome: dict[str, Any], price: float) -> str:
    if "error" in outcome:
        return f"| {name} | {method} | {outcome['error']} | | |"
    score = outcome["score"]
    interval = f" ({score['low']:.3f} to {score['high']:.3f})" if score.get("low") is not None else ""
    ended = ", cut short" if "limit" in outcome["warnings"] else ""
    worked = outcome["processor_seconds"]
    return (
        f"| {name} | {method} | {score['name']} {score['value']:.3f}{interval}{ended}"
        f" | {outcome['seconds']:.0f} s ({worked:.0f} s) | {worked * price / 3600:.5f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--test", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=60, help="limit of each run")
    parser.add_argument("--price", type=float, default=0.1, help="of an hour")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--methods", nargs="+", help="these alone")
    parser.add_argument("--table", action="store_true", help="print what was measured, and measure nothing")
    options = parser.parse_args()
    data()
    KEPT.mkdir(parents=True, exist_ok=True)
    pairs = [(name, method) for name in options.sets for method in methods_of(name)]
    pairs = [pair for pair in pairs if not options.methods or pair[1] in options.methods]
    pairs.sort(key=lambda pair: ORDER.index(pair[1]) if pair[1] in ORDER else len(ORDER))
    lines = {}
    for name, method in pairs:
        path = KEPT / f"{name}-{method}-{options.rows}-{options.test}-{options.seconds:g}.json"
        if not path.exists() and not options.table:
            path.write_text(json.dumps(measure(name, method, options)), "utf-8")
            print(row(name, method, json.loads(path.read_text("utf-8")), options.price), file=sys.stderr, flush=True)
        if path.exists():
            lines[name, method] = row(name, method, json.loads(path.read_text("utf-8")), options.price)
    head = ["| set | method | score | seconds (of the processor) | money |", "|---|---|---|---|---|"]
    table = [lines[pair] for pair in sorted(lines, key=lambda pair: list(SETS).index(pair[0]))]
    print("\n".join([*head, *table, f"{len(lines)} of {len(pairs)} measured"]))


if __name__ == "__main__":
    main()
