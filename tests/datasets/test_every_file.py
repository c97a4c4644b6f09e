"""Every shared file goes the site's own way: sent, read with the site's own words, and shown as a version or refused in a
sentence. The reader runs in this process, since starting it takes longer than most files; the other tests start it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.trainer.data_files import MESSY, SHARED
from trainer.__main__ import main
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.datasets.reading import Reading, reader_arguments

pytestmark = pytest.mark.skipif(not MESSY.is_dir(), reason="the shared files are not on this machine")

READ = {
    "O'Brien & 中文 (final).v2.csv": (60, "text-classification", ()),
    "coco_bad_boxes.zip": (6, "object-detection", ("could not be used",)),
    "corrupt_images.zip": (28, "image-classification", ("5 images cannot be used",)),
    "duplicates_conflicting.csv": (320, "text-classification", ("drop_duplicates", "drop_conflicting")),
    "excel_two_sheets.xlsx": (200, "text-classification", ("Another sheet",)),
    "formula_and_script.csv": (135, "text-classification", ()),
    "gbk_chinese.csv": (300, "text-classification", ("评论",)),
    "macos_folder.zip": (16, "image-classification", ("猫",)),
    "missing_labels.csv": (300, "text-classification", ("no label",)),
    "mixed_keys.jsonl": (297, "text-classification", ()),
    "ner_bad.conll": (None, "token-classification", ()),
    "nul_bytes.csv": (100, "text-classification", ()),
    "odd_image_modes.zip": (17, None, ()),
    "path_traversal.zip": (2, "image-classification", ("left out",)),
    "quoted_newlines.csv": (300, "text-classification", ()),
    "ragged_rows.csv": (189, "text-classification", ()),
    "rare_classes.csv": (230, "text-classification", ()),
    "semicolon_delimiter.csv": (300, "text-classification", ()),
    "single_class.csv": (200, "text-classification", ("blocking issue",)),
    "table.parquet": (300, "text-classification", ()),
    "tabular_mixed_types.csv": (None, "tabular-classification", ()),
    "utf16le_bom.csv": (300, "text-classification", ()),
    "utf8_bom.csv": (300, "text-classification", ()),
    "xlsx_named.csv": (200, "text-classification", ()),
}
"""Rows, task, and words that the page must say."""
REFUSED = {
    "decompression_bomb.png": "PNG picture",
    "empty.csv": "no bytes",
    "header_only.csv": "no rows",
    "html_named.png": "web page",
    "one_million_columns.csv": "Line 3",
    "svg_named.png": "XML",
    "truncated.csv.gz": "incomplete",
    "zip_bomb_nested.zip": "only other archives",
}
SETS = [
    (["text_classification/sms_spam.csv"], "text-classification"),
    (["text_classification/banking77_train.csv", "text_classification/banking77_test.csv"], "text-classification"),
    (["text_classification/ag_news_train.csv", "text_classification/ag_news_test.csv"], "text-classification"),
    (["text_classification/chn_hotel_train.csv", "text_classification/chn_hotel_test.csv"], "text-classification"),
    (["tabular/titanic.csv"], "tabular-classification"),
    (["tabular/telco_churn.csv"], "tabular-classification"),
    (["tabular/german_credit.csv"], "tabular-classification"),
    (["tabular/california_housing.csv"], "tabular-regression"),
    (["ner/wnut17_train.conll", "ner/wnut17_dev.conll", "ner/wnut17_test.conll"], "token-classification"),
    (
        ["ner/resume_zh_train.jsonl", "ner/resume_zh_dev.jsonl", "ner/resume_zh_test.jsonl"],
        "token-classification",
    ),
    (["text2text/alpaca_en.jsonl"], "text-generation"),
    (["text2text/alpaca_zh.jsonl"], "text-generation"),
    (["chat/assistant_en_train.jsonl", "chat/assistant_en_test.jsonl"], "text-generation"),
    (["chat/knowledge_zh_train.jsonl", "chat/knowledge_zh_test.jsonl"], "text-generation"),
    (["chat/toolcall_en_train.jsonl", "chat/toolcall_en_test.jsonl"], "text-generation"),
    (["text2text/dialogsum_train500.csv", "text2text/dialogsum_test500.csv"], "summarization"),
    (["text2text/multi30k_en_de_train.csv", "text2text/multi30k_en_de_test.csv"], "translation"),
    (["text2text/xquad_en.json"], "question-answering"),
    (["corpus/tinyshakespeare.txt"], "text-generation"),
    (["image_classification/cats_dogs.zip"], "image-classification"),
    (["image_classification/cifar10_small.zip"], "image-classification"),
    (["image_classification/mnist_png_small.zip"], "image-classification"),
    (["object_detection/bccd_coco.zip"], "object-detection"),
    (["object_detection/raccoon_voc.zip"], "object-detection"),
    (["audio/spoken_digits.zip"], "audio-classification"),
    (["audio/ljspeech_asr.zip"], "speech-recognition"),
    (
        [
            "image_classification/mnist_idx/t10k-images-idx3-ubyte.gz",
            "image_classification/mnist_idx/t10k-labels-idx1-ubyte.gz",
        ],
        "image-classification",
    ),
]
SLOW = ("mnist_idx",)
"""Above ten seconds."""


@pytest.fixture
def sent(
    user: User, workspace: Workspace, client_of: Callable[[User], Client], capsys: pytest.CaptureFixture[str]
) -> Callable[[Sequence[Path]], tuple[DatasetVersion, str]]:
    """Send files and read them; the version and its page."""

    def send(paths: Sequence[Path]) -> tuple[DatasetVersion, str]:
        files = [SimpleUploadedFile(path.name, path.read_bytes()) for path in paths]
        client = client_of(user)
        address = client.post("/new", {"file": files})["Location"]
        version = Dataset.objects.get().latest
        assert version is not None
        capsys.readouterr()
        attempt = Reading.begin(version, None)
        assert attempt is not None
        made = version.folder.with_name("made")
        main(reader_arguments(version, made))
        event = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
        if event["type"] == "result":
            attempt.keep(made)
        else:
            attempt.fail({key: event[key] for key in ("code", "message", "hint")})
        version.refresh_from_db()
        return version, client.get(address).content.decode()

    return send


def test_no_file_is_passed_over() -> None:
    there = {path.name for path in MESSY.iterdir()} - {"README.md"}
    assert there == set(READ) | set(REFUSED)


@pytest.mark.parametrize("name", READ)
def test_a_messy_file_becomes_a_version(name: str, sent: Callable) -> None:
    rows, task, words = READ[name]
    version, page = sent([MESSY / name])
    assert version.status == "ready", version.error
    assert rows in (None, version.rows)
    assert task in (None, version.suggestion["task"])
    for said in words:
        assert said in page
    assert "<script>alert" not in page
    assert not list(Path("/tmp").glob("zip_slip_canary*"))


@pytest.mark.parametrize("name", REFUSED)
def test_a_messy_file_is_refused_in_words(name: str, sent: Callable) -> None:
    version, page = sent([MESSY / name])
    assert (version.status, version.error["code"] != "bug") == ("failed", True)
    assert REFUSED[name] in page
    assert "Upload another file" in page
    assert not version.folder.exists()
    assert not version.part_folder.exists()


@pytest.mark.parametrize(
    ("names", "task"),
    [
        pytest.param(
            names, task, id=Path(names[0]).stem, marks=[pytest.mark.slow] * any(one in names[0] for one in SLOW)
        )
        for names, task in SETS
    ],
)
def test_a_set_becomes_a_version(names: list[str], task: str, sent: Callable) -> None:
    version, page = sent([SHARED / "data" / name for name in names])
    assert version.status == "ready", version.error
    assert version.suggestion["task"] == task
    assert version.rows > 0
    assert 'id="grid"' in page
