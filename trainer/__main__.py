"""The command line: `python -m trainer COMMAND`. What it prints on standard output is for programs; see docs/trainer.md."""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer import commands, openmp, unused_libraries
from trainer.errors import EXIT_BUG, EXIT_DONE, EXIT_STOPPED, EXIT_USER, Stopped, UserError
from trainer.events import emit
from trainer.messages import _


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    openmp.share()
    try:
        return options.command(options) or EXIT_DONE
    except UserError as error:
        emit("error", **error.as_dict())
        return EXIT_USER
    except Stopped:
        emit("log", message=_("Stopped on request; the same command resumes from here."))
        return EXIT_STOPPED
    except Exception as error:
        traceback.print_exc()
        emit(
            "error",
            code="bug",
            message=f"{type(error).__name__}: {error}",
            hint="This is a fault of the trainer: see standard error.",
        )
        return EXIT_BUG


class Parser(argparse.ArgumentParser):
    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> object:
        """Before Python 3.13, argparse takes `--` for no value in `--sheet=--` too."""
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            return self._get_value(action, "--")
        return super()._get_values(action, arg_strings)


def parser() -> argparse.ArgumentParser:
    root = Parser(prog="python -m trainer", description="Read data, train, evaluate, package and ask models.")
    subparsers = root.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, call: Callable[[argparse.Namespace], int | None], text: str, *positional: str
    ) -> argparse.ArgumentParser:
        command = subparsers.add_parser(name, help=text, description=text)
        for argument in positional:
            command.add_argument(argument, type=Path)
        command.set_defaults(command=call)
        return command

    add("tasks", commands.show_tasks, "Print the declarations of all tasks as JSON.")
    add("hardware", commands.show_hardware, "Print what this machine computes with as JSON.")
    add_inspect(add)
    fetching = add("fetch", commands.fetch_dataset, "Download the data files of a data set of the Hugging Face hub.")
    fetching.add_argument("name", help="ORG/NAME, or ORG/NAME@REVISION")
    fetching.add_argument("--out", type=Path, required=True)
    add_fetching(add)
    base_model = add(
        "fetch-model", commands.fetch_model, "Download a base model of the Hugging Face hub, where it is not here yet."
    )
    base_model.add_argument("model", help="hub:ORG/NAME, or hub:ORG/NAME@REVISION")
    base_model.add_argument(
        "--no-wait", action="store_true", help="do not wait while another process downloads the same model"
    )
    add_foreseeing(add)
    add("estimate", commands.estimate, "Measure what a run would take.", "spec")
    add("describe", commands.describe, "Print the layers of a specification's scratch: model as JSON.", "spec")
    augmenting = add("augment", commands.augment, "Draw how pictures are changed at random while learning.", "spec")
    augmenting.add_argument("--out", type=Path, required=True)
    sampling = add("sample", commands.sample, "Write a sample set that needs no download.")
    sampling.add_argument("name")
    sampling.add_argument("--out", type=Path, required=True)
    training = add("run", commands.run, "Train.", "spec")
    training.add_argument("--out", type=Path, required=True)
    training.add_argument(
        "--devices",
        type=int,
        help="how many GPUs (or, without any, processes) learn together, in place of the specification's",
    )
    add(
        "search",
        commands.search,
        "Search over the settings of a run: many trials, of which the best is tested.",
        "spec",
    ).add_argument("--out", type=Path, required=True)
    add("propose", commands.propose, "Say what a search tries next, from its trials.", "request")
    add("suggest", commands.suggest, "Suggest labels, and say which rows to ask about next.", "request").add_argument(
        "--out", type=Path, required=True
    )
    add("evaluate", commands.evaluate, "Score an artifact on other data.", "artifact", "data")
    comparing = add(
        "compare",
        commands.compare,
        "Say whether an artifact is better than another on the same test rows.",
        "first",
        "second",
    )
    comparing.add_argument("--metric", default="", help="the headline's where it is left out")
    grouping = add(
        "groups",
        commands.groups,
        "Score an artifact on groups of the test rows of its dataset version.",
        "artifact",
        "data",
    )
    grouping.add_argument("--by", required=True, help="a column, or a condition such as 'age < 25'")
    grouping.add_argument("--metric", default="", help="the headline's where it is left out")
    grouping.add_argument(
        "--positive", default="", help="of two classes the one to tell rates of; the rarer one where left out"
    )
    add(
        "robustness",
        commands.robustness,
        "Say how far an artifact's answers fall where its test rows are made worse.",
        "artifact",
        "data",
    )
    add(
        "insight",
        commands.insight,
        "Draw a map of an artifact's rows, and say what a model of a table goes by.",
        "artifact",
        "data",
    )
    add("report", commands.report, "Print an artifact's report as Markdown, to read.", "artifact")
    add_judging(add)
    add("predict", commands.predict, "Answer one input a line.", "artifact").add_argument("--input", default="-")
    explaining = add(
        "explain", commands.explain, "Say what in an input its answer depends on, one input a line.", "artifact"
    )
    explaining.add_argument("--input", default="-")
    explaining.add_argument("--method", default="", help="the most faithful one where it is left out")
    add(
        "faithfulness",
        commands.faithfulness,
        "Say how faithful each way to explain an artifact's answers is, beside a random order.",
        "artifact",
        "data",
    )
    exporting = add("export", commands.export, "Package an artifact for serving, or for llama.cpp.", "artifact")
    gguf = tuple(f"{commands.GGUF}{kind}" for kind in ("f16", "q8_0", "q4_k_m"))
    exporting.add_argument("--format", choices=("onnx", "onnx-int8", *gguf), default="onnx-int8")
    add("bench", commands.bench, "Measure how fast an artifact answers.", "artifact")
    return root


