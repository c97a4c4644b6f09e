"""Conversations and instructions of the reference data go the whole way: sent by the API, read, trained by the command line, asked by
OpenAI's client. Their pages: tests/datasets/test_every_file.py."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.serving.conftest import KEY, Redis, Serving
from tests.trainer import command
from tests.trainer.data_files import SHARED
from trainer.data.conversation_rows import conversation, instruction
from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.datasets.reading import Reading, reader_arguments

FILES = (
    "text2text/alpaca_en.jsonl",
    "text2text/alpaca_zh.jsonl",
    "chat/assistant_en_train.jsonl",
    "chat/knowledge_zh_train.jsonl",
    "chat/toolcall_en_train.jsonl",
)
ROWS = 20
PARAMS = {"epochs": 1, "layers": 1, "width": 32, "vocabulary": 270, "max_length": 1024}

pytestmark = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the shared files are not on this machine")


def asked_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """What stands before the last answer of a row, as the client sends it."""
    read = (
        conversation(row["messages"])
        if "messages" in row
        else instruction(row["instruction"], row.get("input") or "", row["output"])
    )
    assert read
    return read.turns[-1:]


@pytest.mark.parametrize("name", FILES)
def test_the_whole_way(
    name: str, user: User, api_of: Callable[[User], Client], redis_server: Redis, serving: Serving, tmp_path: Path
) -> None:
    lines = (SHARED / "data" / name).read_text("utf-8").splitlines(keepends=True)[:ROWS]
    sent = SimpleUploadedFile(Path(name).name, "".join(lines).encode())
    answer = api_of(user).post("/api/v1/datasets", {"file": sent})
    assert answer.status_code == 201, answer.content
    version = Dataset.objects.get().latest
    assert version
    attempt = Reading.begin(version, None)
    assert attempt
    made = version.folder.with_name("made")
    code, events = command.call(tmp_path, *reader_arguments(version, made))
    assert code == 0, events[-1]
    attempt.keep(made)
    version.refresh_from_db()
    assert (version.status, version.rows, version.suggestion["task"]) == ("ready", ROWS, "text-generation")
    spec = tmp_path / "spec.json"
    fields = {"task": "text-generation", "model": "scratch:gpt", "method": "scratch", "params": PARAMS}
    spec.write_text(json.dumps(fields | {"dataset": {"path": str(version.folder)}}))
    code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    slug, row = Path(name).stem.replace("_", "-"), json.loads(lines[0])
    redis_server.publish(
        slug, tmp_path / "out/artifact", limits={"requests_per_minute": 1000, "bytes_per_request": 200_000}
    )
    more = {"tools": row["tools"]} if row.get("tools") else {}
    with openai.OpenAI(base_url=f"{serving.url}/e/{slug}/v1", api_key=KEY, max_retries=3) as client:
        told = client.chat.completions.create(model="any", messages=asked_of(row), max_tokens=4, temperature=0, **more)  # type: ignore[arg-type]
    assert told.choices[0].finish_reason in ("stop", "length", "tool_calls")
    assert told.usage
    assert told.usage.prompt_tokens > len(asked_of(row)[-1]["content"].split())
