"""Pictures with texts: where each alone tells half, and what an input may look like."""

import base64
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import command
from trainer.data.inspect import inspect
from trainer.engines import Engine, open_engine
from trainer.errors import DataError
from trainer.tasks.image_text_classification import ImageTextClassification

SAMPLE = ImageTextClassification.sample()
TINY = {"task": ImageTextClassification.slug, "model": "local:tiny-vit"}
PARAMS = {"text_model": "local:tiny"}


@pytest.fixture(scope="module")
def finished(models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A probe of the sample; one row has no text, another's picture is cut short."""
    folder = tmp_path_factory.mktemp("fusion")
    rows = [dict(row) for row in SAMPLE]
    rows[0]["text"], rows[1]["image"] = "", rows[1]["image"][:200]
    spec = command.write_spec(folder, rows, **TINY, method="probe", params=PARAMS)
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    return {"artifact": folder / "out" / "artifact", "events": events}


@pytest.fixture(scope="module")
def engine(finished: dict[str, Any]) -> Engine:
    return open_engine(finished["artifact"], "onnx-fp32", verify=True)


def test_it_takes_both(finished: dict[str, Any]) -> None:
    result = finished["events"][-1]
    assert result["metrics"]["accuracy"] >= 0.9
    assert set(result["baselines"]) == {"majority", "tfidf_logistic", "pixels_logistic"}
    assert max(one["accuracy"] for one in result["baselines"].values()) <= 0.7


def test_a_corrupt_picture_is_left_out_and_an_empty_text_is_not(finished: dict[str, Any]) -> None:
    told = [event["message"] for event in command.of(finished["events"], "warning")]
    assert any("image" in message for message in told), told
    log = next(
        event["message"] for event in command.of(finished["events"], "log") if "training rows" in event["message"]
    )
    assert sum(int(word) for word in log.split(";")[0].split() if word.isdigit()) == len(SAMPLE) - 1


def test_the_graph_answers_like_the_model(finished: dict[str, Any], engine: Engine) -> None:
    import torch

    from trainer.families.image_text.fusion import FusionModel

    model = FusionModel.load(finished["artifact"] / "model")
    inputs = [engine.read(row) for row in ({"image": row["image"], "text": row["text"]} for row in SAMPLE[:20])]
    found = engine.outputs([*inputs, (inputs[0][0], "")])
    feed = engine.encode([*inputs, (inputs[0][0], "")])
    with torch.inference_mode():
        right = model(*(torch.from_numpy(feed[name]) for name in ("pixels", "input_ids", "attention_mask"))).numpy()
    assert np.allclose(found, right, rtol=1e-3, atol=1e-3)


def test_what_an_input_may_be(engine: Engine) -> None:
    picture = SAMPLE[0]["image"]
    address = "data:image/png;base64," + base64.b64encode(picture).decode()
    alone, _text = engine.read({"image": address, "text": None})
    for value in (picture, address, {"image": picture}, {"image": address, "text": ""}):
        pixels, text = engine.read(value)
        assert text == ""
        assert np.array_equal(pixels, alone)
    for value, why in (
        ({"text": "lovely"}, "picture"),
        ({"image": "/etc/passwd", "text": ""}, "picture"),
        ({"image": picture, "text": 3}, "text under"),
        ({"image": picture, "caption": "x"}, "caption"),
        ({"image": picture, "text": "x" * 30_000}, "longer"),
        ({"image": b"x" * 50, "text": ""}, "picture"),
    ):
        with pytest.raises(DataError, match=why):
            engine.read(value)


def test_lines_to_predict() -> None:
    read = ImageTextClassification.read_line
    assert read('{"image": "a.png", "text": "x"}') == {"image": Path("a.png"), "text": "x"}
    assert read('{"image": "data:image/png;base64,AA", "text": "x"}')["image"].startswith("data:")
    assert read("a.png") == Path("a.png")
    assert ImageTextClassification.check_input(read('{"text": "x"}')) is not None


def test_an_explanation_speaks_of_regions_and_words(engine: Engine) -> None:
    row = next(row for row in SAMPLE if row["text"] == "a lovely one")
    parts = engine.explain(engine.read({"image": row["image"], "text": row["text"]}))["parts"]
    words = [part for part in parts if part["kind"] == "word"]
    assert sum(part["kind"] == "region" for part in parts) == 49
    assert [word["text"] for word in words] == ["a", "lovely", "one"]
    assert max(words, key=lambda word: word["weight"])["text"] == "lovely"
    alone = engine.explain(engine.read(row["image"]))["parts"]
    assert {part["kind"] for part in alone} == {"region"}


def test_a_run_of_its_own_brings_both_models(finished: dict[str, Any], models: Path, tmp_path: Path) -> None:
    fields = TINY | {"model": f"artifact:{finished['artifact']}"}
    spec = command.write_spec(tmp_path, SAMPLE, **fields, method="probe")
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    manifest = json.loads((tmp_path / "out" / "artifact" / "manifest.json").read_text("utf-8"))
    assert manifest["params"]["text_model"] is None
    assert events[-1]["metrics"]["accuracy"] >= 0.9


def test_a_killed_run_goes_on_to_the_same_answers(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, SAMPLE, **TINY, params=PARAMS | {"epochs": 3, "batch_size": 16})
    process = command.start(models, "run", spec, "--out", tmp_path / "ended", MAQUETTE_CHECKPOINT_SECONDS="0")
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if json.loads(line)["type"] == "checkpoint":
                process.send_signal(signal.SIGKILL)
                break
        process.communicate(timeout=60)
    for out in ("ended", "alone"):
        code, events = command.call(models, "run", spec, "--out", tmp_path / out)
        assert code == 0, events[-1]
        assert [event["resumed"] for event in command.of(events, "checkpoint")][:1] == [out == "ended"]
    assert predictions(tmp_path / "ended") == predictions(tmp_path / "alone")


def predictions(out: Path) -> list[Any]:
    import pyarrow.parquet as pq

    table = pq.read_table(out / "artifact" / "predictions.parquet")
    assert {"image", "text"} <= set(table.column_names)
    return table.column("probabilities").to_pylist()


def test_pictures_with_a_text_and_a_label_suggest_the_task(tmp_path: Path) -> None:
    import zipfile

    archive = tmp_path / "shop.zip"
    lines = ["file_name,text,label"]
    with zipfile.ZipFile(archive, "w") as file:
        for number, row in enumerate(SAMPLE):
            file.writestr(f"{number}.png", row["image"])
            lines.append(f"{number}.png,{row['text'] if number else ''},{row['label']}")
        file.writestr("metadata.csv", "\n".join([*lines, ",no picture,rude red"]))
    found = inspect([archive], tmp_path / "version")
    assert found["suggestion"]["task"] == ImageTextClassification.slug
    assert found["suggestion"]["columns"] == {"image": "image", "text": "text", "label": "label"}
    profile = json.loads((tmp_path / "version" / "profile.json").read_text("utf-8"))
    assert sum(profile["split"][part] for part in ("train", "validation", "test")) == len(SAMPLE)
