"""Rasa's training data for NLU as YAML and, of version 1, as Markdown: examples below their intent, with marked entities."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from trainer.data.archives import Archive, EntryError
from trainer.data.decoded_text import decode_text
from trainer.data.exports.packed import Packed, split_of, write_lines
from trainer.json_types import Json, JsonObject

MAX_BYTES = 64 << 20
SIGN = re.compile(r"^\s*-\s*intent:\s*\S|^##\s*intent\s*:\s*\S", re.MULTILINE)
YAML_HEAD = re.compile(r"\s*-\s*(?P<kind>intent|synonym|lookup|regex)\s*:\s*['\"]?(?P<name>[^'\"#]+)")
MARKDOWN_HEAD = re.compile(r"##\s*(?P<kind>intent|synonym|lookup|regex)\s*:\s*(?P<name>.+)")
EXAMPLE = re.compile(r"\s*[-*]\s+(?:text:\s*)?(?P<text>\S.*)")
CONTINUED = re.compile(r"[|>][-+]?$")
ENTITY = re.compile(r"\[(?P<words>[^\[\]]+)\](?:\((?P<name>[^()]*)\)|(?P<fields>\{[^{}]*\}))")


def write_records(archive: Archive, path: Path) -> Packed | None:
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
            if SIGN.search(text) and not re.search(r"^(stories|rules)\s*:", text, re.MULTILINE):
                packed.used.add(entry.name)
                yield from (record | split_of(entry) for record in read_examples(text))

    return packed if write_lines(path, records()) else None


def read_examples(text: str) -> Iterator[JsonObject]:
    """Examples of intents, and how many lines were of synonyms and the like."""
    kind = intent = ""
    is_text_next = False
    for line in text.splitlines():
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
