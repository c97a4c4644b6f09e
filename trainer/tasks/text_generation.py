"""Text generation: write the next message of a conversation, the answer to an instruction, or a text on in its style."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from trainer.architectures import WRITERS
from trainer.messages import _, gettext_noop
from trainer.params import IN_STEPS, Searched, advanced
from trainer.tasks.base import BaseModelCard, ReadRows, Role, Shape, Task
from trainer.tasks.media import ChosenParams
from trainer.tasks.methods import DPO, FULL, LORA, QLORA, SCRATCH

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_PROMPT = 100_000
"""Characters that a prediction takes; a model reads as many tokens as it has positions."""
MOST_MESSAGES, MOST_STOPS, MOST_ANSWER, MOST_TOOLS = 1_000, 8, 8_192, 128
MOST_KEPT = 1_000_000
"""Of `top_k`: more than any vocabulary has."""
MIB = 1024**2
SCRATCH_MODEL, LSTM_MODEL, GRU_MODEL = "scratch:gpt", "scratch:lstm", "scratch:gru"
SCRATCH_MODELS = (SCRATCH_MODEL, LSTM_MODEL, GRU_MODEL)
ROLES = ("system", "user", "assistant", "tool")
PROMPTS = ("messages", "prompt", "text")
NUMBERS = {
    "max_tokens": (1, MOST_ANSWER),
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (0, MOST_KEPT),
    "min_p": (0, 1),
    "seed": (-(2**63), 2**63 - 1),
}
WHOLE = ("max_tokens", "top_k", "seed")
OPTIONS = (*NUMBERS, "stop", "json_schema")
SNIPPET = """
from pathlib import Path
from trainer.engines import open_engine  # of Maquette; needs numpy, onnxruntime, tokenizers, no torch
engine = open_engine(Path("."))
print(engine.predict([engine.read("your text")])[0]["completion"])"""

TokenKind = Literal["pieces", "characters"]
Packing = Literal["auto", "on", "off"]


def vocabulary_setting(usual: int, choices: list[int]) -> int:
    setting: int = advanced(
        usual,
        gettext_noop("Vocabulary"),
        gettext_noop("From scratch: how many tokens are learned from your texts, at most. 270 are single bytes alone."),
        Searched(choices=choices, methods=["scratch"]),
        ge=270,
        le=32_000,
    )
    return setting


def width_setting() -> int | None:
    setting: int | None = advanced(
        None,
        gettext_noop("Width"),
        gettext_noop(
            "From scratch: numbers that stand for a token, rounded to a multiple of 32. Empty: the model’s default."
        ),
        Searched(choices=[128, 192, 256, 384], methods=["scratch"]),
        ge=32,
        le=1024,
    )
    return setting


def smoothing_setting(usual: float) -> float:
    setting: float = advanced(
        usual,
        gettext_noop("Label smoothing"),
        gettext_noop("How much each target token is softened."),
        Searched(low=0.0, high=0.2, methods=IN_STEPS),
        ge=0,
        lt=1,
    )
    return setting


class WritingParams(ChosenParams):
    """Settings of text generation."""

    max_length: int = advanced(
        256,
        gettext_noop("Longest row"),
        gettext_noop("In tokens, prompt and answer together. The beginning of a longer conversation is cut off."),
        ge=16,
        le=8192,
    )
    vocabulary: int = vocabulary_setting(1024, [270, 512, 1024, 2048])
    tokens: TokenKind = advanced(
        "pieces",
        gettext_noop("Tokens"),
        gettext_noop(
            "From scratch: “pieces” are frequent parts of words (byte-pair encoding), “characters” single characters."
        ),
        Searched(choices=["pieces", "characters"], methods=["scratch"]),
    )
    layers: int | None = advanced(
        None,
        gettext_noop("Layers"),
        gettext_noop("From scratch: how many the network has. Empty: the model’s default."),
        Searched(low=2, high=8, methods=["scratch"]),
        ge=1,
        le=24,
    )
    width: int | None = width_setting()
    label_smoothing: float = smoothing_setting(0.0)


def recurrent_card(ref: str, title: str, parameters: int) -> BaseModelCard:
    sentence = gettext_noop(
        "Trained from scratch on your texts alone, word for word from left to right; smaller than the GPT."
    )
    return BaseModelCard(ref, title, sentence, parameters, "Apache 2.0", gettext_noop("any language"), 900 * MIB)


RECURRENT_MODELS = (
    recurrent_card(LSTM_MODEL, gettext_noop("Small LSTM"), 2_340_000),
    recurrent_card(GRU_MODEL, gettext_noop("Small GRU"), 1_830_000),
)


class TextGenerationParams(WritingParams):
    """With those of preferences."""

    packing: Packing = advanced(
        "auto",
        gettext_noop("Packing"),
        gettext_noop(
            "“on”: the rows of a step stand end to end in one sequence, without padding, and none sees another. “auto”: on a processor, not on a GPU."
        ),
    )
    beta: float = advanced(
        0.1,
        gettext_noop("Beta"),
        gettext_noop("Of preferences: how near the model stays to what it was. Lower: it may change more."),
        Searched(low=0.03, high=0.5, log=True, methods=["dpo"], usual=True),
        gt=0,
        le=10,
    )
    preference_layers: Literal["lora", "full"] = advanced(
        "lora",
        gettext_noop("Trained for preferences"),
        gettext_noop("“lora” trains small additions to each layer, “full” every weight."),
    )


class TextGeneration(Task):
    slug = "text-generation"
    title = gettext_noop("Text generation")
    summary = gettext_noop("Reads an instruction or the beginning of a conversation and writes on.")
    modality = "text"
    roles = (
        Role("prompt", gettext_noop("Instruction"), "text"),
        Role("completion", gettext_noop("Completion"), "text"),
        Role("input", gettext_noop("Additional input"), "text", required=False),
        Role("messages", gettext_noop("Conversation"), "messages", required=False),
        Role("tools", gettext_noop("Tools"), "tools", required=False),
        Role("rejected", gettext_noop("Rejected answer"), "text", required=False),
    )
    answer = "completion"
    answer_role = "completion"
    sentence = gettext_noop("Write %(completion)s from %(prompt)s.")
    architectures = WRITERS
    alternatives = (
        Shape(("messages",), "", "completion", gettext_noop("Write the next message of %(messages)s.")),
        Shape(("text",), "", "completion", gettext_noop("Continue %(text)s in its style.")),
    )
    widget_in = "text"
    family = "trainer.families.text.writing.WritingFamily"
    engine = "trainer.engines.writing.WritingEngine"
    native_engines = dict.fromkeys(("llama", "numpy"), "trainer.engines.writing.WritingEngine")
    has_nets = False
    methods = (SCRATCH, LORA, FULL, DPO, QLORA)
    models = (
        BaseModelCard(
            SCRATCH_MODEL,
            gettext_noop("Small GPT"),
            gettext_noop(
                "Trained from scratch on your texts alone, in any language: learns their style, knows nothing else."
            ),
            1_970_000,
            "Apache 2.0",
            gettext_noop("any language"),
            900 * MIB,
        ),
        *RECURRENT_MODELS,
        BaseModelCard(
            "hub:HuggingFaceTB/SmolLM2-135M",
            "SmolLM2 135M",
            gettext_noop("Writes English already; needs the Hugging Face hub, better with a GPU."),
            134_515_008,
            "Apache 2.0",
            "English",
            4200 * MIB,
            ("en",),
        ),
    )
    params = TextGenerationParams
    metrics = ("nats_per_character", "perplexity")
    headline = "nats_per_character"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        things = {"kettle": "kitchen", "lamp": "hall", "chair": "garden", "printer": "office", "bed": "bedroom"}
        rows = []
        for number in range(8):
            for thing, room in things.items():
                asked, answer = f"Where is {thing} {number}?", f"The {thing} is in the {room}."
                messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
                row = {"prompt": asked, "completion": answer, "input": "", "messages": messages}
                row |= {"tools": [{"type": "function", "function": {"name": "find"}}]}
                rows.append(row | {"rejected": f"A {thing} is a thing."})
        return rows

    @classmethod
    def refusal(cls, method: str, model: str) -> str:
        """The small nets have learned nothing that could be tuned, and everything else has."""
        if model.startswith("scratch:") and method and method != "scratch":
            return _("This method needs a pretrained model.")
        if method == "scratch" and not model.startswith("scratch:"):
            return _("From scratch is for the small nets.")
        return ""

    @classmethod
    def default_method(cls, model: str) -> str:
        return "scratch" if model.startswith("scratch:") else "lora"

    @classmethod
    def check_input(cls, value: object) -> str | None:
        """A text; or an object with `messages`, a `prompt` or the beginning of a `text`, and perhaps options."""
        if isinstance(value, str):
            return check_text(value)
        if not isinstance(value, dict):
            return _("must be a text, or an object with messages, a prompt or a text.")
        unknown = next((name for name in value if name not in (*PROMPTS, *OPTIONS, "input", "answer", "tools")), None)
        if unknown is not None:
            return _("has a field “%(unknown)s”, which is not known.", unknown=str(unknown)[:80])
        given = [name for name in PROMPTS if name in value]
        if not given:
            return _("must be a text, or an object with messages, a prompt or a text.")
        problem = check_messages(value["messages"]) if "messages" in given else check_begun(value[given[0]])
        return problem or check_options(value) or check_tools(value.get("tools"))

    @classmethod
    def read_line(cls, line: str) -> object:
        """A text, or an object as JSON; of a row as it was learned from, what stands before its last answer."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return line
        if not isinstance(value, dict):
            return value if isinstance(value, str) else line
        messages = value.get("messages")
        if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
            asked = messages[:-1] if messages[-1].get("role") == "assistant" else messages
            return {"messages": asked} | {name: value[name] for name in (*OPTIONS, "tools") if name in value}
        more = value.get("input")
        if isinstance(value.get("prompt"), str) and isinstance(more, str) and more.strip():
            return {"prompt": f"{value['prompt']}\n\n{more}"}
        return {name: value[name] for name in (*PROMPTS, *OPTIONS) if name in value}

    @classmethod
    def inputs_of(cls, rows: ReadRows) -> list[Any]:
        """With the right answers, whose likelihood is asked."""
        pairs = zip(rows.values["turns"], rows.values["written"], strict=True)
        return [
            {"messages": turns, "answer": answer} if turns else {"text": "", "answer": answer}
            for turns, answer in pairs
        ]

    @classmethod
    def shown_of(cls, rows: ReadRows) -> list[str]:
        pairs = zip(rows.values["turns"], rows.values["written"], strict=True)
        return [shown_prompt(turns, answer) for turns, answer in pairs]

    @classmethod
    def saved_inputs(cls, artifact: Path, table: "pa.Table") -> list[Any]:
        """Of the rows that the model was asked to write to."""
        return [json.loads(asked) if asked else None for asked in table.column("asked").to_pylist()]

    @classmethod
    def snippet(cls) -> str:
        return SNIPPET