def add_inspect(add: Callable[..., argparse.ArgumentParser]) -> None:
    read = add("inspect", commands.inspect_files, "Read files into a dataset version.")
    read.add_argument("files", type=Path, nargs="+")
    read.add_argument("--out", type=Path, required=True)
    read.add_argument("--task")
    read.add_argument("--columns", type=json_source, help='JSON, such as {"text": "message", "label": "topic"}')
    read.add_argument("--roles", type=json_source, help='JSON, such as {"email": "ignore", "customer": "group"}')
    read.add_argument("--split", type=json_object, help='JSON, such as {"test": 0.2, "validation": 0.1, "seed": 0}')
    read.add_argument("--sheet", help="the sheet of a workbook to read; otherwise the one most like a table")
    read.add_argument(
        "--header", type=int, help="the row of the column names, from 1; 0: the file has none; otherwise it is found"
    )
    read.add_argument(
        "--layout", choices=("table", "text"), help="what a plain text file is, where the guess was wrong"
    )
    read.add_argument(
        "--reading",
        action="append",
        default=[],
        metavar="WHAT=CHOICE",
        help="how to read what can be read in several ways, such as header=2; repeatable; `reading` of the result lists them",
    )
    read.add_argument(
        "--fetched", type=Path, help="the folder that fetch-media filled, for --reading addresses:COLUMN=fetch"
    )
    read.add_argument(
        "--append",
        action="append",
        type=Path,
        default=[],
        help="a table whose rows join those of a version, or of files; repeatable",
    )
    read.add_argument(
        "--columns-before",
        type=json_list,
        help="JSON, or @FILE that holds it: the columns' names, in order, when those rows were added, where files are read anew "
        "with another header; [] where they are read anew in another way",
    )
    read.add_argument("--fix", action="append", default=[], help="mend one fault; repeatable")
    read.add_argument(
        "--changes",
        type=json_source,
        help='rows to drop and cells to set, as JSON: {"drop": [3], "set": [{"row": 1, "column": "label", "value": "x"}]}; '
        "@FILE reads it from a file, - from standard input, as a long one must be",
    )


