"""`POST /e/SLUG/v1/chat/completions` and `/v1/completions`: texts written in the form of OpenAI's API, whole or as they are written
(`serving.writers`)."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from serving.problems import Problem
from trainer.conversations import CALLED, UnreadError, read_message
from trainer.writing.called_tools import MOST_CALLS, calls_schema
from trainer.writing.tools import Said, function_of, held_back, read_answer

if TYPE_CHECKING:
    from trainer.engines import Engine
    from trainer.engines.writing import Prompt
    from trainer.writing.drafts import Piece

EXAMPLE = 'Send {"messages": [{"role": "user", "content": "your text"}]}.'
REFUSED = (
    *("functions", "function_call", "logprobs", "top_logprobs", "logit_bias", "frequency_penalty", "presence_penalty"),
    *("echo", "suffix", "audio"),
)
"""Fields that would change the answer, which no model here takes; unless they are empty."""
OPTIONS = ("temperature", "top_p", "top_k", "min_p", "seed", "stop")
"""`top_k` and `min_p` are not fields of OpenAI's; its clients send them as `extra_body`."""
USUAL_TEMPERATURE = 1.0
"""As OpenAI's API has it, where a request names none."""
LONGEST = ("max_completion_tokens", "max_tokens")
BAD_REQUEST, JSON, EVENTS = 400, "application/json", "text/event-stream"
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Asked:
    """A request: what the engine reads, and how the answer is wanted."""

    value: dict[str, Any]
    is_chat: bool
    streams: bool
    tells_usage: bool
    form: str = "response_format"
    """The field that says what the answer must be."""
    most: str = "max_tokens"
    """The field that says how long it may be."""

    def instruct(self, system: str) -> None:
        """Put what the owner says before a conversation; a text that is continued has no place for it."""
        if self.is_chat:
            self.value["messages"] = told_first(self.value["messages"], system)


class Refused(Problem):
    """What is wrong with a request, 400 in OpenAI's form; `param` names the field."""

    def __init__(self, message: str, code: str, param: str = "") -> None:
        super().__init__(BAD_REQUEST, code, message, param=param)


def openai_error(problem: Problem) -> Response:
    """A refusal in the form that OpenAI's clients read: {"error": {message, type, param, code}}."""
    kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(problem.status, "server_error" if problem.status >= 500 else "invalid_request_error")
    message = " ".join(part for part in (problem.detail, problem.hint) if part)
    error = {"message": message, "type": kind, "param": problem.extra.get("param") or None, "code": problem.code}
    return Response(orjson.dumps({"error": error}), problem.status, problem.headers, JSON)


# What is asked


