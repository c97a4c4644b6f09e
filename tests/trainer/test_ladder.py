"""The ladder (`best`), on real runs of a tiny real model: which steps it takes, why it stops, and that no kill changes that."""

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import command
from trainer import tasks
from trainer.learning.ladder import is_ahead
from trainer.learning.rungs import Step
from trainer.tasks.text_classification import TextClassification
from trainer.tasks.token_classification import TokenClassification

SAMPLE = TextClassification.sample()
MANY = [{"text": f"{row['text']} {turn}", "label": row["label"]} for turn in range(4) for row in SAMPLE]
ROUGH = [{**row, "label": "bad" if number % 9 == 0 else row["label"]} for number, row in enumerate(MANY)]
"""With some labels that nobody could foresee, so that there is always something to mend."""
SPLIT = {"test": 0.25, "validation": 0.25, "seed": 0}


def noise(rows: int, seed: int = 0) -> list[dict[str, Any]]:
    """Labels that have nothing to do with the texts."""
    generator = np.random.default_rng(seed)
    words = ["lovely", "wonderful", "dreadful", "rude", "cafe", "shop", "staff", "time", "worked"]
    return [
        {"text": " ".join([*generator.choice(words, 5), str(number)]), "label": str(generator.choice(["x1", "y2"]))}
        for number in range(rows)
    ]


def pointless(task: str, rows: int = 300) -> list[dict[str, Any]]:
    """Texts of `noise` with answers of another kind that have nothing to do with them."""
    generator = np.random.default_rng(1)
    texts = [row["text"] for row in noise(rows)]
    if task == "text-regression":
        return [{"text": text, "target": float(generator.normal())} for text in texts]
    labels = [[name for name in ("x1", "y2", "z3") if generator.random() < 0.3] for _text in texts]
    return [{"text": text, "labels": json.dumps(chosen)} for text, chosen in zip(texts, labels, strict=True)]


def run_of(models: Path, folder: Path, rows: list[dict[str, Any]], **fields: Any) -> tuple[list[Any], dict[str, Any]]:
    spec = write(folder, rows, **fields)
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    return events, report_of(folder / "out")


