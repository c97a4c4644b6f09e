"""Conversations written as one text, with marks of who speaks: those of Anthropic's and OpenAssistant's data, ChatML, Llama's."""

import re

from trainer.conversations import ASSISTANT, ROLES, SYSTEM, USER
from trainer.json_types import Json, JsonObject

NAMES = "Human|Assistant|User|System|Instruction|Response|Input"
MARKS = (
    re.compile(r"<\|im_start\|>(?P<role>\w+)\n(?P<text>.*?)(?:<\|im_end\|>\s*|\Z)", re.DOTALL),
    re.compile(r"<\|start_header_id\|>(?P<role>\w+)<\|end_header_id\|>\s*(?P<text>.*?)(?:<\|eot_id\|>\s*|\Z)", re.DOTALL),
    re.compile(r"<\|(?P<role>user|assistant|system)\|>\s*(?P<text>.*?)(?:</s>\s*|(?=<\|(?:user|assistant|system)\|>)|\Z)", re.DOTALL),
    re.compile(rf"### ?(?P<role>{NAMES}): ?(?P<text>.*?)(?=### ?(?:{NAMES}):|\Z)", re.DOTALL),
    re.compile(r"(?:\A|\n\n)\s*(?P<role>Human|Assistant): ?(?P<text>.*?)(?=\n\n(?:Human|Assistant):|\Z)", re.DOTALL),
)  # fmt: skip
"""How the message of a speaker begins and ends, the rarest marks first."""
INST = re.compile(r"\[INST\](?P<asked>.*?)\[/INST\](?P<said>.*?)(?=</s>|<s>|\[INST\]|\Z)", re.DOTALL)
RULES = re.compile(r"<<SYS>>(?P<text>.*?)<</SYS>>", re.DOTALL)
ALPACA = {"instruction": USER, "input": USER, "response": ASSISTANT}
LONGEST, MOST_BEFORE = 1_000_000, 300
"""Characters of a text that is looked through, and of what stands before the first mark."""


def turns_in(text: Json, *, is_open: bool = False) -> list[JsonObject]:
    """The messages of a text; [] where it is not a conversation with a question and an answer. `is_open`: the answer may lack."""
    if not isinstance(text, str) or len(text) > LONGEST:
        return []
    turns = instructions_in(text) or next((turns for mark in MARKS if (turns := marked(text, mark))), [])
    roles = {turn["role"] for turn in turns}
    return turns if USER in roles and (is_open or ASSISTANT in roles) else []


def marked(text: str, mark: re.Pattern[str]) -> list[JsonObject]:
    matches = list(mark.finditer(text))
    if not matches or matches[0].start() > MOST_BEFORE:
        return []
    turns = [turn(named_role(match["role"]), match["text"]) for match in matches]
    return [each for each in turns if each["content"]]


def named_role(name: str) -> str:
    return ALPACA.get(name.lower()) or ROLES.get(name.lower(), name)


def turn(role: str, text: str) -> JsonObject:
    return {"role": role, "content": text.removesuffix("</s>").strip()}


def instructions_in(text: str) -> list[JsonObject]:
    """Of Llama 2 and Mistral: <s>[INST] <<SYS>> rules <</SYS>> question [/INST] answer </s>"""
    turns: list[JsonObject] = []
    for match in INST.finditer(text):
        rules = RULES.search(match["asked"])
        turns += [turn(SYSTEM, rules["text"])] if rules else []
        turns += [turn(USER, RULES.sub("", match["asked"])), turn(ASSISTANT, match["said"])]
    return [each for each in turns if each["content"]]
