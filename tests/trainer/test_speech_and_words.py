"""Files of linguists: CoNLL-U of Universal Dependencies, ELAN's annotations beside recordings; and check boxes as Airtable writes them."""

from pathlib import Path

import pytest

from tests.trainer.data_files import sound, zipped
from tests.trainer.test_data_uploads import rows_of
from trainer.data.clips import best_cuts, elan_tiers
from trainer.data.inspect import inspect

SENTENCE = """# sent_id = {n}
# text = The dog runs
1\tThe\tthe\tDET\tDT\t_\t2\tdet\t_\t_
2-3\tdogruns\t_\t_\t_\t_\t_\t_\t_\t_
2\tdog\tdog\tNOUN\tNN\t_\t3\tnsubj\t_\t_
2.1\tit\tit\tPRON\t_\t_\t_\t_\t_\t_
3\truns\trun\tVERB\tVBZ\t_\t0\troot\t_\tSpaceAfter=No

"""


@pytest.mark.parametrize(
    ("asked", "tags"),
    [({}, ["DET", "NOUN", "VERB"]), ({"tag_column": "xpos"}, ["DT", "NN", "VBZ"]), ({"tag_column": "deprel"}, ["det", "nsubj", "root"])],
    ids=["parts of speech", "of the language", "relations"],
)  # fmt: skip
def test_a_sentence_of_conllu_is_a_row(asked: dict[str, str], tags: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text("".join(SENTENCE.format(n=n) for n in range(20)))
    found = inspect([tmp_path / "a.conllu"], tmp_path / "v1", readings=asked)
    row = rows_of(tmp_path / "v1")[0]
    assert (found["rows"], found["suggestion"]["task"]) == (20, "token-classification")
    assert row == {"tokens": '["The", "dog", "runs"]', "tags": str(tags).replace("'", '"')}


def test_a_line_that_cannot_be_read_costs_its_sentence_and_is_told(tmp_path: Path) -> None:
    spoilt = SENTENCE.format(n=7).replace("2\tdog\tdog", "2\tdog")
    text = "".join(SENTENCE.format(n=n) for n in range(20)) + spoilt
    (tmp_path / "a.conllu").write_text(text)
    found = inspect([tmp_path / "a.conllu"], tmp_path / "v1")
    assert (found["rows"], [(entry["reason"], entry["count"]) for entry in found["left_out"]]) == (
        20,
        [("unreadable", 1)],
    )


SLOTS = "".join(f'<TIME_SLOT TIME_SLOT_ID="ts{n}" TIME_VALUE="{50 * n}"/>' for n in range(1, 9))


def mark(first: int, last: int, said: str) -> str:
    return f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{first}" TIME_SLOT_REF1="ts{first}" TIME_SLOT_REF2="ts{last}"><ANNOTATION_VALUE>{said}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>'


def elan(*tiers: tuple[str, str]) -> str:
    listed = "".join(f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="default-lt">{marks}</TIER>' for name, marks in tiers)
    return f"<ANNOTATION_DOCUMENT><TIME_ORDER>{SLOTS}</TIME_ORDER>{listed}</ANNOTATION_DOCUMENT>"


def test_recordings_are_cut_by_elan(tmp_path: Path) -> None:
    files = {f"r{n}.wav": sound(n + 2) for n in range(6)}
    files |= {
        f"r{n}.eaf": elan(("speech", mark(1, 3, f"hello {n}") + mark(3, 5, f"bye {n}"))).encode() for n in range(6)
    }
    found = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    rows = rows_of(tmp_path / "v1")
    assert (found["rows"], found["suggestion"]["task"]) == (12, "speech-recognition")
    assert [(row["text"], row["start"], row["end"]) for row in rows[:2]] == [("hello 0", "0.050", "0.150"), ("bye 0", "0.150", "0.250")]  # fmt: skip


def test_tiers_of_speakers_words_and_what_has_no_time() -> None:
    cuts, is_fine = best_cuts(
        elan_tiers(elan(("Ann", mark(1, 2, "hi")), ("Bob", mark(2, 4, "ho")), ("words", mark(1, 2, "h"))))
    )
    assert [(cut.start, cut.cells) for cut in cuts] == [(0.05, {"text": "hi", "speaker": "Ann"}), (0.1, {"text": "ho", "speaker": "Bob"})]  # fmt: skip
    assert not is_fine
    assert list(elan_tiers("<not")) == []
    assert best_cuts(elan_tiers(elan(("x", mark(3, 3, "none") + mark(1, 99, "none"))))) == ([], False)


def test_checked_and_blanks_are_yes_and_no(tmp_path: Path) -> None:
    lines = [f"item {n},{'checked' if n % 2 else ''}" for n in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(["Name,Done", *lines]))
    found = inspect([tmp_path / "a.csv"], tmp_path / "v1")
    assert {row["Done"] for row in rows_of(tmp_path / "v1")} == {"yes", "no"}
    assert next(entry for entry in found["reading"] if entry["what"] == "marks:Done")["doubt"]