def check_text(text: str) -> str | None:
    if len(text) > LONGEST_PROMPT:
        return _("is longer than %(longest_input)s characters.", longest_input=f"{LONGEST_PROMPT:,}")
    return None if text.strip() else _("is empty.")


def check_begun(text: object) -> str | None:
    """A prompt or a beginning; an empty one is the beginning of any text."""
    if not isinstance(text, str):
        return _("must have a text as its prompt.")
    return check_text(text) if text else None


def check_messages(messages: object) -> str | None:
    """At least one message, each of a known role with a content."""
    if not isinstance(messages, list) or not 0 < len(messages) <= MOST_MESSAGES:
        return _("must have a list of 1 to %(most)s messages.", most=MOST_MESSAGES)
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            names = ", ".join(ROLES)
            return _("has a message %(number)s whose role is none of %(names)s.", number=number, names=names)
        if not isinstance(message.get("content"), str):
            return _("has a message %(number)s without a text as its content.", number=number)
    if sum(len(message["content"]) for message in messages) > LONGEST_PROMPT:
        return _("is longer than %(longest_input)s characters.", longest_input=f"{LONGEST_PROMPT:,}")
    return None


def check_tools(tools: object) -> str | None:
    """None, or a list of OpenAI's form."""
    if tools is None:
        return None
    if not isinstance(tools, list) or len(tools) > MOST_TOOLS or not all(isinstance(tool, dict) for tool in tools):
        return _("must have a list of at most %(most)s objects as its `tools`.", most=MOST_TOOLS)
    return None


