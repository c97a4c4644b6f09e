"""Speech: a language of tones, one a letter, learned by heart; and what is said of the mistakes."""

import io
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer import command, tiny_speech
from trainer import tasks, transcripts
from trainer.comparison import interval
from trainer.engines import open_engine, speech
from trainer.errors import DataError, ModelError
from trainer.families.audio.whisper import Whisper
from trainer.packaging.export import MOST_LOSS, note_files, quiet
from trainer.tasks.speech_recognition import SpeechRecognition, spoken
from trainer.transcripts import BLANK, SPACE, Characters, normalised
from trainer.writing.speech_decoder import SpeechDecoder

SCRATCH = {"model": "scratch:gru-ctc", "method": "scratch"}


# Texts


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Printing, in the ONLY sense", "printing in the only sense"),
        ("don’t 'quote' me -- o'clock!", "don't quote me o'clock"),
        ("  ½ Straße\n12.5 ", "1 2 straße 12 5"),
        ("你好，世界", "你好 世界"),
        ("?!", ""),
    ],
)
def test_texts_are_compared_without_case_and_punctuation(text: str, wanted: str) -> None:
    assert normalised(text) == wanted


def test_repeats_are_one_and_blanks_are_none() -> None:
    script = Characters((BLANK, SPACE, *"HELO"))
    ids = np.array([2, 2, 3, 0, 4, 4, 0, 4, 5, 1, 1, 5, 0, -1, -1], dtype=np.float32)
    assert script.decode(ids) == "hello o"
    assert script.decode(script.encode("Hole")) == "hole"
    assert script.upper


def test_a_models_own_characters_are_kept_where_they_fit(tmp_path: Path) -> None:
    own = Characters((BLANK, SPACE, *"ABC"))
    assert Characters.of(["a bad cab"], own).symbols == (*own.symbols, "D")
    assert Characters.of(["привет"], own).symbols == (BLANK, SPACE, *sorted("привет"))
    own.save(tmp_path)
    assert Characters.load(tmp_path) == own
    (tmp_path / "vocab.json").write_text(json.dumps({"eng": {"a": 0}}))
    assert Characters.load(tmp_path) is None
    with pytest.raises(ModelError) as raised:
        speech.characters_of(tmp_path)
    assert raised.value.code == "damaged_artifact"


def test_word_and_character_errors() -> None:
    found = transcripts.errors(["the cat sat", "a b", ""], ["The cat sat.", "a c d", "x y"])
    assert found.tolist() == [[0, 3, 0, 11], [2, 2, 3, 3], [2, 0, 3, 0]]
    assert transcripts.rates(found[:2]) == {"wer": 2 / 5, "cer": 3 / 14}
    none = interval("wer", ["the cat sat"], ["The cat sat."])
    assert none.value == none.low == 0.0
    assert 0 < none.high < 1
    some = interval("wer", ["the cat sat", "a b"], ["The cat sat.", "a c d"])
    assert some.low <= some.value == 2 / 5 <= some.high


# Whole runs


def by_heart(folder: Path, models: Path, **fields: Any) -> dict[str, Any]:
    """Eight sentences to learn from, the same eight to tune with and to test on."""
    rows = SpeechRecognition.sample()[:8]
    parts = [row | {"split": part} for part in ("train", "validation", "test") for row in rows]
    spec = command.write_spec(folder, parts, **{"task": "speech-recognition"} | fields)
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    return {"rows": rows, "result": events[-1], "events": events, "artifact": folder / "out" / "artifact"}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("ctc")
    tiny_speech.build_ctc(folder)
    params = {
        "epochs": 60,
        "batch_size": 4,
        "learning_rate": 3e-3,
        "head_learning_rate": 1e-2,
        "patience": 60,
        "augment": "none",
    }
    return by_heart(folder, folder, model="local:tiny-hubert-ctc", params=params)


def test_a_ctc_model_learns_eight_sentences_by_heart(learned: dict[str, Any]) -> None:
    assert learned["result"]["metrics"]["wer"] < 0.1
    assert learned["result"]["headline"]["name"] == "wer"


def test_the_engine_agrees_with_torch(learned: dict[str, Any]) -> None:
    exported = json.loads((learned["artifact"] / "onnx" / "export.json").read_text("utf-8"))
    assert exported["agreement_fp32"] == 1.0
    assert exported["rows"] == 8
    check_int8(exported)