def add_foreseeing(add: Callable[..., argparse.ArgumentParser]) -> None:
    foreseeing = add(
        "foresee",
        commands.foresee,
        "Say what memory training a model takes, from its configuration alone, before anything is downloaded.",
    )
    foreseeing.add_argument("model", help="hub:ORG/NAME, local:NAME, bundled:NAME or artifact:PATH")
    foreseeing.add_argument("--tokens", type=bounded(1, 131_072), default=512, help="length of the longest row")
    foreseeing.add_argument(
        "--mean-tokens",
        type=bounded(1, 131_072),
        help="mean length of the rows, where they are packed (params.packing)",
    )
    foreseeing.add_argument("--rows", type=bounded(1, 4_096), default=1, help="rows of a step")
    foreseeing.add_argument("--rank", type=bounded(1, 256), default=8, help="of LoRA")


def add_judging(add: Callable[..., argparse.ArgumentParser]) -> None:
    judging = add(
        "judge",
        commands.judge,
        "Let a model at an address of OpenAI's form grade answers, once it is measured against thumbs of people.",
        "artifact",
    )
    judging.add_argument("--url", required=True, help="its base URL, such as https://host/v1")
    judging.add_argument("--model", required=True)
    judging.add_argument("--thumbs", type=Path, required=True, help="answers that people rated, a JSON object a line")
    judging.add_argument("--price-read", type=float, required=True, help="of a million tokens read")
    judging.add_argument("--price-written", type=float, required=True, help="of a million tokens written")
    judging.add_argument("--cap", type=float, required=True, help="what may be spent in all")
    judging.add_argument("--pairs", type=bounded(0, 24), default=24, help="test prompts whose two answers are compared")
    judging.add_argument("--yes", action="store_true", help="ask it; otherwise the price alone is told")
    sampling = add(
        "judge-sample", commands.judge_sample, "The same of thumbs and pairs in a file, asking nothing twice."
    )
    sampling.add_argument("asked", type=Path, help="JSON: url, model, key, allowed, prices, of, thumbs, pairs")
    sampling.add_argument("--journal", type=Path, required=True, help="what was asked before, added to")


def bounded(low: int, high: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return int(text)

    whole.__name__ = "number"  # what argparse calls it where it is none
    return whole


def add_fetching(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The two commands for addresses in tables: one reads the tables, the other has a network."""
    listing = add(
        "addresses", commands.list_addresses, "List the addresses of images and audio in a table, one a line."
    )
    listing.add_argument("files", type=Path, nargs="+")
    listing.add_argument("--out", type=Path, required=True)
    listing.add_argument("--sheet")
    listing.add_argument("--header", type=int)
    listing.add_argument("--layout", choices=("table", "text"))
    listing.add_argument("--reading", action="append", default=[], metavar="WHAT=CHOICE")
    fetching = add("fetch-media", commands.fetch_media, "Fetch the images and audio that a list of addresses leads to.")
    fetching.add_argument("list", type=Path)
    fetching.add_argument("--out", type=Path, required=True)
    source = add("fetch-source", commands.fetch_source, "Fetch what an address leads to, unless it is what was known.")
    source.add_argument("asked", type=Path, help="JSON: address, and what is known of it")
    source.add_argument("--out", type=Path, required=True)
    newer = add("new-rows", commands.find_new_rows, "Find the rows of files that a version does not have.", "version")
    newer.add_argument("files", type=Path, nargs="+")
    newer.add_argument("--out", type=Path, required=True)
    newer.add_argument("--seen", type=Path, help="the seen.npy of an earlier call, whose rows are not new")
    newer.add_argument("--none-new", action="store_true", help="count all rows as seen")


def json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("not a JSON object")
    return value


def json_list(text: str) -> list[str]:
    """A JSON list of texts, or `@` and the name of a file that holds it."""
    try:
        value = json.loads(text_of_source(text))
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise argparse.ArgumentTypeError("not a JSON list of texts")
    return value


def json_source(text: str) -> dict[str, Any]:
    """JSON, `@` and the name of a file that holds it, or `-` for standard input."""
    return json_object(text_of_source(text))


def text_of_source(text: str) -> str:
    try:
        if text == "-":
            return sys.stdin.read()
        return Path(text[1:]).read_text("utf-8") if text.startswith("@") else text
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{text[:200]} cannot be read: {error}") from error


if __name__ == "__main__":
    unused_libraries.leave_out()
    sys.exit(main())
