"""Predictions asked with a form: which bodies are read as which inputs, and which are refused."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest

from serving.batcher import MAX_BYTES, MIB, Batcher, count_bytes
from serving.forms import parse_form
from serving.memory import Ledger
from serving.problems import Problem
from tests.serving.conftest import KEY, Serving

PICTURE = [{"name": "image", "kind": "image"}]
PAIR = [*PICTURE, {"name": "text", "kind": "text"}]
TABLE = [{"name": "age", "kind": "number"}, {"name": "sex", "kind": "category"}]


KIND = "multipart/form-data; boundary=x"


def body_of(files: list[tuple[str, Any]] = (), **fields: str) -> tuple[bytes, str]:  # type: ignore[assignment]
    """A form as httpx writes it, and its content type."""
    parts = [*files, *((name, (None, value)) for name, value in fields.items())]
    request = httpx.Request("POST", "http://site", files=parts, headers={"Content-Type": KIND})
    return request.read(), KIND


def test_each_file_is_an_input() -> None:
    form = parse_form(*body_of([("file", b"one"), ("file", b"\r\n--two")]), limit=2)
    assert form.inputs(PICTURE) == [b"one", b"\r\n--two"]


def test_fields_are_one_input_by_the_names_of_the_model() -> None:
    assert parse_form(*body_of(age="3.5", sex="f"), limit=1).inputs(TABLE) == [{"age": 3.5, "sex": "f"}]
    assert parse_form(*body_of(age=" ", sex="f"), limit=1).inputs(TABLE) == [{"age": None, "sex": "f"}]
    form = parse_form(*body_of([("file", b"p")], text="a cat"), limit=1)
    assert form.inputs(PAIR) == [{"text": "a cat", "image": b"p"}]


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        (body_of([("file", b"p")], colour="red"), PICTURE),
        (body_of([("file", b"p"), ("file", b"q")], text="a"), PAIR),
        (body_of([("file", b"p")], age="3"), TABLE),
    ],
)
def test_what_the_model_does_not_read_is_refused(parts: tuple[bytes, str], names: list[dict[str, Any]]) -> None:
    with pytest.raises(Problem) as caught:
        parse_form(*parts, limit=9).inputs(names)
    assert (caught.value.status, caught.value.code) == (422, "bad_form")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", KIND),
        (b"nonsense", KIND),
        (b"--x\r\n\r\nno header\r\n--x--\r\n", KIND),
        (b"--x--\r\n", "multipart/form-data"),
        (body_of([("file", b"one")])[0][:-9], KIND),
        (body_of([("file", b"one")] * 300)[0], KIND),
    ],
)
def test_a_broken_form_is_refused_in_words(body: bytes, content_type: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_form(body, content_type, limit=4)
    assert caught.value.status == 422
    assert caught.value.hint


def test_too_many_files_are_refused() -> None:
    with pytest.raises(Problem) as caught:
        parse_form(*body_of([("file", b"p")] * 3), limit=2)
    assert caught.value.code == "too_many_inputs"


def test_the_service_reads_a_form(serving: Serving) -> None:
    """The tiny model reads texts, so a field by its name is an input and a file is refused in words."""
    ask = {"url": f"{serving.url}/e/demo/predict", "headers": {"Authorization": f"Bearer {KEY}"}}
    refused = httpx.post(**ask, files={"file": b"\x89PNG"})
    assert refused.status_code == 422
    assert "Input 0" in refused.json()["detail"]
    large = httpx.post(**ask, files={"file": b"x" * 30_000})
    assert (large.status_code, large.json()["code"]) == (413, "too_large")


def test_a_batch_of_pictures_ends_by_its_bytes() -> None:
    picture = np.zeros(MAX_BYTES // 2 + MIB, dtype=np.uint8)
    assert count_bytes({"image": picture, "text": "a"}) == picture.nbytes

    async def batches() -> list[int]:
        with ThreadPoolExecutor(1) as executor:
            engine = Counting()
            arrays = Ledger(1 << 28)
            batcher = Batcher(engine, executor, arrays)
            await asyncio.gather(*(batcher.predict([picture]) for _ in range(3)))
            assert arrays.used == 0
            return engine.sizes

    assert asyncio.run(batches()) == [1, 1, 1]


class Counting:
    """Notes how many inputs came together."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def predict(self, inputs: list[Any]) -> list[dict[str, Any]]:
        self.sizes.append(len(inputs))
        return [{} for _ in inputs]