def check_int8(exported: dict[str, Any]) -> None:
    """What listens is smaller, and is served only where as many words are right."""
    assert exported["bytes"]["int8"] < exported["bytes"]["fp32"]
    is_as_good = exported["accuracy_int8"] >= exported["accuracy_trained"] - MOST_LOSS
    assert exported["engine"] == ("onnx-int8" if is_as_good else "onnx-fp32")


def test_any_rate_format_and_number_of_channels(learned: dict[str, Any]) -> None:
    import soundfile

    engine = open_engine(learned["artifact"], verify=True)
    row = learned["rows"][0]
    plain, rate = soundfile.read(io.BytesIO(row["audio"]))
    for kind, channels, times in (("WAV", 1, 1), ("FLAC", 2, 2), ("OGG", 2, 2)):
        buffer = io.BytesIO()
        soundfile.write(buffer, np.repeat(np.tile(plain[:, None], channels), times, axis=0), rate * times, format=kind)
        assert engine.predict([engine.read(buffer.getvalue())]) == [{"text": row["text"]}]
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(301 * 8_000), 8_000, format="FLAC")
    with pytest.raises(DataError, match="lasts 301 seconds; this model hears at most 300"):
        engine.read(buffer.getvalue())
    spans = engine.explain(engine.read(row["audio"]))["parts"]
    assert {span["kind"] for span in spans} == {"span"}
    assert max(span["weight"] for span in spans) > 0


def test_a_recording_longer_than_the_model_hears_is_read_in_windows(learned: dict[str, Any]) -> None:
    engine = open_engine(learned["artifact"])
    assert isinstance(engine, speech.SpeechEngine)
    texts = [row["text"] for row in learned["rows"]]
    text = " ".join(texts)
    value = engine.read(spoken(text))
    assert value.shape == (round(0.2 * len(text) * engine.hearing.rate),)
    short = engine.read(learned["rows"][0]["audio"])
    long_answer, short_answer = engine.predict([value, short])
    assert short_answer == {"text": texts[0]}
    assert long_answer == {"text": text}
    assert {span["kind"] for span in engine.explain(value)["parts"]} == {"span"}
    with pytest.raises(DataError, match="takes too long"):
        engine.explain(value, seconds=1.0)


def test_the_report_and_the_predictions(learned: dict[str, Any]) -> None:
    import pyarrow.parquet as pq

    report = json.loads((learned["artifact"] / "report.json").read_text("utf-8"))
    assert report["test_rows"] == 8
    assert report["test_words"] == 16
    assert report["baselines"]["silence"]["wer"] == 1.0
    table = pq.read_table(learned["artifact"] / "predictions.parquet")
    assert {"audio", "truth", "predicted", "wer"} <= set(table.column_names)
    card = (learned["artifact"] / "README.md").read_text("utf-8")
    assert "without punctuation" in card
    assert "Word error rate" in card


def test_a_whisper_learns_eight_sentences_by_heart(tmp_path: Path) -> None:
    tiny_speech.build_whisper(tmp_path)
    params = {"epochs": 24, "patience": 24, "batch_size": 2, "learning_rate": 2e-3, "augment": "none", "language": "de", "num_beams": 2}  # fmt: skip
    found = by_heart(tmp_path / "run", tmp_path, model="local:tiny-whisper-speech", params=params)
    assert found["result"]["metrics"]["wer"] < 0.1
    exported = json.loads((found["artifact"] / "onnx" / "export.json").read_text("utf-8"))
    assert exported["agreement_fp32"] == 1.0
    check_int8(exported)
    manifest = json.loads((found["artifact"] / "manifest.json").read_text("utf-8"))
    assert len(manifest["writes"]["prefix"]) == 4
    assert manifest["writes"]["beams"] == 2
    engine = open_engine(found["artifact"], verify=True)
    inputs = [engine.read(row["audio"]) for row in found["rows"]]
    answers = engine.predict(inputs)
    assert sum(answer["text"] == row["text"] for answer, row in zip(answers, found["rows"], strict=True)) >= 7
    check_packaged_before(found["artifact"], inputs, answers)


def check_packaged_before(artifact: Path, inputs: list[Any], answers: list[Any]) -> None:
    """With what writes as a graph, as artifacts were packaged until there was a decoder without one."""
    graph = artifact / "onnx" / speech.DECODER
    assert not graph.exists()
    model = Whisper.load(artifact / "model", "eager")
    with quiet():
        model.write_decoder(torch.zeros(2, *model.hearing.shape), graph)
    note_files(artifact)
    engine = open_engine(artifact, verify=True)
    assert isinstance(engine, speech.SpeechEngine)
    assert not isinstance(engine.decoder, SpeechDecoder)
    assert engine.predict(inputs) == answers


