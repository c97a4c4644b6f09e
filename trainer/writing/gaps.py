"""What stands between the messages of a conversation, as a pretrained model has learned to read it.

Chat templates are programs (Jinja). What they write between two messages almost always depends on the two roles alone, so it is
found out once, before learning (`trainer.families.text.chat_templates`), and kept beside the model: no program of a model's is run
where it answers.

    chat.json: {"gaps": {">user": "<|im_start|>user\\n", "user>assistant": "<|im_end|>\\n<|im_start|>assistant\\n", …}}
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.files import read_json

CHAT = "chat.json"
Gaps = Mapping[str, str]
"""{"role before>role after": text}; nothing stands for the beginning and for the end."""
Turn = Mapping[str, str]
"""{role, content} of a message, and perhaps its weight (`trainer.conversations`)."""


def read_gaps(folder: Path) -> Gaps:
    """Those of a model's folder; none of a model that reads the usual markers."""
    path = folder / CHAT
    return dict(read_json(path)["gaps"]) if path.exists() else {}


def fitted(turns: Sequence[Turn], gaps: Gaps) -> list[Turn]:
    """The conversation in roles that the template knows: what a tool answers is said by the user, and what a system message says
    stands before the next message of the user; messages of the same side become one where two of them cannot follow each other."""
    fit: list[Turn] = []
    for turn in turns:
        role = turn["role"] if knows(turn["role"], gaps) else "user"
        before = fit[-1]["role"] if fit else ""
        if fit and f"{before}>{role}" not in gaps:
            if before == role:
                fit[-1] = {**turn, "role": role, "content": f"{fit[-1]['content']}\n\n{turn['content']}"}
                continue
            role = "user" if before == "assistant" else role
        fit.append({**turn, "role": role})
    return fit


def knows(role: str, gaps: Gaps) -> bool:
    return any(role in pair.split(">") for pair in gaps)


def gap(before: str, after: str, gaps: Gaps) -> str:
    """The text between two messages; where a template was never seen to put them in this order, that of the nearest order."""
    text = gaps.get(f"{before}>{after}")
    return text if text is not None else gaps["user>assistant" if after == "assistant" else "assistant>user"]
