"""What the trainer says can be said in another language: a template and its values go with every sentence."""

import ast
import json
from pathlib import Path

import pytest

from trainer.errors import DataError
from trainer.messages import Message, _, joined, ngettext, restored, sources

ROOT = Path(__file__).resolve().parents[2]
ERRORS = {"DataError", "UserError", "SpecError", "ModelError"}
FILES = sorted((ROOT / "trainer").rglob("*.py"))


def test_a_message_is_its_english_sentence() -> None:
    said = _("%(name)s has no rows.", name="a.csv")
    assert said == "a.csv has no rows."
    assert json.loads(json.dumps({"message": said, **sources({"message": said})})) == {
        "message": "a.csv has no rows.",
        "i18n": {"message": {"text": "%(name)s has no rows.", "values": {"name": "a.csv"}}},
    }


def test_a_percent_sign_in_a_message_without_values_is_one() -> None:
    assert _("half of 100%") == "half of 100%"


@pytest.mark.parametrize(("number", "shown"), [(1, "1 row"), (0, "0 rows"), (1_234_567, "1,234,567 rows")])
def test_numbers_choose_their_form(number: int, shown: str) -> None:
    said = ngettext("%(count)s row", "%(count)s rows", number)
    assert said == shown
    assert said.source["count"] == number


def test_values_and_parts_may_be_messages() -> None:
    noun = _("picture")
    said = joined([_("No %(noun)s.", noun=noun), "as it is"], "; ")
    assert said == "No picture.; as it is"
    values = {"text": "No %(noun)s.", "values": {"noun": {"text": "picture"}}}
    assert said.source == {"parts": [values, "as it is"], "join": "; "}


def test_an_error_carries_its_sources() -> None:
    error = DataError(_("Empty."), code="empty", hint="plain")
    assert error.as_dict() == {
        "code": "empty",
        "message": "Empty.",
        "hint": "plain",
        "i18n": {"message": {"text": "Empty."}},
    }


def test_what_was_written_is_restored() -> None:
    said = _("Empty.")
    fields = json.loads(json.dumps({"message": said, **sources({"message": said})}))
    again = restored(fields)
    assert isinstance(again, Message)
    assert (again, again.source) == (said, said.source)
    assert restored({"message": "old"}) == "old"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_error_or_warning_is_a_bare_string(path: Path) -> None:
    wrong = [
        f"line {said.lineno}: {ast.unparse(said)[:80]}"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        for said in sentences(node)
        if isinstance(said, ast.JoinedStr) or (isinstance(said, ast.Constant) and said.value)
    ]
    assert not wrong


def sentences(call: ast.Call) -> list[ast.expr]:
    """What a call says to people: the message and hint of an error, a warning or a line of the log."""
    name = getattr(call.func, "id", None) or getattr(call.func, "attr", "")
    hints = [word.value for word in call.keywords if word.arg in ("hint", "message")]
    if name in ERRORS:
        return call.args[:1] + hints
    if name == "warn":
        return call.args[1:] + hints
    if name == "log" and "job" in ast.unparse(call.func):
        return call.args[:1]
    return []
