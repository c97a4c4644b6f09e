"""What each command of the trainer does (`trainer.__main__` reads the command line): its libraries are loaded when it is called."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from trainer.errors import EXIT_STOPPED, SpecError
from trainer.events import emit
from trainer.messages import _

GGUF = "gguf-"
"""Before the precision, of a format to export."""


def show_tasks(options: argparse.Namespace) -> None:
    from trainer import tasks

    print(json.dumps([task.declaration() for task in tasks.all()], ensure_ascii=False, indent=2))  # noqa: T201


def show_hardware(options: argparse.Namespace) -> None:
    from trainer.hardware import describe

    print(json.dumps(describe(), indent=2))  # noqa: T201


def inspect_files(options: argparse.Namespace) -> None:
    from trainer.data.inspect import inspect
    from trainer.data.readings import parse_choices

    result = inspect(
        options.files,
        options.out,
        task=options.task,
        columns=options.columns,
        split=options.split,
        fixes=options.fix,
        changes=options.changes,
        sheet=options.sheet,
        header=options.header,
        layout=options.layout,
        roles=options.roles,
        readings=parse_choices(options.reading),
        fetched=options.fetched,
        append=options.append,
        columns_before=options.columns_before,
        emit=emit,
    )
    emit("result", **result)


def fetch_dataset(options: argparse.Namespace) -> None:
    from trainer.data.hub import fetch_dataset

    emit("result", **fetch_dataset(options.name, options.out, emit))


def list_addresses(options: argparse.Namespace) -> None:
    from trainer.data.intake import list_addresses
    from trainer.data.readings import Choices, parse_choices

    choices = Choices(parse_choices(options.reading))
    result = list_addresses(
        options.files,
        options.out,
        sheet=options.sheet,
        header=options.header,
        layout=options.layout,
        choices=choices,
    )
    emit("result", **result)


def fetch_media(options: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_STOPPED))  # what has come stays
    from trainer.data.fetching import fetch_media

    emit("result", **fetch_media(options.list, options.out, emit))


def fetch_source(options: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_STOPPED))
    from trainer.data.source_fetching import fetch_source, read_asked

    emit("result", **fetch_source(read_asked(options.asked), options.out))


def find_new_rows(options: argparse.Namespace) -> None:
    from trainer.data.new_rows import find_new_rows

    new_rows = find_new_rows(
        options.version, options.files, options.out, emit, seen=options.seen, none_new=options.none_new
    )
    emit("result", **new_rows)


def fetch_model(options: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_STOPPED))  # what has come stays
    from trainer import model_download, models

    watch = model_download.Watch(emit, may_wait=not options.no_wait)
    emit("result", folder=str(models.resolve(options.model, watch.progress, watch.wait)))


def foresee(options: argparse.Namespace) -> None:
    from trainer.learning.foreseen_memory import describe

    figures = {"tokens": options.tokens, "rows": options.rows, "rank": options.rank, "mean_tokens": options.mean_tokens}
    emit("result", **describe(options.model, **figures))


def run(options: argparse.Namespace) -> int | None:
    # Until the run itself listens there is nothing to save, and its imports take seconds.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_STOPPED))
    from trainer import ranks
    from trainer.spec import load

    spec = load(options.spec).on(options.devices)
    if ranks.is_rank():
        ranks.end_with_launcher()
        if not ranks.is_leader():
            ranks.ignore_signals()
            from trainer.learning.followers import follow

            follow()
            return None
    elif (size := ranks.devices_of(spec)) > 1:
        if not (reason := ranks.why_alone()):
            devices = [] if options.devices is None else ["--devices", str(options.devices)]
            return ranks.run_all(["run", str(options.spec), "--out", str(options.out), *devices], size)
        ranks.warn_alone(reason)
        spec = spec.on(1)
    from trainer.learning.run import run

    emit("result", **run(spec, options.out, emit))
    return None


def search(options: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_STOPPED))
    from trainer.hyperparameters.search import search
    from trainer.spec import load

    emit("result", **search(load(options.spec), options.out, emit))


def propose(options: argparse.Namespace) -> None:
    from trainer.hyperparameters.request import propose

    emit("result", **propose(options.request))


def suggest(options: argparse.Namespace) -> None:
    from trainer.labelling.suggest import suggest

    emit("result", **suggest(options.request, options.out, emit))


def estimate(options: argparse.Namespace) -> None:
    from trainer.learning.estimate import estimate, process_seconds
    from trainer.spec import load

    started_in = process_seconds() if is_own_process() else 0.0  # called from another program, it started nothing
    emit("result", **estimate(load(options.spec), emit, started_in))


def is_own_process() -> bool:
    """Whether this process runs the trainer's command line and nothing else."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name == "trainer.__main__"


def describe(options: argparse.Namespace) -> None:
    import tempfile

    from trainer import tasks
    from trainer.learning import defaults
    from trainer.spec import load

    with tempfile.TemporaryDirectory(prefix="maquette-describe-") as folder:
        spec, _content = defaults.complete(load(options.spec), Path(folder))
    print(json.dumps(tasks.get(spec.task).describe(spec), ensure_ascii=False, indent=2))  # noqa: T201


