"""Documents that are longer than is read of one: cut, and told by name."""

from pathlib import Path

import pytest

from tests.trainer.data_files import zipped
from tests.trainer.test_data_texts import pdf
from trainer.data import document_texts
from trainer.data.inspect import inspect

WORDS = b"some words of a short text"


@pytest.mark.parametrize(
    ("limit", "long"),
    [(("MAX_CHARACTERS", 200), {"bills/long.txt": WORDS * 20}), (("MAX_PAGES", 2), {"bills/long.pdf": pdf("one page", pages=3)})],
    ids=["text", "pages"],
)  # fmt: skip
def test_a_document_that_was_cut_is_told(
    limit: tuple[str, int], long: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_texts, *limit)
    suffix = next(iter(long)).rpartition(".")[2]
    short = pdf("a short one") if suffix == "pdf" else WORDS
    files = {f"{name}/{n}.{suffix}": short for name in ("bills", "letters") for n in range(6)}
    found = inspect([zipped(tmp_path / "a.zip", files | long)], tmp_path / "v1")
    told = next(entry for entry in found["reading"] if entry["what"] == "cut_documents")
    assert (found["rows"], "1 document" in told["sentence"], next(iter(long)) in told["sentence"]) == (13, True, True)
    found = inspect([zipped(tmp_path / "b.zip", files)], tmp_path / "v2")
    assert "cut_documents" not in [entry["what"] for entry in found["reading"]]
