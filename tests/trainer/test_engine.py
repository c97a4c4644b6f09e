"""The engine's answers, and what it refuses."""

from pathlib import Path

import pytest

from tests.serving import tiny
from trainer.engine import Engine
from trainer.errors import ModelError


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from trainer.export import export

    artifact = tiny.build(tmp_path_factory.mktemp("run"))
    export(artifact, emit=lambda *_args, **_fields: None)
    return artifact


def test_batches_answer_like_single_texts(packaged: Path) -> None:
    engine, texts = Engine(packaged, "onnx-fp32"), tiny.texts(41)
    for text, output in zip(texts, engine.predict(texts), strict=True):
        alone = engine.predict([text])[0]
        assert output["label"] == alone["label"]
        assert output["score"] == pytest.approx(alone["score"], abs=1e-4)
    assert engine.predict([]) == []


def test_labels_of_keeps_the_order(packaged: Path) -> None:
    engine, texts = Engine(packaged, "onnx-fp32"), tiny.texts(41)
    assert engine.labels_of(texts, 8) == [output["label"] for output in engine.predict(texts)]


def test_long_and_odd_texts(packaged: Path) -> None:
    engine = Engine(packaged, verify=True)
    engine.warm()
    assert len(engine.predict(["card " * 5000, "☃", "\n", "a"])) == 4


def test_checks_one_input(packaged: Path) -> None:
    engine = Engine(packaged)
    assert engine.check("a text") is None
    assert engine.check(" ") == "is empty."
    assert engine.check(3) == "must be a text."


def test_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        Engine(tmp_path)


def test_unpackaged_engine(packaged: Path) -> None:
    with pytest.raises(ModelError):
        Engine(packaged, "onnx-other")


def test_a_changed_model_is_found(packaged: Path) -> None:
    path = packaged / "onnx" / "model.fp32.onnx"
    whole = path.read_bytes()
    path.write_bytes(whole + b" ")
    try:
        with pytest.raises(ModelError, match=r"model\.fp32\.onnx"):
            Engine(packaged, "onnx-fp32", verify=True)
    finally:
        path.write_bytes(whole)