def check_options(value: dict[str, Any]) -> str | None:
    if not isinstance(value.get("json_schema", {}), dict):
        return _("must have an object as its `json_schema`.")
    for name, (low, high) in NUMBERS.items():
        given = value.get(name)
        if given is None:
            continue
        is_number = isinstance(given, int if name in WHOLE else int | float) and not isinstance(given, bool)
        if not is_number or not low <= given <= high:
            return _("must have a %(name)s from %(low)s to %(high)s.", name=name, low=low, high=high)
    stop = value.get("stop")
    stops = [stop] if isinstance(stop, str) else stop or []
    if (
        not isinstance(stops, list)
        or len(stops) > MOST_STOPS
        or not all(isinstance(stop, str) and stop for stop in stops)
    ):
        return _("must have at most %(most)s texts as its `stop`.", most=MOST_STOPS)
    return None


def shown_prompt(turns: list[dict[str, str]], answer: str) -> str:
    """The last message before an answer; of a plain text its beginning."""
    return turns[-1]["content"] if turns else beginning(answer)


def beginning(text: str) -> str:
    """The words of a text that it is continued from in a test: a third of it, at most 200 characters."""
    size = min(max(len(text) // 3, 1), 200)
    place = text.rfind(" ", 0, size + 1)
    return text[: place if place > 0 else size]
