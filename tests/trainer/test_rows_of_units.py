"""Texts as units with tags, and questions as windows with the ends of their answers: what is learned from, unit by unit."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving import tiny
from trainer.data.loading import Loaded
from trainer.families.text.questions import NONE_SHARE, Questions
from trainer.families.text.taggers import IGNORED
from trainer.families.text.tagging import (
    HIDDEN_SHARE,
    NET_EPOCHS,
    NET_PATIENCE,
    SubwordRows,
    TaggingFamily,
    UnitRows,
    frequent_tags,
    of_net,
)
from trainer.params import FineTuningParams
from trainer.tagging import net
from trainer.tagging.decoding import entities_of
from trainer.tagging.units import Passage, passages_of, tags_of, text_of, units_of
from trainer.tasks.question_answering import QuestionParams

CPU = torch.device("cpu")
ENCODER, TOKENIZER = tiny.encoder()
TOKENS = st.lists(
    st.sampled_from(["Anna", "IBM", "3", ".", "高", "勇", "서울", "（", "，", "é"]), min_size=1, max_size=9
)


# Units


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.text(max_size=40))
def test_units_follow_one_another_and_leave_out_nothing_that_is_read(text: str) -> None:
    units = units_of(text)
    assert all(end <= start for (_start, end), (start, _end) in itertools.pairwise(units))
    assert all(start < end for start, end in units)
    covered = {place for start, end in units for place in range(start, end)}
    assert not [char for place, char in enumerate(text) if place not in covered and char.isalnum()]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(TOKENS)
def test_tokens_joined_to_a_text_stand_where_they_are_told(tokens: list[str]) -> None:
    text, places = text_of(tokens)
    assert [text[start:end] for start, end in places] == tokens
    assert text.replace(" ", "") == "".join(tokens)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["", "", "a", "a+", "b", "b+"]), max_size=12))
def test_tags_say_the_passages_that_they_were_made_of(marks: list[str]) -> None:
    """`a` begins a passage of that label, `a+` goes on with it where it can."""
    text, labels = " ".join(["word"] * len(marks)), ["a", "b"]
    units = units_of(text)
    passages: list[Passage] = []
    for place, (mark, (start, end)) in enumerate(zip(marks, units, strict=True)):
        if mark.endswith("+") and passages and passages[-1].label == mark[0] and marks[place - 1][:1] == mark[0]:
            passages[-1] = passages[-1]._replace(end=end)
        elif mark:
            passages.append(Passage(start, end, mark[0]))
    tags = tags_of(units, passages, {"a": 0, "b": 1})
    assert passages_of(units, tags, labels) == passages


def test_a_passage_that_ends_within_a_unit_has_all_of_it() -> None:
    units = units_of("Annas Haus")
    tags = tags_of(units, [Passage(0, 4, "person")], {"person": 0})
    assert passages_of(units, tags, ["person"]) == [Passage(0, 5, "person")]
    assert tags_of(units, [Passage(0, 4, "other")], {"person": 0}) == [0, 0]


# Rows of passages


TEXTS = ["lost card at account", "my card", "refund", "lost money help please", "card lost"]
MARKED: list[list[tuple[int, int, str]]] = [
    [(0, 9, "thing"), (13, 20, "place")], [(3, 7, "thing")], [], [(5, 10, "thing")], [(0, 4, "thing")],
]  # fmt: skip


def loaded_of(texts: list[str] = TEXTS, marked: list[list[tuple[int, int, str]]] = MARKED) -> Loaded:
    cells = [json.dumps([{"start": start, "end": end, "label": label} for start, end, label in row]) for row in marked]
    split = np.array(["train", "train", "train", "validation", "test"], dtype=object)[: len(texts)]
    values = {"tokens": texts, "tags": cells}
    return Loaded(values, split, list(range(1, len(texts) + 1)), {}, [], answer="tags", kind="spans")


@pytest.fixture
def subwords() -> SubwordRows:
    return SubwordRows(loaded_of(), ["place", "thing"], TOKENIZER, Path("."), 6)


@pytest.fixture
def plain() -> UnitRows:
    return UnitRows(loaded_of(), ["place", "thing"])


def test_targets_are_the_tags_of_each_row_s_units(plain: UnitRows) -> None:
    assert plain.targets(np.array([0, 1])).tolist() == [[3, 4, 0, 1], [0, 3, IGNORED, IGNORED]]
    assert plain.lengths.tolist() == [4, 2, 1, 4, 2]


def test_the_right_tags_as_scores_give_the_passages_back(plain: UnitRows) -> None:
    scores = [np.eye(5, dtype=np.float32)[tags] * 9 for tags in plain.tags]
    found = entities_of(plain.texts, scores, plain.labels)
    assert [[(each["start"], each["end"], each["label"]) for each in row] for row in found] == MARKED


def test_windows_of_a_batch_point_at_the_sub_words_of_every_unit(subwords: SubwordRows) -> None:
    ids, mask, picks = subwords.batch(np.array([0, 2]), CPU)
    assert ids.shape == mask.shape
    assert ids.shape[1] <= 6
    first = TOKENIZER.convert_ids_to_tokens(ids.reshape(-1)[picks[0]].tolist())
    assert first == ["lost", "card", "[UNK]", "account"]
    assert picks[1].tolist()[1:] == [-1, -1, -1]


def test_a_unit_without_a_sub_word_is_not_learned_from() -> None:
    """A tokenizer that cleans texts leaves some signs out."""
    from tokenizers import normalizers

    backend = tiny.encoder()[1]
    backend.backend_tokenizer.normalizer = normalizers.Replace("~", "")
    rows = SubwordRows(loaded_of(["lost ~ card"], [[(0, 11, "thing")]]), ["thing"], backend, Path("."), 12)
    assert rows.seen(0).tolist() == [True, False, True]
    assert rows.targets(np.array([0])).tolist() == [[1, IGNORED, 2]]


def test_the_small_net_knows_the_words_that_were_learned_from_and_seen_twice(plain: UnitRows) -> None:
    assert sorted(plain.vocabulary.units) == ["card", "lost"], "in the test alone does not count"
    arrays = plain.batch(np.array([0, 2]), CPU)
    assert [array.shape[:2] for array in arrays] == [(2, 4)] * 4
    assert arrays[0][1].tolist()[1:] == [net.PADDING] * 3


def test_some_words_are_hidden_while_it_learns_but_no_padding() -> None:
    texts = ["card lost card"] * 4 + ["card"]
    rows = UnitRows(loaded_of(texts, [[]] * 5), ["thing"])
    generator, hidden, every = np.random.default_rng(0), 0, 0
    for _step in range(100):
        (units, *_others), _mix = rows.learning_batch(np.arange(5), CPU, generator)
        hidden += int((units[:4] == net.UNKNOWN).sum())
        every += 12
        assert (units[4, 1:] == net.PADDING).all()
    assert hidden / every == pytest.approx(HIDDEN_SHARE, rel=0.35)


def test_the_simplest_model_gives_each_word_its_commonest_tag(plain: UnitRows) -> None:
    outputs = frequent_tags(plain, plain.known("train", "validation"), np.array([4]))
    card, lost = np.exp(outputs[0])
    assert card == pytest.approx(np.array([0.1, 0.1, 0.1, 1.1, 1.1]) / 2.5), (
        "begins a thing as often as it goes on with one"
    )
    assert lost == pytest.approx(np.array([1.1, 0.1, 0.1, 1.1, 0.1]) / 2.5), "outside as often as a beginning"
    unknown = UnitRows(loaded_of(["my card", "zebra"], [[(3, 7, "thing")], []]), ["thing"])
    assert frequent_tags(unknown, np.array([0]), np.array([1]))[0].argmax(1).tolist() == [0]


def test_what_always_says_outside_finds_nothing(plain: UnitRows) -> None:
    outputs = TaggingFamily().constant(plain, np.arange(5))
    assert entities_of(plain.texts, list(outputs), plain.labels) == [[]] * 5


@pytest.mark.parametrize(("rows", "epochs"), [(10, NET_EPOCHS[1]), (4_000, 20), (1_000_000, NET_EPOCHS[0])])
def test_a_net_that_knows_nothing_passes_over_few_rows_more_often(rows: int, epochs: int) -> None:
    params = of_net(FineTuningParams(), rows)
    assert (params.epochs, params.patience) == (epochs, NET_PATIENCE)
    assert of_net(FineTuningParams(epochs=3, patience=1), rows).epochs == 3
    assert of_net(FineTuningParams(epochs=3, patience=1), rows).patience == 1


def test_examples_hold_marks_first_and_no_personal_data() -> None:
    texts = ["write to ada@example.org", "refund", "my card"]
    loaded = loaded_of(texts, [[(0, 5, "x")], [], [(3, 7, "thing")]])
    loaded.split = np.array(["test"] * 3, dtype=object)
    examples = UnitRows(loaded, ["thing", "x"]).examples(Path("."))
    assert examples == [{"input": "my card", "label": "thing"}, {"input": "refund", "label": ""}]


# Rows of questions


def questions_of(folder: Path, *rows: tuple[str, str, str], **params: Any) -> Questions:
    """(question, context, answer: empty for none) each."""
    ENCODER.config.save_pretrained(folder)
    cells = [
        json.dumps([{"text": answer, "answer_start": context.index(answer)}] if answer else [])
        for _question, context, answer in rows
    ]
    values = {
        "question": [question for question, _context, _answer in rows],
        "context": [context for _question, context, _answer in rows],
        "answers": cells,
    }
    split = np.array(["train"] * len(rows), dtype=object)
    loaded = Loaded(values, split, list(range(1, len(rows) + 1)), {}, [], answer="answers", kind="passage")
    return Questions(loaded, TOKENIZER, folder, QuestionParams(**params))


FILL = "please help me top up my account "
LONG = FILL * 8 + "lost card " + FILL * 8


def told(window: Any, target: tuple[int, int]) -> str:
    return str(TOKENIZER.decode(window.ids[target[0] : target[1] + 1]))


def test_wherever_a_window_is_cut_its_target_is_the_answer(tmp_path: Path) -> None:
    rows = questions_of(tmp_path, ("my card", LONG, "lost card"), max_length=32, learned_tokens=16)
    generator, firsts, without = np.random.default_rng(0), set(), 0
    for _draw in range(400):
        window, target = rows.shown_part(0, generator)
        assert len(window.ids) <= 32
        firsts.add(window.first)
        if target == (0, 0):
            without += 1
            assert "lost" not in TOKENIZER.decode(window.ids[window.place :])
        else:
            assert told(window, target) == "lost card"
    assert without / 400 == pytest.approx(NONE_SHARE, abs=0.06)
    assert len(firsts) > 10, "the answer stands at another place each time"


def test_a_question_that_has_no_answer_shows_parts_of_its_context_as_none(tmp_path: Path) -> None:
    rows = questions_of(tmp_path, ("my card", LONG, ""), ("refund", "a refund", "refund"), max_length=32)
    targets = {rows.shown_part(0, np.random.default_rng(seed))[1] for seed in range(20)}
    assert targets == {(0, 0)}
    assert rows.has_unanswerable
    assert rows.scores_none


def test_short_contexts_with_answers_never_show_none(tmp_path: Path) -> None:
    rows = questions_of(tmp_path, ("my card", "a lost card", "lost card"), ("refund", "a refund", "refund"))
    assert not rows.scores_none
    parts = [rows.shown_part(row, np.random.default_rng(seed)) for row in (0, 1) for seed in range(10)]
    assert {told(*part) for part in parts} == {"lost card", "refund"}


def test_a_batch_to_learn_from_has_a_window_a_row_and_one_to_read_all(tmp_path: Path) -> None:
    rows = questions_of(tmp_path, ("my card", LONG, "lost card"), ("refund", "a refund", "refund"), max_length=32)
    *arrays, targets = rows.learning_batch(np.array([0, 1]), CPU, np.random.default_rng(0))[0]
    assert {len(array) for array in arrays} == {2}
    assert targets.shape == (2, 2)
    ids, _mask, _types, _starts, _features, _ends, owners, count = rows.batch(np.array([0, 1]), CPU)
    assert int(count) == 2
    assert len(ids) == len(owners) == rows.counts.sum()
    assert owners.tolist() == sorted(owners.tolist())


def test_an_answer_longer_than_what_is_learned_from_keeps_its_beginning(tmp_path: Path) -> None:
    answer = FILL * 6
    rows = questions_of(tmp_path, ("my card", f"lost {answer} card", answer.strip()), max_length=32, learned_tokens=16)
    for seed in range(20):
        window, target = rows.shown_part(0, np.random.default_rng(seed))
        if target != (0, 0):
            assert told(window, target).startswith("please help")
            assert target[1] == window.place + window.size - 1
