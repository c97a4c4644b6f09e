"""Labels in the names of files: how they begin, or a word of them; every part that may be it can be chosen."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import picture, zipped
from trainer.data.file_labels import find_candidates
from trainer.data.inspect import inspect

NAMES = {
    "beginning": ([f"{('cat', 'dog')[n % 2]}.{n}" for n in range(12)], ["beginning"]),
    "behind a number": ([f"{n:04}_{('cat', 'dog')[n % 2]}" for n in range(12)], ["word_2"]),
    "behind a camera's word": ([f"IMG-{n:03}-{('cat', 'dog')[n % 2]}-x" for n in range(12)], ["word_3"]),
    "person and class": ([f"subject{n % 3 + 10}.{('happy', 'sad')[n // 3 % 2]}.{n}" for n in range(18)], ["word_2", "beginning"]),
    "digit and speaker": ([f"{n % 3}_{('ann', 'bob')[n // 3 % 2]}_{n}" for n in range(18)], ["word_2", "word_1"]),
    "digits alone": ([f"1-{n + 100}-A-{n % 2 * 7}" for n in range(12)], ["word_4"]),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMES)
def test_parts_of_names_that_may_be_the_label(case: str) -> None:
    names, choices = NAMES[case]
    assert list(find_candidates({name: name for name in names})) == choices


@pytest.mark.parametrize(
    "names",
    [
        [f"IMG_{n:04}" for n in range(12)],
        [f"2024-0{n % 2 + 1}-1{n % 3} photo {n}" for n in range(12)],
        [f"{n}" for n in range(12)],
        ["cat_1", "cat_2", "dog_1", "dog_2"],
        [f"{n}_{'cat' if n else 'dog'}" for n in range(12)],
        ["___"] * 12,
    ],
)
def test_names_that_say_nothing(names: list[str]) -> None:
    """Of cameras, dates, numbers; too few files; a label of one file."""
    assert not find_candidates(dict(zip(map(str, range(99)), names, strict=False)))


def test_another_word_of_the_names_is_the_label_when_asked_for(tmp_path: Path) -> None:
    files = {f"{name}.png": picture(number) for number, name in enumerate(NAMES["digit and speaker"][0])}
    path = zipped(tmp_path / "a.zip", files)
    result = inspect([path], tmp_path / "v1")
    (reading,) = (entry for entry in result["reading"] if entry["what"] == "label_in_name")
    assert (reading["chosen"], reading["others"], reading["doubt"]) == ("word_2", ["word_1", "none"], True)
    inspect([path], tmp_path / "v2", readings={"label_in_name": "word_1"})
    assert set(pq.read_table(tmp_path / "v2/data.parquet").column("label").to_pylist()) == {"0", "1", "2"}
    result = inspect([path], tmp_path / "v3", readings={"label_in_name": "none"})
    (reading,) = (entry for entry in result["reading"] if entry["what"] == "label_in_name")
    assert (reading["chosen"], reading["others"]) == ("none", ["word_2", "word_1"])
