"""Conversations and texts as rows to write: what is learned of them, what is asked of the test rows, and the parts of long ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer import command, tiny_writer
from trainer.data.conversation_rows import TURNS, WRITTEN
from trainer.data.loading import Loaded
from trainer.events import silent
from trainer.families.text.packing import IGNORED
from trainer.families.text.writing import WritingFamily
from trainer.families.text.writing_rows import ASKED, ASKED_TOKENS, WritingRows, padded
from trainer.learning.job import Job
from trainer.spec import load
from trainer.writing.figures import FIGURES
from trainer.writing.prompts import Template

CPU = torch.device("cpu")
LONG = " ".join(f"word{number}" for number in range(60))
CHAT: list[tuple[list[tuple[str, str]], str]] = [
    ([("user", "What is it?")], "A kettle."),
    ([("user", "Hi"), ("assistant", "Yes?"), ("user", "Boil it")], "Done."),
    ([("user", "茶?")], "好 🫖"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer.build(tmp_path_factory.mktemp("writer"), 256)


@pytest.fixture(scope="module")
def template(folder: Path) -> Template:
    return Template.load(folder)


def rows_of(
    template: Template,
    folder: Path,
    rows: list[tuple[list[tuple[str, str]], str]],
    most: int = 120,
    part: str = "train",
) -> WritingRows:
    turns = [[{"role": role, "content": content} for role, content in before] for before, _answer in rows]
    values: dict[str, list[Any]] = {TURNS: turns, WRITTEN: [answer for _before, answer in rows]}
    split = np.array([part] * len(rows), dtype=object)
    loaded = Loaded(values, split, list(range(1, len(rows) + 1)), {}, [], answer=WRITTEN, kind="completion")
    return WritingRows(loaded, template, folder, most)


def learned_texts(template: Template, ids: torch.Tensor, targets: torch.Tensor) -> list[str]:
    """What a row is to write, run by run. A target stands where the token before it is read."""
    runs: list[list[int]] = [[]]
    for target in targets.tolist():
        if target == IGNORED:
            runs.append([])
        else:
            runs[-1].append(target)
    return [template.decode(run) for run in runs if run]


def test_every_answer_of_a_conversation_is_learned_and_nothing_that_was_asked(template: Template, folder: Path) -> None:
    rows = rows_of(template, folder, CHAT)
    (ids, targets), _mix = rows.learning_batch(np.arange(3), CPU, np.random.default_rng(0))
    assert ids.shape == targets.shape
    assert learned_texts(template, ids[0], targets[0]) == ["A kettle."]
    assert learned_texts(template, ids[1], targets[1]) == ["Yes?", "Done."]
    assert learned_texts(template, ids[2], targets[2]) == ["好 🫖"]
    assert rows.learned_tokens[1] == (targets[1] != IGNORED).sum()


def test_the_last_answer_alone_is_scored(template: Template, folder: Path) -> None:
    rows = rows_of(template, folder, CHAT)
    ids, targets = rows.batch(np.array([1]), CPU)
    assert learned_texts(template, ids[0], targets[0]) == ["Done."]
    assert rows.characters == [len("A kettle."), len("Done."), len("好 🫖")]


def test_a_text_is_learned_whole_but_for_its_first_token(template: Template, folder: Path) -> None:
    rows = rows_of(template, folder, [([], "A kettle boils.")])
    (ids, targets), _mix = rows.learning_batch(np.array([0]), CPU, np.random.default_rng(0))
    assert "".join(learned_texts(template, ids[0], targets[0])) == "A kettle boils."
    assert not rows.is_chat
    assert rows.manifest()["form"] == "corpus"


def test_of_a_long_text_another_part_is_learned_each_time_and_the_same_one_scored(
    template: Template, folder: Path
) -> None:
    rows = rows_of(template, folder, [([], LONG)], most=40)
    assert rows.is_cut.tolist() == [True]
    generator, whole = np.random.default_rng(0), rows.whole[0].ids.tolist()
    parts = [tuple(rows.window(0, generator)[0].tolist()) for _draw in range(30)]
    assert {len(part) for part in parts} == {40}
    assert len(set(parts)) > 15
    assert all(any(list(part) == whole[at : at + 40] for at in range(len(whole))) for part in parts)
    first, again = (rows.batch(np.array([0]), CPU)[0] for _turn in range(2))
    assert torch.equal(first, again)
    assert rows.characters[0] < len(LONG)


def test_of_a_long_conversation_the_answer_stays(template: Template, folder: Path) -> None:
    rows = rows_of(template, folder, [([("user", LONG)], "A kettle.")], most=60)
    ids, targets = rows.batch(np.array([0]), CPU)
    assert ids.shape[1] <= 60
    assert learned_texts(template, ids[0], targets[0]) == ["A kettle."]


def test_rows_beside_longer_ones_are_padded_with_what_is_not_learned(template: Template) -> None:
    short, long = (np.array([5, 6]), np.array([False, True])), (np.array([5, 6, 7, 8]), np.ones(4, dtype=bool))
    ids, targets = padded([short, long], CPU)
    alone, own = padded([short], CPU)
    assert ids.shape == (2, 4)
    assert ids[0, :2].tolist() == alone[0].tolist()[:2]
    assert (targets[0] != IGNORED).sum() == (own[0] != IGNORED).sum()


def test_some_test_rows_are_asked_for_an_answer_and_the_others_only_scored(template: Template, folder: Path) -> None:
    chat = [([("user", f"Question {number}")], "Yes.") for number in range(ASKED + 3)]
    rows = rows_of(template, folder, chat, part="test")
    assert rows.asked_rows() == list(range(ASKED))
    asked, other = rows.input(0), rows.input(ASKED)
    assert asked.options.most == ASKED_TOKENS
    assert "Question 0" in template.decode(asked.ids)
    assert "Yes." not in template.decode(asked.ids)
    assert other.options.most == 0
    cells = rows.asked(np.array([0, ASKED]))["asked"]
    assert '"messages"' in cells[0]
    assert cells[1] == ""


def test_what_was_written_is_read_back_from_its_ids(template: Template, folder: Path) -> None:
    rows = rows_of(template, folder, CHAT, part="test")
    outputs = [
        np.concatenate([np.zeros(FIGURES), template.encode(text)]) if text else np.zeros(FIGURES)
        for text in ("A pot.", "", "好 🫖")
    ]
    assert rows.written(np.arange(3), outputs) == ["A pot.", "", "好 🫖"]


def test_what_was_learned_from_is_one_text_for_those_who_look_for_copies(template: Template, folder: Path) -> None:
    rows = rows_of(template, folder, CHAT)
    assert rows.learned_text() == "A kettle.\nDone.\n好 🫖"
    assert "Only the answers" in rows.card_facts()[1]


def test_batches_of_like_rows_are_hardly_padded(template: Template, folder: Path) -> None:
    generator = np.random.default_rng(0)
    texts = ["a" * int(size) for size in generator.integers(5, 110, 400)]
    rows = rows_of(template, folder, [([], text) for text in texts])
    batches = rows.training_batches(rows.part("train"), 16, 0, 0)
    lengths = [[len(rows.encoded[row].ids) for row in batch] for batch in batches]
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(400))
    assert sum(map(sum, lengths)) > 0.9 * sum(len(batch) * max(batch) for batch in lengths)


def test_an_answer_with_a_weight_of_0_is_read_and_not_learned(template: Template) -> None:
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "No.", "weight": "0"}]
    encoded = template.conversation(
        [*said, {"role": "user", "content": "Well?"}, {"role": "assistant", "content": "Yes?"}]
    )
    assert "No." in template.decode(encoded.ids)
    assert template.decode(encoded.ids[encoded.learned]) == "Yes?"


def test_rows_longer_than_the_context_are_counted_and_named(tmp_path: Path) -> None:
    texts = ["A kettle boils."] * 12 + [LONG, f"{LONG} again"]
    spec = command.write_spec(
        tmp_path,
        [{"text": f"{text} {number}"} for number, text in enumerate(texts)],
        task="text-generation",
        method="scratch",
        model="scratch:gpt",
        params={"max_length": 40, "vocabulary": 270},
    )
    job = Job(load(spec), tmp_path / "out", silent)
    rows = WritingFamily().prepare(job)
    (warning,) = [warning for warning in job.warnings if warning["code"] == "cut_texts"]
    assert warning["message"].startswith("2 rows are longer than 40 tokens")
    assert warning["message"].endswith("rows 13, 14.")
    assert rows.lengths.max() == 40
