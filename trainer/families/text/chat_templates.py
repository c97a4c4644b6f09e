"""The chat template of a pretrained model: rendered in Jinja's sandbox once, to find out what it puts between messages."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from trainer.files import read_json
from trainer.writing.gaps import Gaps, Turn, gap

SETTINGS, FILE = "tokenizer_config.json", "chat_template.jinja"
LONGEST = 100_000
"""Characters of a template."""
TALKS = (
    ("user", "assistant", "user", "assistant"),
    ("system", "user", "assistant", "user", "assistant"),
    ("user", "assistant", "tool", "assistant"),
    ("system", "user", "assistant", "tool", "assistant", "user", "assistant"),
    ("user", "user", "assistant"),
)
"""By which it is found out what a template writes; one that it refuses tells nothing."""


class Unrenderable(Exception):  # noqa: N818
    """What a template says of a conversation that it does not take."""


def source_of(folder: Path) -> str:
    """The template of a model's folder; empty where it has none."""
    if (folder / FILE).exists():
        return (folder / FILE).read_text("utf-8")
    settings = read_json(folder / SETTINGS) if (folder / SETTINGS).exists() else {}
    template = settings.get("chat_template")
    if isinstance(template, list):  # several by name
        template = next((each.get("template") for each in template if each.get("name") == "default"), None)
    return template if isinstance(template, str) else ""


def gaps_of(folder: Path) -> Gaps:
    """What the template puts between messages; nothing where there is none, or where it does more than that."""
    source = source_of(folder)
    if not source or len(source) > LONGEST:
        return {}
    try:
        render = renderer(source, names_of(folder))
    except Exception:
        return {}
    gaps: dict[str, str] = {}
    for roles in TALKS:
        for pair, text in seen(render, roles).items():
            gaps.setdefault(pair, text)
    enough = {">user", "user>assistant", "assistant>user", "assistant>"} <= gaps.keys()
    return gaps if enough and is_right(render, gaps) else {}


def names_of(folder: Path) -> dict[str, str]:
    """Special tokens by the names under which templates use them."""
    settings = read_json(folder / SETTINGS) if (folder / SETTINGS).exists() else {}
    names = {}
    for name in ("bos_token", "eos_token", "unk_token", "pad_token"):
        value = settings.get(name)
        value = value.get("content") if isinstance(value, dict) else value
        names[name] = value if isinstance(value, str) else ""
    return names


def renderer(source: str, names: dict[str, str]) -> Any:  # noqa: ANN401
    """A function of (messages, whether an answer is asked for) that gives the text, as transformers renders templates."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: object) -> None:
        raise Unrenderable(str(message)[:200])

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda _form: ""
    template = environment.from_string(source)

    def render(turns: list[Turn], *, asks: bool) -> str:
        return str(template.render(messages=turns, add_generation_prompt=asks, tools=None, documents=None, **names))

    return render


def talk(roles: tuple[str, ...]) -> list[Turn]:
    """Messages that can be found again in what is rendered of them."""
    return [{"role": role, "content": f"Qz{number}{role}zQ"} for number, role in enumerate(roles)]


def seen(render: Any, roles: tuple[str, ...]) -> dict[str, str]:  # noqa: ANN401
    """{pair of roles: what stands between them} in one conversation; nothing where it is not rendered whole."""
    turns = talk(roles)
    try:
        text, asked = render(turns, asks=False), render(turns[:-1], asks=True)
    except Exception:
        return {}
    places, end = [], 0
    for turn in turns:
        start = text.find(turn["content"], end)
        if start < 0:
            return {}
        places.append((end, start))
        end = start + len(turn["content"])
    pairs = [f"{before}>{after}" for before, after in pairwise(("", *roles, ""))]
    gaps = {pair: text[start:stop] for pair, (start, stop) in zip(pairs, [*places, (end, len(text))], strict=True)}
    opened = asked[asked.rfind(turns[-2]["content"]) + len(turns[-2]["content"]) :]
    if roles[-1] == "assistant" and opened:
        gaps[f"{roles[-2]}>assistant"] = opened
    return gaps


def is_right(render: Any, gaps: Gaps) -> bool:  # noqa: ANN401
    """Whether conversations are written alike by the template and by its gaps."""
    for roles in (("user", "assistant", "user"), ("system", "user", "assistant", "user", "assistant", "user")):
        if f">{roles[0]}" not in gaps:
            continue
        turns = talk(roles)
        joined = "".join(
            gap(before, turn["role"], gaps) + turn["content"] for before, turn in zip(("", *roles), turns, strict=False)
        )
        try:
            if render(turns, asks=True) != joined + gap(roles[-1], "assistant", gaps):
                return False
        except Exception:
            return False
    return True
