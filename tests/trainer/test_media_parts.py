"""Sounds, transcripts and decoded files part by part: what is masked and moved, how long a sound is padded, what is written
with, the store of decoded files, and rows that are left out."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.data_files import picture, sound
from tests.trainer.small_learning import job_of
from trainer.data.loading import Loaded
from trainer.errors import DataError
from trainer.families.audio import sounds
from trainer.families.audio.ctc import ScratchCtc
from trainer.families.audio.sounds import (
    FULL_SCALE,
    GAIN,
    MASKED_FRAMES,
    MASKED_MELS,
    MOVED,
    Heard,
    Sounds,
    buckets,
    changed,
    loudness,
    masked,
    moved,
    silence,
)
from trainer.families.audio.speech import leave_out
from trainer.families.image.pictures import Pixels
from trainer.families.media import common
from trainer.families.media.store import LENGTH, Decoding, Kept, open_store, read_facts
from trainer.learning import heads
from trainer.pictures import Preprocess
from trainer.sounds import BUCKET_SECONDS, log_mel
from trainer.transcripts import BLANK, SPACE, Characters, normalised

HEARING = log_mel(8_000, 1.0, 20)


# Changed sounds


def test_a_sound_is_moved_by_whole_frames_and_silence_comes_in() -> None:
    values = np.tile(np.arange(1, 101)[None, :, None], (500, 1, 2))
    shifted = moved(values, np.random.default_rng(0))
    steps = set()
    for row in shifted[:, :, 0]:
        there = row[row > 0]
        assert (np.diff(there) == 1).all(), "nothing is stretched or turned round"
        first = int(np.flatnonzero(row)[0])
        steps.add(first if there[0] == 1 else 1 - int(there[0]))
    most = int(MOVED * 100)
    assert (min(steps), max(steps)) == (-most, most)
    assert 0 in steps


@pytest.mark.parametrize("most", [{0: 5}, {1: 3}, {0: 5, 1: 3}, {0: 0}])
def test_a_silent_stretch_is_as_quiet_as_the_quietest_and_no_longer_than_allowed(most: dict[int, int]) -> None:
    lengths: dict[int, set[int]] = {axis: set() for axis in most}
    for seed in range(200):
        values = np.random.default_rng(1).integers(10, 255, (20, 12))
        values[0, 0] = 3
        before = values.copy()
        silence(values, np.random.default_rng(seed), most)
        different = values != before
        assert (values[different] == 3).all()
        for axis in most:
            whole = (values == 3).all(1 - axis)
            lengths[axis].add(int(whole.sum()))
    for axis, steps in most.items():
        assert max(lengths[axis]) == steps
        assert min(lengths[axis]) == 0


def test_masks_of_time_and_of_tones_are_told_apart() -> None:
    values = np.random.default_rng(0).integers(10, 255, (300, 40, 20, 1)).astype(np.uint8)
    silent = masked(values.copy(), np.random.default_rng(0), time_axis=1, tone_axis=2) != values
    frames, mels = silent[..., 0].all(2).sum(1), silent[..., 0].all(1).sum(1)
    assert frames.max() <= int(MASKED_FRAMES * 40)
    assert mels.max() <= int(MASKED_MELS * 20)
    assert frames.max() > 0
    assert mels.max() > 0


def test_samples_are_made_louder_or_fainter_with_a_little_noise() -> None:
    from dataclasses import replace

    wave = replace(HEARING, kind="wave")
    values = np.ones((2_000, 50), np.float32)
    heard = changed(values, wave, np.random.default_rng(0))
    assert heard.dtype == np.float32
    means = heard.mean(1)
    assert means.min() == pytest.approx(GAIN[0], abs=0.01)
    assert means.max() == pytest.approx(GAIN[1], abs=0.01)
    assert heard.std(1).mean() == pytest.approx(sounds.NOISE, rel=0.1)
    assert (values == 1).all()


@pytest.mark.parametrize(
    ("seconds", "longest", "pieces"),
    [(0.0, 5.0, 1), (0.01, 5.0, 1), (0.5, 5.0, 1), (0.51, 5.0, 2), (1.0, 5.0, 2), (99.0, 5.0, 10), (4.999999, 5.0, 10)],
)
def test_a_sound_is_padded_to_whole_pieces_of_half_a_second(seconds: float, longest: float, pieces: int) -> None:
    hearing = SimpleNamespace(seconds=longest)
    assert buckets(np.array([seconds]), hearing).tolist() == [pieces]  # type: ignore[arg-type]
    assert pieces * BUCKET_SECONDS >= min(seconds, longest) - 1e-6


def test_only_sounds_of_one_length_are_read_together() -> None:
    """What is read must not depend on its neighbours."""
    rows = SimpleNamespace(lengths=np.array([3, 1, 3, 2, 1, 3, 3, 2]))
    batches = Sounds.sorted_batches(rows, np.arange(8), 3)  # type: ignore[arg-type]
    assert [rows.lengths[batch].tolist() for batch in batches] == [[3, 3, 3], [3], [2, 2], [1, 1]]
    assert sorted(row for batch in batches for row in batch) == list(range(8))


@pytest.mark.parametrize("kind", ["logmel", "wave"])
def test_a_kept_sound_is_the_sound_again(kind: str) -> None:
    from dataclasses import replace

    form = Heard(replace(HEARING, kind=kind))
    kept = form.pack(sound(40))
    assert np.array_equal(form.unpack(np.ascontiguousarray(kept).tobytes()), kept)
    assert form.blank().dtype == kept.dtype
    if kind == "wave":
        assert np.abs(kept).max() == pytest.approx(20_000, rel=0.02)
        assert kept.max() < FULL_SCALE


def test_how_loud_each_band_is_does_not_depend_on_what_is_kept() -> None:
    levels = loudness(HEARING, Heard(HEARING).pack(sound(40)))
    assert levels.shape == (2 * 20,)
    assert np.isfinite(levels).all()
    assert 0 <= levels.min() <= levels.max() <= 1


# What is written with


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Hello, World!", "hello world"),
        ("It’s ‘fine’", "it's fine"),
        ("'tis rock 'n' roll", "tis rock n roll"),
        ("ÉTÉ  à\tParis", "été à paris"),
        ("你好，世界。", "你好 世界"),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("3.50 €", "3 50"),
        ("—…", ""),
        ("", ""),
    ],
)
def test_texts_are_compared_without_case_and_punctuation(text: str, plain: str) -> None:
    assert normalised(text) == plain
    assert normalised(plain) == plain


@pytest.mark.parametrize("text", ["hello world", "aab bba", "it's", "a", "", "你好 世界"])
def test_what_is_encoded_is_decoded_again(text: str) -> None:
    script = Characters.of([text, "hello world aab 你好世界 it's"])
    ids = script.encode(text)
    apart = np.array([code for symbol in ids.tolist() for code in (symbol, script.blank)], dtype=np.int64)
    assert script.decode(apart) == text


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([2, 2, 2], "a"),
        ([2, 0, 2], "aa"),
        ([2, 0, 0, 3, 3, 1, 1, 2], "ab a"),
        ([0, 0], ""),
        ([], ""),
        ([-1, 2, -1, -1, 3], "ab"),
        ([1, 2, 1], "a"),
    ],
)
def test_repeats_are_one_and_blanks_part_them(ids: list[int], text: str) -> None:
    assert Characters((BLANK, SPACE, "a", "b")).decode(np.array(ids, dtype=np.int64)) == text


@pytest.mark.parametrize(
    ("texts", "before", "symbols"),
    [
        (["ba a"], None, (BLANK, SPACE, "a", "b")),
        (["ab"], (BLANK, SPACE, "a", "b", "c"), (BLANK, SPACE, "a", "b", "c")),
        (["abd"], (BLANK, SPACE, "a", "b"), (BLANK, SPACE, "a", "b", "d")),
        (["xyza"], (BLANK, SPACE, "a", "b"), (BLANK, SPACE, "a", "x", "y", "z")),
        (["ab"], (BLANK, SPACE, "A", "B"), (BLANK, SPACE, "A", "B")),
        ([], None, (BLANK, SPACE)),
    ],
)
def test_a_model_s_own_characters_are_kept_where_they_hold_half_of_the_texts(
    texts: list[str], before: tuple[str, ...] | None, symbols: tuple[str, ...]
) -> None:
    assert Characters.of(texts, Characters(before) if before else None).symbols == symbols


@pytest.mark.parametrize(
    "vocabulary",
    [
        "",
        "[]",
        "{}",
        '{"a": 0}',
        '{"<pad>": 0, "|": 2}',
        '{"<pad>": 0, "|": 1, "a": 1}',
        '{"<pad>": 0, "|": "x"}',
        '{"<pad>": 0, "|": "1", "a": null}',
        "5",
    ],
)
def test_a_vocabulary_of_another_form_is_none(vocabulary: str, tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text(vocabulary)
    assert Characters.load(tmp_path) is None


def test_a_vocabulary_is_read_as_it_was_saved(tmp_path: Path) -> None:
    script = Characters((BLANK, SPACE, "é", "猫", "'"))
    script.save(tmp_path)
    assert Characters.load(tmp_path) == script


def test_the_ctc_loss_is_the_sum_over_all_ways_to_write_a_text() -> None:
    """By enumeration: three moments, three symbols, twenty-seven ways."""
    import itertools

    script = Characters((BLANK, SPACE, "a"))
    model = ScratchCtc(HEARING, script)
    logits = torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(0))
    model.logits = lambda _sounds: logits  # type: ignore[method-assign]
    probabilities = logits.softmax(2)[0]
    for text in ("a", "aa"):
        target = script.encode(text)
        total = sum(
            float(torch.prod(torch.stack([probabilities[moment, code] for moment, code in enumerate(way)])))
            for way in itertools.product(range(3), repeat=3)
            if script.decode(np.array(way)) == text and 1 not in way
        )
        loss = model.loss(torch.zeros(1), [target]).item()
        assert loss == pytest.approx(-np.log(total) / len(target), rel=1e-4)
    impossible = model.loss(torch.zeros(1), [script.encode("aaa")])
    assert impossible.item() == 0, "what has no room is no fault"


# Decoded files

PIXELS = Pixels(Preprocess(8, 8))


def files(folder: Path, *contents: bytes) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.png" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def test_files_are_decoded_once_for_all_runs(tmp_path: Path) -> None:
    paths = files(tmp_path / "media", picture(1), b"no picture", picture(3))
    job = job_of(tmp_path)
    first = open_store(job, paths, PIXELS, 1_000)
    assert isinstance(first, Kept)
    assert first.lost == {1: "is not a picture"}
    for path in paths:
        path.unlink()
    again = open_store(job, paths, PIXELS, 1_000)
    chosen = np.array([2, 0, 2])
    assert all(np.array_equal(one, other) for one, other in zip(first.read(chosen), again.read(chosen), strict=True))
    assert np.array_equal(again.read(np.array([0]))[0], PIXELS.pack(picture(1)))


@pytest.mark.parametrize("tail", [b"", b"x" * 7, b"5" + (1).to_bytes(LENGTH, "little"), b"[]" + (2).to_bytes(LENGTH, "little"), b'{"lost": 5, "ends": []}' + (23).to_bytes(LENGTH, "little"), b"{}" + (2).to_bytes(LENGTH, "little"), (2**60).to_bytes(LENGTH, "little")])  # fmt: skip
def test_a_spoiled_file_is_decoded_anew(tail: bytes, tmp_path: Path) -> None:
    paths = files(tmp_path / "media", picture(1))
    job = job_of(tmp_path)
    open_store(job, paths, PIXELS, 1_000)
    (kept,) = (job.cache / "pictures").iterdir()
    kept.write_bytes(tail)
    store = open_store(job, paths, PIXELS, 1_000)
    assert np.array_equal(store.read(np.array([0]))[0], PIXELS.pack(picture(1)))


def test_the_facts_of_a_kept_file_stand_in_its_tail(tmp_path: Path) -> None:
    facts = json.dumps({"lost": {}, "ends": [3]}).encode()
    (tmp_path / "a").write_bytes(b"abc" + facts + len(facts).to_bytes(LENGTH, "little"))
    with (tmp_path / "a").open("rb") as file:
        assert read_facts(file.fileno()) == {"lost": {}, "ends": [3]}


@pytest.mark.parametrize(("remember", "decoded"), [(True, 2), (False, 4)])
def test_a_trial_decodes_a_file_once(remember: bool, decoded: int, tmp_path: Path) -> None:
    paths = files(tmp_path, picture(1), picture(2), b"")
    store = Decoding(paths, PIXELS, remember=remember)
    for _time in range(2):
        arrays = store.read(np.array([1, 0, 1]))
        assert np.array_equal(arrays[0], arrays[2])
    assert store.decoded == decoded
    assert not store.read(np.array([2]))[0].any(), "what cannot be read is blank"


# Rows that are left out


def loaded(rows: int = 20) -> Loaded:
    split = np.array(["train", "train", "train", "validation", "test"] * (rows // 5), dtype=object)
    values: dict[str, list[Any]] = {
        "image": [f"{row}.png" for row in range(rows)],
        "label": ["ab"[row // 2 % 2] for row in range(rows)],
    }
    return Loaded(values, split, list(range(1, rows + 1)), {}, [])


def test_rows_of_lost_files_are_left_out_and_named(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    job = job_of(tmp_path, emit=lambda kind, **fields: events.append({"type": kind, **fields}))
    rows = loaded()
    common.leave_out(job, rows, {"3.png": "is damaged", "7.png": "is empty"}, "image")
    assert len(rows.row_numbers) == 18
    assert {4, 8}.isdisjoint(rows.row_numbers)
    (warning,) = [event for event in events if event["type"] == "warning"]
    assert warning["code"] == "corrupt_media"
    assert "row 4, 8. The first of them is damaged" in warning["message"]
    common.leave_out(job, rows, {}, "image")
    assert len(rows.row_numbers) == 18


def test_without_a_row_to_learn_from_nothing_is_learned(tmp_path: Path) -> None:
    rows = loaded()
    lost = {name: "is damaged" for name, part in zip(rows.values["image"], rows.split, strict=True) if part == "train"}
    with pytest.raises(DataError) as refused:
        common.leave_out(job_of(tmp_path), rows, lost, "image")
    assert refused.value.code == "no_rows"


@pytest.mark.parametrize(("kept", "left"), [([True] * 20, 20), ([row != 4 for row in range(20)], 19)])
def test_recordings_without_words_are_left_out_by_row(kept: list[bool], left: int, tmp_path: Path) -> None:
    rows, named = loaded(), []
    leave_out(job_of(tmp_path), rows, np.array(kept), "no_words", lambda lost: named.append(lost) or "words", "hint")  # type: ignore[arg-type, func-returns-value]
    assert len(rows.row_numbers) == left
    assert named == ([] if left == 20 else [["5"]])


@pytest.mark.parametrize(("given", "filled"), [(None, 7), (3, 3)])
def test_settings_left_to_us_are_filled_in_and_others_stay(given: int | None, filled: int, tmp_path: Path) -> None:
    job = job_of(tmp_path, {} if given is None else {"epochs": given})
    job.params = job.params.model_copy(update={"epochs": given})
    common.fill_settings(job, epochs=7)
    assert job.params.epochs == filled


# The last layer


@pytest.mark.parametrize(
    ("answer", "labels", "outputs"), [("class", 2, 2), ("class", 5, 5), ("number", 0, 1), ("number", 3, 1)]
)
def test_the_last_layer_has_the_outputs_of_its_answers(answer: str, labels: int, outputs: int) -> None:
    head = heads.head_of(4, labels, answer)
    assert head(torch.zeros(3, 4)).shape == (3, outputs)
    assert isinstance(head, heads.NumberHead) == (answer == "number")


def test_no_dropout_is_left_inside() -> None:
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention_dropout, self.layerdrop, self.dropout = 0.1, 0.2, torch.nn.Dropout(0.3)
            self.inner = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.4))

    module = Own()
    heads.without_dropout(module)
    assert (module.attention_dropout, module.layerdrop) == (0.0, 0.0)
    assert [inner.p for inner in module.modules() if isinstance(inner, torch.nn.Dropout)] == [0.0, 0.0]
