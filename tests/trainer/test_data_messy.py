"""Every table among the messy uploads comes out as its README asks; everything else is refused with a next step."""

from pathlib import Path

import pytest

from tests.trainer.data_files import MESSY
from trainer.data.inspect import inspect
from trainer.errors import DataError

pytestmark = pytest.mark.skipif(not MESSY.is_dir(), reason="the messy uploads are not on this machine")

TABLES = {
    "O'Brien & 中文 (final).v2.csv": (60, 2, set()),
    "duplicates_conflicting.csv": (320, 2, {"duplicates", "conflicting_labels"}),
    "formula_and_script.csv": (135, 2, set()),
    "excel_two_sheets.xlsx": (200, 2, set()),
    "xlsx_named.csv": (200, 2, set()),
    "gbk_chinese.csv": (300, 2, set()),
    "missing_labels.csv": (300, 2, {"missing_labels"}),
    "mixed_keys.jsonl": (297, 4, {"bad_rows", "missing_text", "label_variants"}),
    "nul_bytes.csv": (100, 2, set()),
    "quoted_newlines.csv": (300, 2, set()),
    "ragged_rows.csv": (189, 2, {"bad_rows"}),
    "rare_classes.csv": (230, 32, {"rare_classes"}),
    "semicolon_delimiter.csv": (300, 2, set()),
    "single_class.csv": (200, 1, {"one_class"}),
    "table.parquet": (300, 2, set()),
    "utf16le_bom.csv": (300, 2, set()),
    "utf8_bom.csv": (300, 2, set()),
}
REFUSED = {
    "empty.csv": ("empty_file", "no bytes"),
    "header_only.csv": ("no_rows", "no rows"),
    "html_named.png": ("not_a_table", "web page"),
    "svg_named.png": ("not_a_table", "XML"),
    "zip_bomb_nested.zip": ("not_a_table", "only other archives"),
    "decompression_bomb.png": ("not_a_table", "PNG picture"),
    "truncated.csv.gz": ("damaged", "incomplete"),
    "one_million_columns.csv": ("too_many_columns", "Line 3"),
}


@pytest.mark.parametrize("name", TABLES)
def test_table_loads(name: str, tmp_path: Path) -> None:
    rows, labels, codes = TABLES[name]
    result = inspect([MESSY / name], tmp_path / "v1")
    assert result["rows"] == rows
    assert len(result["labels"]) == labels
    assert codes <= {problem["code"] for problem in result["problems"]}
    assert result["suggestion"]["task"] == "text-classification"
    assert {problem["code"] for problem in result["problems"] if problem["severity"] == "error"} <= {"one_class"}
    assert sum(result["split"][part] for part in ("train", "validation", "test", "pool", "unused")) == rows


@pytest.mark.parametrize("name", REFUSED)
def test_no_table_is_refused(name: str, tmp_path: Path) -> None:
    code, words = REFUSED[name]
    with pytest.raises(DataError, match=words) as caught:
        inspect([MESSY / name], tmp_path / "v1")
    assert caught.value.code == code
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_chinese_headers_are_found(tmp_path: Path) -> None:
    result = inspect([MESSY / "gbk_chinese.csv"], tmp_path / "v1")
    assert result["suggestion"]["columns"] == {"text": "评论", "label": "标签"}
    assert result["source"][0]["encoding"] == "gb18030"


def test_bad_lines_are_named(tmp_path: Path) -> None:
    result = inspect([MESSY / "mixed_keys.jsonl"], tmp_path / "v1")
    bad = next(problem for problem in result["problems"] if problem["code"] == "bad_rows")
    assert bad["count"] == len(bad["lines"]) == 2


def test_missing_labels_make_no_class(tmp_path: Path) -> None:
    labels = inspect([MESSY / "missing_labels.csv"], tmp_path / "v1")["labels"]
    assert not {label["label"].lower() for label in labels} & {"nan", "null", "n/a", ""}


def test_a_table_of_numbers_says_what_its_columns_are(tmp_path: Path) -> None:
    result = inspect([MESSY / "tabular_mixed_types.csv"], tmp_path / "v1")
    assert result["suggestion"]["task"] == "tabular-classification"
    assert result["suggestion"]["columns"] == {"target": "target"}
    assert [label["label"] for label in result["labels"]] in (["0", "1"], ["1", "0"])
    told = {problem["code"]: problem["examples"] for problem in result["problems"]}
    assert told["empty_columns"] == ["empty"]
    assert told["constant_columns"] == ["const"]
    assert "id" in told["identifier_columns"]


ARCHIVES = {
    "macos_folder.zip": (16, {"Dog": 8, "猫": 8}, {"other_files"}),
    "corrupt_images.zip": (28, None, {"corrupt_media"}),
    "odd_image_modes.zip": (17, None, set()),
    "path_traversal.zip": (2, {"cat": 1, "dog": 1}, {"skipped_files"}),
    "coco_bad_boxes.zip": (6, None, {"bad_boxes"}),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_of_pictures(name: str, tmp_path: Path) -> None:
    rows, labels, codes = ARCHIVES[name]
    result = inspect([MESSY / name], tmp_path / "v1")
    assert result["rows"] == rows
    assert codes <= {problem["code"] for problem in result["problems"]}
    if labels:
        assert {one["label"]: one["count"] for one in result["labels"]} == labels
    assert not list(tmp_path.rglob("*canary*"))
    assert not list(Path("/tmp").glob("zip_slip_canary*"))
    for path in (tmp_path / "v1" / "media").iterdir():
        assert path.suffix in (".jpg", ".png", ".gif", ".bmp", ".webp", ".tif")


def test_broken_pictures_are_named(tmp_path: Path) -> None:
    found = inspect([MESSY / "corrupt_images.zip"], tmp_path / "v1")["problems"]
    told = next(problem for problem in found if problem["code"] == "corrupt_media")
    assert told["count"] == len(told["files"]) == 5
    assert {"dog/zero_bytes.jpg", "dog/text.jpg", "dog/half_header.jpg"} <= set(told["files"])


def test_faults_of_tagged_words_have_their_lines(tmp_path: Path) -> None:
    result = inspect([MESSY / "ner_bad.conll"], tmp_path / "v1")
    told = {problem["code"]: problem for problem in result["problems"]}
    assert told["bad_rows"]["lines"][:3] == [4, 11, 17]
    assert told["mended_rows"]["lines"][0] == 6
    assert result["suggestion"]["task"] == "token-classification"


def test_its_target_has_two_classes(tmp_path: Path) -> None:
    columns = {"text": "income", "label": "target"}
    labels = inspect([MESSY / "tabular_mixed_types.csv"], tmp_path / "v1", columns=columns)["labels"]
    assert {label["label"] for label in labels} == {"0", "1"}