def test_damaged_long_and_wordless_rows_are_told_and_the_rest_learned_from(tmp_path: Path) -> None:
    rows = SpeechRecognition.sample()
    rows[3] = rows[3] | {"audio": b"RIFF, but not a sound"}
    rows[4] = rows[4] | {"audio": spoken("aeiou" * 3)}
    rows[5] = rows[5] | {"text": "…"}
    params = {"epochs": 1, "seconds": 2.0}
    spec = command.write_spec(tmp_path / "run", rows, task="speech-recognition", params=params, **SCRATCH)
    code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    told = " ".join(event["message"] for event in command.of(events, "warning"))
    assert "00003.wav is not a sound" in told
    assert "longer than 2 seconds" in told
    assert "without a word" in told


def test_it_goes_on_from_a_run_of_ones_own(tmp_path: Path) -> None:
    params = {"epochs": 2}
    spec = command.write_spec(tmp_path / "run", SpeechRecognition.sample(), task="speech-recognition", params=params, **SCRATCH)  # fmt: skip
    command.call(tmp_path, "run", spec, "--out", tmp_path / "out")
    rows = [row | {"text": row["text"].replace("u", "y")} for row in SpeechRecognition.sample()]
    base = f"artifact:{tmp_path / 'out' / 'artifact'}"
    spec = command.write_spec(tmp_path / "second", rows, task="speech-recognition", params=params, model=base)
    code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "again")
    assert code == 0, events[-1]
    assert "y" in json.loads((tmp_path / "again" / "artifact" / "model" / "vocab.json").read_text("utf-8"))


def test_too_little_speech_is_told(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    letters = list("aeiou")
    rows = [row | {"text": " ".join("".join(generator.choice(letters, 4)) for _word in range(9))} for row in SpeechRecognition.sample()]  # fmt: skip
    spec = command.write_spec(tmp_path / "run", rows, task="speech-recognition", params={"epochs": 1}, **SCRATCH)
    _code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "out")
    assert "too_little_speech" in {event["code"] for event in command.of(events, "warning")}
    assert "too little to learn speech from nothing" in (tmp_path / "out" / "artifact" / "README.md").read_text("utf-8")


def as_audio(spec: Any) -> Any:
    return spec.model_copy(update={"task": "audio-classification", "model": "scratch:cnn-logmel"})


def test_the_small_nets_layers() -> None:
    from trainer.spec import Spec

    spec = Spec.model_validate({"task": "speech-recognition", "dataset": {"path": "a.zip"}} | SCRATCH)
    found = tasks.get("speech-recognition").describe(spec)
    card = next(card for card in SpeechRecognition.models if card.ref == SCRATCH["model"])
    assert found["parameters"] == card.parameters
    assert set(found) == set(tasks.get("audio-classification").describe(as_audio(spec)))


def test_it_goes_on_after_sigterm_as_if_nothing_had_been(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    fields = {"task": "speech-recognition", "params": {"epochs": 3, "batch_size": 4}} | SCRATCH
    spec = command.write_spec(tmp_path, SpeechRecognition.sample(), **fields)
    with command.start(tmp_path, "run", spec, "--out", tmp_path / "ended", MAQUETTE_CHECKPOINT_SECONDS="0") as process:
        for line in process.stdout or ():
            if json.loads(line)["type"] == "checkpoint":
                process.send_signal(signal.SIGTERM)
                break
        process.communicate(timeout=60)
    assert process.returncode == 3
    code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "ended")
    assert code == 0, events[-1]
    assert command.of(events, "checkpoint")[0]["resumed"]
    _code, alone = command.call(tmp_path, "run", spec, "--out", tmp_path / "alone")
    assert alone[-1]["metrics"] == events[-1]["metrics"]
    said = [pq.read_table(tmp_path / name / "artifact" / "predictions.parquet").column("predicted").to_pylist() for name in ("ended", "alone")]  # fmt: skip
    assert said[0] == said[1]


def test_rounds_of_tests(tmp_path: Path) -> None:
    fields = {"task": "speech-recognition", "params": {"epochs": 1}} | SCRATCH
    spec = command.write_spec(tmp_path, SpeechRecognition.sample(), **fields)
    said = json.loads(spec.read_text("utf-8"))
    said["dataset"]["split"] = {"folds": 3}
    spec.write_text(json.dumps(said), "utf-8")
    code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    report = json.loads((tmp_path / "out" / "artifact" / "report.json").read_text("utf-8"))
    assert report["test_rows"] == 24