def augment(options: argparse.Namespace) -> None:
    from trainer.events import silent
    from trainer.learning.family import family_of
    from trainer.learning.job import Job
    from trainer.spec import load

    job = Job(load(options.spec), options.out, silent)
    job.trial = True
    emit("result", **family_of(job.task).preview(job, options.out))


def sample(options: argparse.Namespace) -> None:
    from trainer.samples import write

    emit("result", **write(options.name, options.out))


def evaluate(options: argparse.Namespace) -> None:
    from trainer.inference import evaluate

    emit("result", **evaluate(options.artifact, options.data))


def compare(options: argparse.Namespace) -> None:
    from trainer.side_by_side import compare

    emit("result", **compare(options.first, options.second, options.metric))


def groups(options: argparse.Namespace) -> None:
    from trainer import tasks
    from trainer.group_scores import described, find_groups
    from trainer.groups import columns_of
    from trainer.side_by_side import headline_of, read

    kind, metric = tasks.get(read(options.artifact)["task"]).answer, options.metric or headline_of(options.artifact)
    columns = columns_of(options.data)
    scores = find_groups(options.artifact, options.data, columns, kind, metric, options.by, options.positive)
    emit("result", by=options.by, **described(scores))


def robustness(options: argparse.Namespace) -> None:
    from trainer.robustness.card import robustness

    emit("result", **robustness(options.artifact, options.data, emit))


def insight(options: argparse.Namespace) -> None:
    from trainer.insight.insight import insight

    emit("result", **insight(options.artifact, options.data, emit))


def report(options: argparse.Namespace) -> None:
    from trainer.report_text import report_text

    print(report_text(options.artifact))  # noqa: T201


def judge(options: argparse.Namespace) -> None:
    from trainer.judging.asking import KEY, Judge
    from trainer.judging.judge import judge, read_thumbs
    from trainer.judging.questions import Prices, pairs_of
    from trainer.report_text import read_report

    prices = Prices(options.price_read, options.price_written, options.cap)
    asked = Judge(options.url, options.model, prices, os.environ.get(KEY, ""), own_host(options.url))
    thumbs, pairs = read_thumbs(options.thumbs), pairs_of(read_report(options.artifact), options.pairs)
    emit("result", **judge(thumbs, pairs, asked, is_agreed=options.yes, emit=emit))


def own_host(url: str) -> list[str]:
    """Whoever names an address on the command line may ask it, wherever it is."""
    from trainer.data.checked_connection import NotFetchedError, split

    try:
        _parts, host, port = split(url)
    except NotFetchedError:
        return []
    return [f"{host}:{port}"]


def judge_sample(options: argparse.Namespace) -> None:
    from trainer.judging.judge import judge_sample

    emit("result", **judge_sample(json.loads(options.asked.read_text("utf-8")), options.journal, emit))


def predict(options: argparse.Namespace) -> None:
    from trainer.inference import predict

    for answer in predict(options.artifact, inputs_of(options.artifact, options.input)):
        print(json.dumps(answer, ensure_ascii=False))  # noqa: T201


def explain(options: argparse.Namespace) -> None:
    from trainer.inference import explain

    for answer in explain(options.artifact, inputs_of(options.artifact, options.input), options.method):
        print(json.dumps(answer, ensure_ascii=False))  # noqa: T201


def faithfulness(options: argparse.Namespace) -> None:
    from trainer.inference import faithfulness

    emit("result", **faithfulness(options.artifact, options.data))


def export(options: argparse.Namespace) -> None:
    from trainer.packaging.export import export

    if options.format.startswith(GGUF):
        export_gguf(options.artifact, options.format.removeprefix(GGUF))
        return
    formats = ("onnx", "onnx-int8") if options.format == "onnx-int8" else ("onnx",)
    emit("result", **export(options.artifact, emit=emit, formats=formats))


def export_gguf(artifact: Path, kind: str) -> None:
    from trainer.packaging.export import note_files
    from trainer.packaging.gguf_file import FOLDER, write_gguf

    path = write_gguf(artifact, kind)
    note_files(artifact, FOLDER)
    emit("result", path=str(path), bytes=path.stat().st_size)


def bench(options: argparse.Namespace) -> None:
    from trainer.inference import benchmark

    emit("result", **benchmark(options.artifact))


def inputs_of(artifact: Path, source: str) -> list[Any]:
    """What to ask: one input a line of `source` or, where it is not a text, the file itself."""
    from trainer import tasks
    from trainer.packaging.manifest import read_manifest

    task = tasks.get(read_manifest(artifact)["task"])
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise SpecError(
            _("%(source)s cannot be read: %(error)s.", source=source, error=error),
            code="no_file",
            hint=_("Give a text file, one input a line."),
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [content]
    return [task.read_line(line) for line in text.splitlines() if line.strip()]
