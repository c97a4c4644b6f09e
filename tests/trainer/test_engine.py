"""The engine's answers, and what it refuses."""

from pathlib import Path

import pytest

from tests.serving import tiny
from trainer.engines import open_engine
from trainer.errors import DataError, ModelError


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from trainer.packaging.export import export

    artifact = tiny.build(tmp_path_factory.mktemp("run"))
    export(artifact, emit=lambda *_args, **_fields: None)
    return artifact


def test_batches_answer_like_single_texts(packaged: Path) -> None:
    engine, texts = open_engine(packaged, "onnx-fp32"), tiny.texts(41)
    for text, output in zip(texts, engine.predict(texts), strict=True):
        alone = engine.predict([text])[0]
        assert output["label"] == alone["label"]
        assert output["score"] == pytest.approx(alone["score"], abs=1e-4)
    assert engine.predict([]) == []


def test_labels_of_keeps_the_order(packaged: Path) -> None:
    engine, texts = open_engine(packaged, "onnx-fp32"), tiny.texts(41)
    assert engine.answers(texts, 8) == [output["label"] for output in engine.predict(texts)]


def test_long_and_odd_texts(packaged: Path) -> None:
    engine = open_engine(packaged, verify=True)
    engine.warm()
    assert len(engine.predict(["card " * 5000, "☃", "\n", "a"])) == 4


def test_a_text_that_is_cut_says_so(packaged: Path) -> None:
    engine = open_engine(packaged)
    short, long = engine.predict(["my card", "my card " * 5_000])
    assert "truncated" not in short
    assert long["truncated"] is True
    assert engine.predict(["my card"] * 9)[0].keys() == short.keys(), "sorted batches too"


def test_reads_one_input(packaged: Path) -> None:
    engine = open_engine(packaged)
    assert engine.read("a text") == "a text"
    with pytest.raises(DataError, match="is empty"):
        engine.read(" ")
    with pytest.raises(DataError, match="must be a text"):
        engine.read(3)


def test_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        open_engine(tmp_path)


def test_unpackaged_engine(packaged: Path) -> None:
    with pytest.raises(ModelError):
        open_engine(packaged, "onnx-other")


def test_a_changed_model_is_found(packaged: Path) -> None:
    path = packaged / "onnx" / "model.fp32.onnx"
    whole = path.read_bytes()
    path.write_bytes(whole + b" ")
    try:
        with pytest.raises(ModelError, match=r"model\.fp32\.onnx"):
            open_engine(packaged, "onnx-fp32", verify=True)
    finally:
        path.write_bytes(whole)
