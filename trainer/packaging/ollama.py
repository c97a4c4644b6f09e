"""The Modelfile by which Ollama runs a model (https://docs.ollama.com/modelfile): where its weights are, how messages stand in its
prompt as a template of Go, what ends an answer, the system prompt that every row had, and the licence.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from trainer.files import read_json
from trainer.licences import OWN, notes
from trainer.writing.encoder_decoders import is_encoder_decoder
from trainer.writing.gaps import Turn
from trainer.writing.prompts import ASSISTANT, MARKERS, ROLES, Template

MODELFILE = "Modelfile"
KNOWN = frozenset(("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma3_text", "phi3"))
"""Architectures whose safetensors Ollama reads."""
LONGEST_SYSTEM = 8_000
"""Characters."""
QUOTES = '"""'


class Written(Protocol):
    """Of rows to write (`trainer.families.text.writing_rows.WritingRows`) what is told of here."""

    template: Template
    turns: list[list[dict[str, str]]]
    base: str | None
    licence: str

    @property
    def is_chat(self) -> bool: ...


def modelfile(folder: Path, rows: Written, source: str = "./model") -> str:
    """The file for a model's folder; empty of an architecture that Ollama does not know."""
    config = read_json(folder / "config.json")
    if is_encoder_decoder(config) or config.get("model_type") not in KNOWN:
        return ""
    template = go_template(rows.template) if rows.is_chat else "{{ .Prompt }}"
    stops = [rows.template.tokenizer.id_to_token(token) for token in rows.template.ends]
    lines = [
        f"FROM {source}",
        f"TEMPLATE {QUOTES}{template}{QUOTES}",
        *(f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in stops if stop),
        *(f"SYSTEM {QUOTES}{text}{QUOTES}" for text in [common_system(rows.turns)] if text),
        f"LICENSE {QUOTES}{licence_text(rows)}{QUOTES}",
    ]
    return "\n".join(lines) + "\n"


def licence_text(rows: Written) -> str:
    if rows.licence == OWN:
        return "Trained from scratch: no other model is in it."
    paragraphs = [
        f"Base model: {rows.base or 'a run of before'}, licence: {rows.licence or 'not known'}.",
        *notes(rows.licence),
    ]
    return "\n".join(paragraphs)


def common_system(turns: Sequence[Sequence[Turn]]) -> str:
    """What every conversation begins with, if that is the same system message in all."""
    firsts = {row[0]["content"] if row and row[0]["role"] == "system" else "" for row in turns}
    text = firsts.pop() if len(firsts) == 1 else ""
    return text if len(text) <= LONGEST_SYSTEM and QUOTES not in text else ""


def go_template(template: Template) -> str:
    """What stands between two messages by their roles, as a chain of conditions. The token before everything is put there by the
    tokenizer."""
    gaps = dict(template.gaps) or marker_gaps(template)
    begin = "" if template.begin is None else template.tokenizer.id_to_token(template.begin) or ""
    pairs = {pair: text.removeprefix(begin) if begin and pair[0] == ">" else text for pair, text in gaps.items()}
    between = [(pair.split(">"), text) for pair, text in pairs.items() if not pair.endswith(">")]
    cases = [f'(and (eq $before "{before}") (eq .Role "{after}"))' for (before, after), _text in between]
    steps = [f"if {case} }}}}{{{{ {quoted(text)}" for case, (_pair, text) in zip(cases, between, strict=True)]
    usual = f'if eq .Role "assistant" }}}}{{{{ {quoted(pairs["user>assistant"])} }}}}{{{{ else if $before }}}}{{{{ '
    usual += f"{quoted(pairs['assistant>user'])} }}}}{{{{ else }}}}{{{{ {quoted(pairs['>user'])}"
    chain = " }}{{ else ".join([*steps, usual])
    asked = quoted(pairs["user>assistant"])
    return (
        '{{- $before := "" }}{{- range .Messages }}{{ '
        + chain
        + " }}{{ end }}{{ .Content }}{{- $before = .Role }}{{- end }}{{ "
        + asked
        + " }}"
    )


def marker_gaps(template: Template) -> Mapping[str, str]:
    """Of a model that reads the usual markers."""
    closing = "".join(template.tokenizer.id_to_token(token) or "" for token in template.closing)
    texts = {
        role: name if template.tokenizer.token_to_id(name) is not None else f"{name}\n"
        for role, name in MARKERS.items()
    }
    pairs = {
        f"{before}>{after}": (closing if before else "") + texts[after] for before in ("", *ROLES) for after in ROLES
    }
    return pairs | {f"{ASSISTANT}>": closing}


def quoted(text: str) -> str:
    """As a string of Go; it cannot hold the quotes that end the template."""
    return json.dumps(text, ensure_ascii=False)