def write(folder: Path, rows: list[dict[str, Any]], **fields: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    data = command.write_lines(folder / "data.jsonl", rows)
    dataset = {"path": str(data), "split": SPLIT}
    fields = {"task": "text-classification", "method": "best"} | fields
    return command.write_spec(folder, rows, dataset=dataset, **fields)


def report_of(out: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((out / "artifact" / "report.json").read_text("utf-8"))
    return report


def predictions(out: Path) -> list[Any]:
    import pyarrow.parquet as pq

    return pq.read_table(out / "artifact" / "predictions.parquet").column("probabilities").to_pylist()


def test_it_climbs_as_long_as_more_is_shown_to_be_better(models: Path, tmp_path: Path) -> None:
    events, report = run_of(models, tmp_path, ROUGH, hardware={"price_per_hour": 3.6})
    steps = report["ladder"]["steps"]
    assert [step["method"] for step in steps][:4] == ["baseline", "zero-shot", "words", "probe"]
    told = command.of(events, "step")
    assert [(event["method"], event["state"]) for event in told] == [
        (step["method"], state) for step in steps for state in ("start", "done")
    ]
    assert steps[2]["outcome"] == "better"
    assert steps[2]["against"] == "baseline"
    assert all(step["cost"] == pytest.approx(step["seconds"] / 1000, abs=1e-4) for step in steps)
    assert all(step["rows"] > 0 for step in steps)
    assert report["ladder"]["winner"] in ("words", "probe", "full")
    assert report["ladder"]["stopped"].endswith(".")
    assert report["metrics"]["accuracy"] > 0.85
    assert sum(event["split"] == "test" for event in command.of(events, "metric")) == 0


def test_what_leaves_nothing_to_mend_is_the_last_step(models: Path, tmp_path: Path) -> None:
    """Counted words do it here: what is packaged is theirs, and needs no network."""
    _events, report = run_of(models, tmp_path, MANY)
    assert [step["method"] for step in report["ladder"]["steps"]] == ["baseline", "zero-shot", "words"]
    assert report["ladder"]["winner"] == "words"
    assert "So few mistakes are left" in report["ladder"]["stopped"]
    assert report["metrics"]["accuracy"] == 1.0
    artifact = tmp_path / "out" / "artifact"
    assert sorted(path.name for path in (artifact / "model").iterdir()) == ["words.json", "words.npz"]
    assert report["export"]["engine"] == "words"
    assert report["terms"], "the strongest words, as those of a run of word counts"
    manifest = json.loads((artifact / "manifest.json").read_text("utf-8"))
    assert (manifest["method"], manifest["winner"], manifest["model"]) == ("best", "words", "scratch:words")
    assert "(`words` was kept)" in (artifact / "README.md").read_text("utf-8")
    inputs = tmp_path / "inputs.txt"
    inputs.write_text("what a lovely cafe\nrude staff\n", "utf-8")
    code, answers = command.call(models, "predict", artifact, "--input", inputs)
    assert (code, [answer["label"] for answer in answers]) == (0, ["good", "bad"])


def test_labels_of_pure_noise_stop_it_at_the_baseline(models: Path, tmp_path: Path) -> None:
    events, report = run_of(models, tmp_path, noise(300))
    assert report["ladder"]["winner"] == "baseline"
    assert [step["method"] for step in report["ladder"]["steps"]] == ["baseline", "words", "probe"]
    assert "one answer for all rows" in report["ladder"]["stopped"]
    assert report["ladder"]["stopped"] in [event["message"] for event in command.of(events, "log")]
    assert not command.of(events, "checkpoint") or all(step["method"] != "full" for step in report["ladder"]["steps"])
    inputs = tmp_path / "inputs.txt"
    inputs.write_text("lovely cafe\nrude staff\n", "utf-8")
    code, answers = command.call(models, "predict", tmp_path / "out" / "artifact", "--input", inputs)
    assert code == 0
    assert len({answer["label"] for answer in answers}) == 1, "one answer is packaged and served as any model is"


@pytest.mark.parametrize("task", ["text-regression", "multilabel-classification"])
def test_noise_of_any_kind_stops_it_at_the_baseline(task: str, models: Path, tmp_path: Path) -> None:
    _events, report = run_of(models, tmp_path, pointless(task), task=task)
    assert [step["method"] for step in report["ladder"]["steps"]] == ["baseline", "words", "probe"]
    assert report["ladder"]["winner"] == "baseline"
    assert "one answer for all rows" in report["ladder"]["stopped"]


def strange(form: str, rows: int = 240) -> list[dict[str, Any]]:
    """Texts of `noise`, of which nothing says which belong together, or which passage answers."""
    generator = np.random.default_rng(2)
    texts = [row["text"] for row in noise(rows)]
    others = [texts[place] for place in generator.permutation(rows)]
    if form == "question":
        passages = [text.split()[int(generator.integers(5))] for text in others]
        return [
            {"question": text, "context": other, "answers": passage}
            for text, other, passage in zip(texts, others, passages, strict=True)
        ]
    if form == "search":
        return [{"query": text, "positive": other} for text, other in zip(texts, others, strict=True)]
    scores = generator.integers(0, 6, rows).tolist()
    pairs = zip(texts, others, scores, strict=True)
    return [{"sentence1": text, "sentence2": other, "score": score} for text, other, score in pairs]


@pytest.mark.parametrize(
    ("form", "task", "cheap", "sentence"),
    [
        ("pairs", "sentence-similarity", "zero-shot", "which texts belong together"),
        ("search", "sentence-similarity", "zero-shot", "which texts belong together"),
        ("question", "question-answering", "probe", "the passage with most words of the question"),
    ],
)
def test_noise_in_pairs_and_questions_stops_it_at_the_baseline(
    form: str, task: str, cheap: str, sentence: str, models: Path, tmp_path: Path
) -> None:
    fields = {"task": task, "params": {"epochs": 1, "max_length": 32}}
    _events, report = run_of(models, tmp_path, strange(form), **fields)
    assert [step["method"] for step in report["ladder"]["steps"]] == ["baseline", cheap]
    assert report["ladder"]["winner"] == "baseline"
    assert sentence in report["ladder"]["stopped"]
    inputs = tmp_path / "inputs.txt"
    inputs.write_text(
        '{"question": "rude?", "context": "rude staff"}\n' if form == "question" else "rude staff\n", "utf-8"
    )
    code, answers = command.call(models, "predict", tmp_path / "out" / "artifact", "--input", inputs)
    assert code == 0, answers
    assert len(answers) == 1, "what is kept is packaged and served as any model is"


def climbed(task: str) -> list[dict[str, Any]]:
    """Rows of which a model that reads knows more than the first step."""
    if task == "question-answering":
        openings = [row["text"].rpartition(" ")[0] for row in noise(160)]
        return [
            {"question": f"how was it {at}", "context": f"{text} {word} {at} {text}", "answers": word}
            for at, (text, word) in enumerate(zip(openings, ["splendid", "awful"] * 80, strict=True))
        ]
    rows = tasks.get(task).sample() * 3
    return [
        {name: value if name == "score" else f"{value} {at}" for name, value in row.items() if name != "third"}
        for at, row in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("task", "steps"),
    [("sentence-similarity", ["baseline", "zero-shot", "full"]), ("question-answering", ["baseline", "probe", "full"])],
)
def test_pairs_and_questions_climb(task: str, steps: list[str], models: Path, tmp_path: Path) -> None:
    rows = climbed(task)
    params = {"epochs": 3, "max_length": 32, "head_learning_rate": 0.03}
    _events, report = run_of(models, tmp_path, rows, task=task, params=params)
    ladder = report["ladder"]
    assert [step["method"] for step in ladder["steps"]] == steps[: len(ladder["steps"])]
    assert ladder["winner"] != "baseline"
    assert all(0 < step["rows"] < len(rows) for step in ladder["steps"])
    assert ladder["stopped"].endswith(".")
    assert report["export"]["engine"].startswith("onnx")


def test_passages_are_compared_on_the_rows_that_no_step_learned_from(models: Path, tmp_path: Path) -> None:
    rows = [
        {"tokens": [*row["tokens"], str(turn)], "tags": [*row["tags"], "O"]}
        for turn in range(4)
        for row in TokenClassification.sample()
    ]
    _events, report = run_of(models, tmp_path, rows, task="token-classification", params={"epochs": 2})
    steps = report["ladder"]["steps"]
    assert [step["method"] for step in steps][:2] == ["baseline", "probe"]
    assert steps[0]["score"] == 0, "nothing is marked"
    assert steps[1]["outcome"] == "better"
    assert 0 < steps[1]["rows"] < len(rows) / 2


def test_what_the_limit_does_not_pay_for_is_not_begun(models: Path, tmp_path: Path) -> None:
    """Ten times the limit on a machine of today, so that a quicker one does not begin it either."""
    rows = [{**row, "text": f"{row['text']} {turn} {'and so on ' * 20}"} for turn in range(12) for row in MANY]
    rows = [{**row, "label": "bad" if number % 7 == 0 else row["label"]} for number, row in enumerate(rows)]
    _events, report = run_of(
        models, tmp_path, rows, limits={"seconds": 60}, params={"epochs": 100, "patience": 100, "batch_size": 1}
    )
    assert [step["method"] for step in report["ladder"]["steps"]][-1] == "probe"
    assert "the limit leaves" in report["ladder"]["stopped"]


@pytest.mark.parametrize(
    ("best", "value", "low", "high", "is_kept"),
    [
        ("baseline", 0.14, -0.01, 0.29, False),
        ("baseline", 0.14, 0.01, 0.27, True),
        ("zero-shot", 0.14, -0.01, 0.29, True),
        ("zero-shot", 0.05, -0.10, 0.20, False),
        ("zero-shot", -0.14, -0.29, 0.01, False),
    ],
)
def test_what_is_likely_better_is_kept_once_something_is_shown_to_be(
    best: str, value: float, low: float, high: float, is_kept: bool
) -> None:
    outcome = "better" if low > 0 else "not shown"
    step = Step("probe", 1.0, difference={"value": value, "low": low, "high": high}, outcome=outcome)
    assert is_ahead(step, best) == is_kept


@pytest.mark.slow
def test_killed_between_and_within_steps_it_goes_on_to_the_same_model(models: Path, tmp_path: Path) -> None:
    rows = ROUGH
    alone, report = run_of(models, tmp_path / "alone", rows, params={"epochs": 2})
    steps = [step["method"] for step in report["ladder"]["steps"]]
    assert steps[-1] == "full", "the last step is taken, so that it can be killed"
    spec = write(tmp_path / "killed", rows, params={"epochs": 2})
    out = tmp_path / "killed" / "out"
    marks = [
        lambda event: event["type"] == "step" and (event["method"], event["state"]) == ("zero-shot", "done"),
        lambda event: event["type"] == "step" and (event["method"], event["state"]) == ("probe", "start"),
        lambda event: event["type"] == "step" and (event["method"], event["state"]) == ("full", "start"),
        lambda event: event["type"] == "checkpoint" and not event["resumed"] and event["epoch"] > 1,
        lambda event: event["type"] == "stage" and (event["name"], event["state"]) == ("package", "start"),
    ]
    for mark in marks:
        process = command.start(models, "run", spec, "--out", out, MAQUETTE_CHECKPOINT_SECONDS="0")
        assert process.stdout is not None
        with process:
            for line in process.stdout:
                if mark(json.loads(line)):
                    process.send_signal(signal.SIGKILL)
                    break
            process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
    code, events = command.call(models, "run", spec, "--out", out)
    assert code == 0, events[-1]
    found = report_of(out)
    assert [step["method"] for step in found["ladder"]["steps"]] == steps
    for name in ("score", "difference", "outcome", "rows"):
        assert [step[name] for step in found["ladder"]["steps"]] == [step[name] for step in report["ladder"]["steps"]]
    assert found["ladder"]["winner"] == report["ladder"]["winner"]
    assert predictions(out) == predictions(tmp_path / "alone" / "out")
    assert alone[-1]["headline"] == events[-1]["headline"]


def test_tiny_sets_climb_in_each_round_of_their_cross_validation(models: Path, tmp_path: Path) -> None:
    data = command.write_lines(tmp_path / "data.jsonl", SAMPLE[::2])
    dataset = {"path": str(data), "split": {"folds": 2}}
    spec = command.write_spec(tmp_path, SAMPLE, method="best", task="text-classification", dataset=dataset)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    ladder = report_of(tmp_path / "out")["ladder"]
    assert ladder["rounds"] == 2
    assert 1 <= ladder["won"] <= 2
