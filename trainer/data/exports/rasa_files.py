"""Rasa's training data for NLU as YAML and, of version 1, as Markdown: examples below their intent, with marked entities."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from trainer.data.archives import Archive, EntryError
from trainer.data.decoded_text import decode_text
from trainer.data.exports.packed import Packed, split_of, write_lines
from trainer.data.readings import Choices, LeftOut
from trainer.json_types import Json, JsonObject
from trainer.messages import ngettext

MAX_BYTES = 64 << 20
SIGN = re.compile(r"^\s*-\s*intent:\s*\S|^##\s*intent\s*:\s*\S", re.MULTILINE)
YAML_HEAD = re.compile(r"\s*-\s*(?P<kind>intent|synonym|lookup|regex)\s*:\s*['\"]?(?P<name>[^'\"#]+)")
MARKDOWN_HEAD = re.compile(r"##\s*(?P<kind>intent|synonym|lookup|regex)\s*:\s*(?P<name>.+)")
EXAMPLE = re.compile(r"\s*[-*]\s+(?:text:\s*)?(?P<text>\S.*)")
PART = re.compile(r"(?P<name>[a-z_]+)\s*:")
STORY = re.compile(r"^\s*-\s*(?:story|rule)\s*:", re.MULTILINE)
CONTINUED = re.compile(r"[|>][-+]?$")
ENTITY = re.compile(r"\[(?P<words>[^\[\]]+)\](?:\((?P<name>[^()]*)\)|(?P<fields>\{[^{}]*\}))")


def write_records(archive: Archive, path: Path, _choices: Choices) -> Packed | None:
    """A record for each example of every file of intents."""
    packed = Packed()

    def records() -> Iterator[JsonObject]:
        for entry in archive.entries:
            if entry.suffix not in (".yml", ".yaml", ".md"):
                continue
            try:
                text = decode_text(archive.read(entry, MAX_BYTES))
            except EntryError:
                continue
            if not SIGN.search(text) or not (examples := list(read_examples(text))):
                continue
            packed.used.add(entry.name)
            packed.left_out += stories_of(text, entry.name)
            yield from (record | split_of(entry) for record in examples)

    return packed if write_lines(path, records()) else None


def stories_of(text: str, name: str) -> list[LeftOut]:
    """What is told of stories and rules in a file of examples: how a talk goes on is nothing to learn labels from."""
    count = len(STORY.findall(text))
    sentence = ngettext(
        "%(count)s story or rule of %(name)s was left out: it is not an example of an intent.",
        "%(count)s stories and rules of %(name)s were left out: they are not examples of intents.",
        count,
        name=name,
    )
    return [LeftOut("stories", count, sentence, name)] if count else []


def lines_of_nlu(text: str) -> Iterator[str]:
    """The lines of a file without those of its parts other than `nlu`, such as stories, whose steps name intents too."""
    is_nlu = True
    for line in text.splitlines():
        if part := PART.match(line):
            is_nlu = part["name"] == "nlu"
        if is_nlu or part:
            yield line


def read_examples(text: str) -> Iterator[JsonObject]:
    """Examples of intents, and how many lines were of synonyms and the like."""
    kind = intent = ""
    is_text_next = False
    for line in lines_of_nlu(text):
        if not line.strip() or line.lstrip().startswith(("#!", "<!--")) or (line.startswith("# ") and not is_text_next):
            continue
        if head := YAML_HEAD.match(line) or MARKDOWN_HEAD.match(line):
            kind, intent = head["kind"], head["name"].strip()
        elif not line.startswith((" ", "-", "*", "\t")):
            kind = ""  # another part of the file, such as responses
        elif kind and re.fullmatch(r"\s*(examples|text|metadata|sentiment)\s*:.*|\s*[|>]\s*", line):
            continue
        elif kind and (is_text_next or (example := EXAMPLE.match(line))):
            shown = line.strip() if is_text_next else example["text"] if example else ""
            is_text_next = not is_text_next and CONTINUED.fullmatch(shown) is not None
            if not is_text_next:
                yield {"rasa": kind, "intent": intent} | parse_example(
                    shown.strip("'\"") if shown[:1] in "'\"" else shown
                )


def parse_example(marked: str) -> JsonObject:
    """{text, entities} of “fly to [Berlin](city)” or “fly to [Berlin]{"entity": "city", "role": "to"}”."""
    text, entities, end = "", [], 0
    for match in ENTITY.finditer(marked):
        text += marked[end : match.start()]
        entities.append([len(text), len(text) + len(match["words"]), entity_name(match)])
        text += match["words"]
        end = match.end()
    return {"text": text + marked[end:], "entities": [entity for entity in entities if entity[2]]}


def entity_name(match: re.Match[str]) -> str:
    if match["name"] is not None:
        return match["name"].partition(":")[0].strip()
    try:
        fields: Json = json.loads(match["fields"])
    except (ValueError, RecursionError):
        return ""
    return str(fields.get("entity") or "") if isinstance(fields, dict) else ""
