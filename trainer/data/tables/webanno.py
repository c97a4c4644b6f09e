"""INCEpTION's and WebAnno's TSV 3: a token a line with its layers, a blank line between sentences; one layer becomes tags."""

import re
from collections.abc import Iterator
from typing import Any

from trainer.data.readings import Reading
from trainer.data.tables.conll import batches
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.messages import _

FORMAT = "#FORMAT=WebAnno TSV 3"
LAYER = re.compile(r"#T_(SP|CH|RL)=([^|\s]+)((?:\|[^|\s]*)*)")
TOKEN = re.compile(r"\d+-\d+")
VALUE = re.compile(r"(.*?)(?:\[(\d+)\])?")
FIRST = re.compile(r"(?:\\.|[^|])*")
"""Of several values, between which bars stand."""
ESCAPED = re.compile(r"\\([\\\[\]|_;\t*>])")


def looks_like_webanno(sample: str) -> bool:
    return sample.lstrip("\ufeff").startswith(FORMAT)


def choose_layer(sample: str) -> tuple[int, str]:
    """(which column behind the token holds the labels, the layer's name): that of named entities, else the first of spans."""
    column, spans = 0, []
    for kind, layer, features in LAYER.findall(sample):
        names = [name for name in features.split("|") if name] or [""]
        for place, name in enumerate(names):
            if kind == "SP":
                spans.append(
                    (not ("NamedEntity" in layer and name == "value"), name == "identifier", column + place, layer)
                )
        column += len(names) + (kind == "RL")
    _is_other, _is_id, place, layer = min(spans, default=(True, True, 0, ""))
    return place, layer.rsplit(".", 1)[-1]


def webanno_table(lines: Lines, name: str, size: int, details: dict[str, Any], sample: str) -> Table:
    """Columns `tokens` and `tags`; lines of no form are reported."""
    place, layer = choose_layer(sample)
    table = Table(name, "webanno", ["tokens", "tags"], iter(()), size, details | {"export": "webanno"})
    table.batches = batches(sentences(lines, table, place))
    sentence = _("An export of INCEpTION or WebAnno: the layer “%(layer)s” as tags", layer=layer)
    table.readings.append(Reading("export", "INCEpTION", sentence, file=name))
    return table


def sentences(lines: Lines, table: Table, place: int) -> Iterator[tuple[list[str], list[str]]]:
    tokens: list[str] = []
    tags: list[str] = []
    before = ""
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff")
        fields = text.split("\t")
        if not text.strip() or text.startswith("#"):
            if tokens:
                yield tokens, tags
            tokens, tags, before = [], [], ""
        elif TOKEN.fullmatch(fields[0]) and len(fields) > 2:
            values = FIRST.match(fields[3 + place] if len(fields) > 3 + place else "_")
            value = values[0] if values else "_"
            tokens.append(fields[2])
            tags.append(tag_of(value, before))
            before = value
        elif re.fullmatch(r"\d+-\d+\.\d+", fields[0]):
            continue  # a part of a token, which its own line stands for
        else:
            table.refuse(lines.number, "is not a token of WebAnno TSV")
    if tokens:
        yield tokens, tags


def tag_of(value: str, before: str) -> str:
    """`_` is nothing; `PER[3]` goes on while the number is the same; `*` is a passage without a label."""
    match = VALUE.fullmatch(value)
    label = ESCAPED.sub(r"\1", match[1]) if match else ""
    if not label or label == "_":
        return "O"
    goes_on = bool(match and match[2]) and value == before
    return ("I-" if goes_on else "B-") + ("SPAN" if label == "*" else label)