def parse(body: bytes, *, is_chat: bool) -> Asked:
    """A body of either address; `Refused`."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(f"The request is not valid JSON. {EXAMPLE}", "bad_json") from error
    if not isinstance(fields, dict):
        raise Refused(f"The request must be an object. {EXAMPLE}", "bad_json")
    refuse_unknown(fields)
    value: dict[str, Any] = {"messages": messages_of(fields)} if is_chat else {"text": prompt_of(fields)}
    tools = tools_of(fields)
    if tools:
        value["tools"] = tools
    value |= {name: fields[name] for name in OPTIONS if fields.get(name) is not None}
    value.setdefault("temperature", USUAL_TEMPERATURE)
    calls = forced_calls(fields, tools) if is_chat else None
    if (schema := calls or schema_of(fields)) is not None:
        value["json_schema"] = schema
    most = next((name for name in LONGEST if fields.get(name) is not None), LONGEST[-1])
    value |= {"max_tokens": fields[most]} if fields.get(most) is not None else {}
    form = "tools" if calls else "response_format"
    return Asked(value, is_chat, *stream_of(fields), form, most)


def stream_of(fields: dict[str, Any]) -> tuple[bool, bool]:
    """(whether the answer is streamed, whether its usage is told at the end); `Refused`."""
    streams, options = fields.get("stream"), fields.get("stream_options")
    if not isinstance(streams, bool | None):
        raise Refused("`stream` must be true or false.", "invalid_type", "stream")
    if not isinstance(options, dict | None):
        raise Refused("`stream_options` must be an object.", "invalid_type", "stream_options")
    return bool(streams), bool(options and options.get("include_usage"))


def refuse_unknown(fields: dict[str, Any]) -> None:
    named = next(
        (name for name in REFUSED if fields.get(name) and (name, fields[name]) != ("function_call", "none")), None
    )
    if named:
        raise Refused(f"`{named}` is not possible here: leave it out.", "unsupported_parameter", named)
    several = next((name for name in ("n", "best_of") if fields.get(name) not in (None, 1)), None)
    if several:
        raise Refused(f"`{several}` must be 1: one answer a request.", "unsupported_parameter", several)


def schema_of(fields: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON Schema that the answer must keep to, of `response_format`; None where it may be any text. `Refused`."""
    form = {"type": "text"} if fields.get("response_format") is None else fields["response_format"]
    kind = form.get("type") if isinstance(form, dict) else None
    if kind in ("text", "json_object"):
        return {"type": "object"} if kind == "json_object" else None
    described = form.get("json_schema") if kind == "json_schema" else None
    schema = described.get("schema") if isinstance(described, dict) else None
    if isinstance(schema, dict):
        return schema
    needed = "`response_format` must be text, json_object, or json_schema with a `json_schema` that has a `schema`."
    raise Refused(needed, "invalid_value", "response_format")


