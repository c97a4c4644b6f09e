"""What a kind of answer is stands once in each part: looked up by its key, and asked by nobody with an `if`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import tree
from trainer import answers, tasks
from trainer.answers.base import Answer
from trainer.answers.base_scoring import Scoring, scoring_of
from trainer.dotted import load
from trainer.learning.objective import Objective
from webapp.answers import of_output, of_task, presentations

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("trainer", "serving", "webapp")
OWN = ("trainer/answers/", "webapp/answers/")
KINDS = pytest.mark.parametrize("answer", answers.kinds().values(), ids=lambda answer: answer.key)
OF_ONE_KIND = re.compile(
    r"\banswer\.(label|labels|scores|value|objects|text)\b|\breport\.(confusion|pairs|per_class)\b|\.(wer|map_50)\b"
)
"""Fields of one kind of answer or of its report, which templates of that kind alone may name."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(OWN) and "/migrations/" not in name:
                yield name, tree(path)


def strings_in(node: ast.expr) -> set[str]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def names_kind(node: ast.expr) -> bool:
    """Whether it reads which kind of answer a task, a shape or an artifact has."""
    last = ast.unparse(node)
    return last.endswith((".answer", "shape.kind", "widget_out", '["widget_out"]', "answer.key", ".loaded.kind"))


def test_nobody_compares_kinds() -> None:
    keys = set(answers.kinds()) | {answer.widget for answer in answers.kinds().values()}
    wrong = [
        f"{name}:{node.lineno}: {ast.unparse(node)}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(names_kind(side) for side in (node.left, *node.comparators))
        and any(keys & strings_in(side) for side in (node.left, *node.comparators))
    ]
    assert wrong == []


def test_fields_of_a_kind_stand_in_its_own_templates() -> None:
    folder = ROOT / "templates"
    wrong = [
        f"{path.relative_to(folder)}: {found[0]}"
        for path in sorted(folder.rglob("*.html"))
        if "answers" not in path.relative_to(folder).parts
        for found in OF_ONE_KIND.finditer(path.read_text("utf-8"))
    ]
    assert wrong == []


@KINDS
def test_a_kind_is_whole(answer: Answer) -> None:
    assert answer.pick in answer.output
    assert [other.key for other in answers.kinds().values() if answer.pick in other.output] == [answer.key]
    assert answers.of_output(dict.fromkeys(answer.output)) is answer
    assert issubclass(load(answer.objective), Objective)
    assert isinstance(scoring_of(answer.key), Scoring)
    assert load(answer.objective).headline in {metric.name for metric in answer.metrics}


def test_a_metric_is_of_one_kind() -> None:
    names = [metric.name for answer in answers.kinds().values() for metric in answer.metrics]
    assert sorted(set(names)) == sorted(names)


@KINDS
def test_a_kind_is_presented(answer: Answer) -> None:
    presentation = presentations()[answer.key]
    assert presentation.answer is answer
    assert (ROOT / "templates" / "answers" / answer.key / "answer.html").exists() or answer.key == "text"
    assert all((ROOT / "templates" / usual).exists() for _own, usual in presentation.templates.values())


def test_presentations_are_found_by_task_and_by_output() -> None:
    assert {of_task(task.slug).key for task in tasks.all()} <= set(answers.kinds())
    assert of_task("no-such-task").key == "class"
    found = of_output({"value": 3.0, "low": 1.0, "high": 5.0})
    assert found is not None
    assert found.answer_text({"value": 3.0}) == "3"
    assert of_output({}) is None


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        ({"labels": ["a", "b"]}, "class"),
        ({"labels": []}, "number"),
        ({"answer": "number", "labels": []}, "number"),
        ({"answer": "class", "labels": []}, "class"),
    ],
)
def test_a_file_says_its_kind_and_an_old_one_by_its_labels(facts: dict[str, object], key: str) -> None:
    assert answers.of_file(facts).key == key
