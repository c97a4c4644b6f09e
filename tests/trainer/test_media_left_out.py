"""What of an archive of images or recordings was not kept: each thing told once, by its count, with examples and what to do."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from trainer.data.annotations import Boxes
from trainer.data.archives import MAX_REPORTED, Archive
from trainer.data.media_files import Collection
from trainer.data.media_problems import (
    ADVICE,
    advice_for,
    collection_left_out,
    collection_problems,
    skipped_left_out,
    skipped_problems,
)
from trainer.data.readings import LeftOut


def collection(
    kind: str = "image", lost: int = 0, bad: int = 0, others: dict[str, int] | None = None, *, has_boxes: bool = False
) -> Collection:
    made = Collection(kind, "folders")
    made.lost = [(f"a/{number}.png", "is cut short") for number in range(lost)]
    made.bad, made.bad_count = [f"line {number} names nothing" for number in range(bad)], bad
    made.other_kinds, made.other_files = Counter(others or {}), sum((others or {}).values())
    made.boxes = Boxes() if has_boxes else None
    return made


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    some.sampled_from(["image", "audio"]),
    some.integers(0, 3),
    some.integers(0, 3),
    some.dictionaries(some.sampled_from([".psd", ".txt", ""]), some.integers(1, 3)),
    some.booleans(),
)
def test_each_thing_is_told_once_and_counted(
    kind: str, lost: int, bad: int, others: dict[str, int], has_boxes: bool
) -> None:
    made = collection(kind, lost, bad, others, has_boxes=has_boxes)
    counts = {"corrupt_media": lost, "bad_boxes" if has_boxes else "bad_rows": bad, "other_files": sum(others.values())}
    problems = collection_problems(made, "set.zip")
    assert [(problem["code"], problem["count"]) for problem in problems] == [
        (code, count) for code, count in counts.items() if count
    ]
    left_out = {entry.reason: entry.count for entry in collection_left_out(made, "set.zip")}
    assert left_out == {
        reason: count
        for reason, count in {
            "undecodable": lost,
            "unusable": 0 if has_boxes else bad,
            "other_kind": sum(others.values()),
        }.items()
        if count
    }


def test_what_the_reader_told_before_stays_first() -> None:
    made = collection(lost=1)
    made.left_out = [LeftOut("crowd", 2, "Two crowds.")]
    assert [entry.reason for entry in collection_left_out(made, "x")] == ["crowd", "undecodable"]


@pytest.mark.parametrize(
    ("kind", "count", "message"),
    [
        ("image", 1, "1 image cannot be used and was left out: a/0.png is cut short."),
        ("image", 2, "2 images cannot be used and were left out: a/0.png is cut short; a/1.png is cut short."),
        ("audio", 1, "1 recording cannot be used and was left out: a/0.png is cut short."),
        (
            "audio",
            4,
            "4 recordings cannot be used and were left out: a/0.png is cut short; a/1.png is cut short; a/2.png is cut short.",
        ),
    ],
)
def test_lost_media_in_words(kind: str, count: int, message: str) -> None:
    (problem,) = collection_problems(collection(kind, lost=count), "set.zip")
    assert problem["message"] == message
    assert problem["files"] == [f"a/{number}.png" for number in range(count)]


def test_of_very_many_files_the_first_hundred_are_listed_and_all_counted() -> None:
    (problem,) = collection_problems(collection(lost=5_000), "set.zip")
    assert (problem["count"], len(problem["files"]), len(problem["examples"])) == (5_000, 100, 3)


@pytest.mark.parametrize(
    ("kind", "others", "message"),
    [
        ("image", {".psd": 1}, "1 other file of set.zip is not an image and was skipped: 1 .psd."),
        (
            "audio",
            {".txt": 1200, "": 3},
            "1,203 other files of set.zip are not audio and were skipped: 1,200 .txt, 3 ?.",
        ),
    ],
)
def test_other_files_are_named_by_their_endings(kind: str, others: dict[str, int], message: str) -> None:
    (problem,) = collection_problems(collection(kind, others=others), "set.zip")
    assert problem["message"] == message


def test_what_to_do_stands_beside_the_endings_that_are_known() -> None:
    (problem,) = collection_problems(
        collection(others={".psd": 2, ".xyz": 1, ".tfrecord-00000-of-00010": 1}), "set.zip"
    )
    assert problem["examples"] == [
        ".psd: export as PNG or JPEG",
        ".tfrecord-00000-of-00010: export as files with a CSV, or as Parquet",
    ]
    assert (advice_for(".xyz"), advice_for("")) == ("", "")
    assert all(ending.startswith(".") and ending == ending.lower() for ending in ADVICE)


@pytest.mark.parametrize("count", [0, 1, 3, MAX_REPORTED + 50])
def test_skipped_files_of_an_archive_are_counted_and_the_first_named(count: int) -> None:
    archive = Archive("set.zip", Path("set.zip"))
    for number in range(count):
        archive.skip(f"{number}.png", "is a link")
    problems, left_out = skipped_problems(archive), skipped_left_out(archive)
    if not count:
        assert (problems, left_out) == ([], [])
        return
    assert (problems[0]["count"], left_out[0].count) == (count, count)
    assert "0.png is a link" in problems[0]["message"]
    assert len(left_out[0].examples) == min(count, MAX_REPORTED)