def tools_of(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """The tools that the answer may call; `Refused`."""
    tools, choice = [] if fields.get("tools") is None else fields["tools"], fields.get("tool_choice")
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise Refused("`tools` must be a list of objects.", "invalid_type", "tools")
    return [] if choice == "none" else tools


def forced_calls(fields: dict[str, Any], tools: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The schema of an answer that must call a tool, any or the one that is named; None where it need not. `Refused`."""
    choice = fields.get("tool_choice")
    if choice in (None, "auto", "none"):
        return None
    function = choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    name = function.get("name") if isinstance(function, dict) else None
    if choice != "required" and not isinstance(name, str):
        needed = "`tool_choice` must be auto, none, required, or a function with its name."
        raise Refused(needed, "invalid_value", "tool_choice")
    names = [tool.get("name") for tool in map(function_of, tools)]
    if not names or not all(isinstance(each, str) for each in names) or (name is not None and name not in names):
        message = "`tool_choice` needs `tools` with their names, and the one that it names among them."
        raise Refused(message, "invalid_value", "tool_choice")
    is_one = name is not None or fields.get("parallel_tool_calls") is False
    return calls_schema(tools, name or "", most=1 if is_one else MOST_CALLS)


def messages_of(fields: dict[str, Any]) -> list[dict[str, str]]:
    """The messages with one text each; parts of a content are lines of it."""
    given = fields.get("messages")
    if not isinstance(given, list) or not given or not all(isinstance(message, dict) for message in given):
        raise Refused(f"`messages` must be a list of messages. {EXAMPLE}", "invalid_type", "messages")
    return [{"role": role_of(message), "content": content_of(message, place)} for place, message in enumerate(given)]


def told_first(messages: list[dict[str, str]], system: str) -> list[dict[str, str]]:
    """A conversation whose system message begins with what the owner says; what the caller's says follows."""
    if not system:
        return messages
    is_system = bool(messages) and messages[0]["role"] == "system"
    first = f"{system}\n\n{messages[0]['content']}" if is_system else system
    return [{"role": "system", "content": first}, *messages[is_system:]]


def instructed(engine: "Engine[Any, Any]", value: object, system: str) -> object:
    """An input of `/predict` with what the owner says before it, of a model that learned from conversations."""
    if not system or not engine.is_writer or engine.manifest.get("form") != "chat":
        return value
    given: dict[str, Any] = value if isinstance(value, dict) else {"prompt": value}
    if is_conversation(given.get("messages")):
        return given | {"messages": told_first(given["messages"], system)}
    if "messages" in given or not isinstance(given.get("prompt"), str):
        return value  # the engine says what is wrong with it, or it is a text that is continued
    others = {name: field for name, field in given.items() if name != "prompt"}
    return others | {"messages": told_first([{"role": "user", "content": given["prompt"]}], system)}


def is_conversation(messages: object) -> bool:
    return isinstance(messages, list) and all(
        isinstance(message, dict) and isinstance(message.get("role"), str) and isinstance(message.get("content"), str)
        for message in messages
    )


def role_of(message: dict[str, Any]) -> str:
    return {"developer": "system", "function": "tool"}.get(str(message.get("role")), str(message.get("role", ""))[:40])


def content_of(message: dict[str, Any], place: int) -> str:
    """The text of a message, as rows to learn from have it: parts in a line each, calls of an assistant after it."""
    content, is_assistant = message.get("content"), message.get("role") == "assistant"
    fields = message if is_assistant else {key: cell for key, cell in message.items() if key not in CALLED}
    try:
        text = read_message(fields | {"role": "user"})["content"] if isinstance(content, str | list | None) else None
    except UnreadError as error:
        needed = f"Message {place} must be text alone: this model reads no pictures, sounds or files."
        raise Refused(needed, "invalid_type", f"messages[{place}].content") from error
    if text is None or (content is None and not text):
        raise Refused(f"Message {place} needs a text as its content.", "invalid_type", f"messages[{place}].content")
    return text


def prompt_of(fields: dict[str, Any]) -> str:
    """The one prompt, a text or a list of one."""
    prompt = fields.get("prompt", "")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise Refused("`prompt` must be one text, neither tokens nor several prompts.", "invalid_type", "prompt")
    return prompt


def check_writes(engine: "Engine[Any, Any]") -> None:
    """`Refused` for a model that writes no texts."""
    if not engine.is_writer:
        message = "This model writes no texts. Ask it with POST /e/SLUG/predict."
        raise Refused(message, "model_not_supported", "model")


def read_prompt(engine: "Engine[Any, Any]", request: Asked) -> "Prompt":
    """What was asked as the engine takes it; `Refused` says what of it cannot be used. Work for a thread."""
    from trainer.errors import UserError

    try:
        prompt: Prompt = engine.read(request.value)
    except UserError as error:
        code = "context_length_exceeded" if error.code == "too_long" else "invalid_value"
        hint = f" {error.hint}" if error.hint else ""
        raise Refused(f"The request {error.message}{hint}", code, field_of(request, error.code)) from error
    return prompt


def field_of(request: Asked, code: str) -> str:
    """The field that the engine refused."""
    from trainer.tasks.text_generation import check_options, check_tools

    if code == "bad_schema":
        return request.form
    names = [name for name in (*OPTIONS, "max_tokens") if name in request.value]
    wrong = next((name for name in names if check_options({name: request.value[name]})), None)
    if wrong is not None:
        return request.most if wrong == "max_tokens" else wrong
    if check_tools(request.value.get("tools")):
        return "tools"
    return "messages" if request.is_chat else "prompt"


# What is answered


async def unless_gone(answer: Coroutine[Any, Any, bytes], request: Request) -> bytes:
    """The answer, empty where the client hangs up before it is whole: then it is written no further."""
    writing, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(leave(request))
    try:
        await asyncio.wait((writing, leaving), return_when=asyncio.FIRST_COMPLETED)
        return await writing if writing.done() else b""
    finally:
        for task in (writing, leaving):
            task.cancel()
        await asyncio.gather(writing, leaving, return_exceptions=True)


async def leave(request: Request) -> None:
    """Until the client of a request that was read has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Stream(StreamingResponse):
    """The events of an answer. `end` is called when they are over, also where the client has gone before the first."""

    def __init__(self, events: AsyncGenerator[bytes, None], end: Callable[[], None]) -> None:
        super().__init__(events, media_type=EVENTS)
        self.end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.end()


@dataclass
class Reply:
    """An answer on its way: `name` of the model, tokens of the prompt, and what is counted while it is written."""

    name: str
    is_chat: bool
    prompt_tokens: int
    tokens: int = 0

    def __post_init__(self) -> None:
        self.id = f"{'chatcmpl' if self.is_chat else 'cmpl'}-{uuid.uuid4().hex}"
        self.created = int(time.time())

    @property
    def usage(self) -> dict[str, int]:
        total = self.prompt_tokens + self.tokens
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.tokens, "total_tokens": total}

    def head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.name}

    async def whole(self, pieces: "AsyncGenerator[Piece, None]") -> bytes:
        """The body of an answer."""
        text, finish = "", "stop"
        async with aclosing(pieces):
            async for piece in pieces:
                text, self.tokens, finish = text + piece.text, piece.tokens, piece.finish or finish
        answer = read_answer(text) if self.is_chat else Said(text, [])
        message = {"message": message_of(answer)} if self.is_chat else {"text": text}
        finish = "tool_calls" if answer.calls else finish
        choice = {"index": 0, **message, "logprobs": None, "finish_reason": finish}
        kind = "chat.completion" if self.is_chat else "text_completion"
        return orjson.dumps(self.head(kind) | {"choices": [choice], "usage": self.usage})

    async def events(self, pieces: "AsyncGenerator[Piece, None]", *, tells_usage: bool) -> AsyncGenerator[bytes, None]:
        """The same as server-sent events."""
        if self.is_chat:
            yield self.event({"delta": {"role": "assistant", "content": ""}}, None)
        text, sent, finish = "", 0, "stop"
        async for piece in pieces:
            self.tokens, text, finish = piece.tokens, text + piece.text, piece.finish or finish
            sure = len(text) - (held_back(text) if self.is_chat else 0)
            if sure > sent:
                yield self.event(
                    {"delta": {"content": text[sent:sure]}} if self.is_chat else {"text": text[sent:]}, None
                )
                sent = sure
        for part, reason in self.last(text, sent, finish):
            yield self.event(part, reason)
        if tells_usage:
            yield event(self.head(self.chunk) | {"choices": [], "usage": self.usage})
        yield DONE

    def last(self, text: str, sent: int, finish: str) -> list[tuple[dict[str, Any], str | None]]:
        """The last parts of an answer of which so much is told: calls of tools or what only looked like them, and why it ended."""
        if not self.is_chat:
            return [({"text": ""}, finish)]
        answer = read_answer(text)
        if answer.calls:
            calls = [call | {"index": place} for place, call in enumerate(identified(answer.calls))]
            return [({"delta": {"tool_calls": calls}}, None), ({"delta": {}}, "tool_calls")]
        rest = [({"delta": {"content": text[sent:]}}, None)] if sent < len(text) else []
        return [*rest, ({"delta": {}}, finish)]

    @property
    def chunk(self) -> str:
        return "chat.completion.chunk" if self.is_chat else "text_completion"

    def event(self, part: dict[str, Any], finish: str | None) -> bytes:
        choice = {"index": 0, **part, "logprobs": None, "finish_reason": finish}
        return event(self.head(self.chunk) | {"choices": [choice]})


def message_of(answer: "Said") -> dict[str, Any]:
    calls = {"tool_calls": identified(answer.calls)} if answer.calls else {}
    return {"role": "assistant", "content": answer.text or (None if calls else "")} | calls


def identified(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Calls in OpenAI's form, each by an id of its own: one that a model wrote may come twice in a conversation."""
    return [
        {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": as_text(call["function"])}
        for call in calls
    ]


def as_text(function: dict[str, Any]) -> dict[str, str]:
    """With its arguments as the text of an object."""
    given = function.get("arguments", "{}")
    return {"name": function["name"], "arguments": given if isinstance(given, str) else orjson.dumps(given).decode()}


def event(fields: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(fields) + b"\n\n"


def models_of(name: str) -> bytes:
    """The body of `/v1/models`: the endpoint's model, by its slug."""
    listed = {"id": name, "object": "model", "created": 0, "owned_by": "maquette"}
    return orjson.dumps({"object": "list", "data": [listed]})
