"""The trainer's sentences in the reader's language."""

from typing import Any

import pytest
from django.utils import translation

from trainer.errors import SpecError
from trainer.messages import _, joined, ngettext, sources
from webapp.core.problems import Conflict
from webapp.core.sentences import error_of, problem_of_error, translated

TOO_FEW = ngettext("%(count)s row is empty and will not be used.", "%(count)s rows are empty and will not be used.", 12)


def entry(message: str) -> dict[str, Any]:
    return {"message": message, **sources({"message": message})}


def test_english_stays_as_it_came() -> None:
    with translation.override("en"):
        assert translated(entry(TOO_FEW)) == "12 rows are empty and will not be used."


def test_chinese_by_template_and_values() -> None:
    with translation.override("zh-hans"):
        assert translated(entry(TOO_FEW)) == "有 12 行为空，不会使用。"


def test_parts_and_values_are_translated_too() -> None:
    message = joined(
        [
            ngettext(
                "%(count)s row repeats an earlier %(noun)s.",
                "%(count)s rows repeat an earlier %(noun)s.",
                3,
                noun=_("image"),
            ),
            _("Copies are kept on one side of the split."),
        ]
    )
    with translation.override("zh-hans"):
        assert translated(entry(message)) == "有 3 行重复了前面的图片。重复项会保留在划分的同一侧。"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        {"i18n": None},
        {"i18n": {"message": "text"}},
        {"i18n": {"message": {"text": "nobody has translated this"}}},
        {"i18n": {"message": {"text": "%(a)1000000000s", "values": {"a": "1"}}}},
        {"i18n": {"message": {"text": "%(count)s rows", "plural": 3, "count": "x"}}},
        {"i18n": {"message": {"parts": ["a"]}}},
    ],
)
def test_what_cannot_be_translated_is_shown_as_it_came(broken: dict[str, Any] | None) -> None:
    with translation.override("zh-hans"):
        assert translated(broken and broken | {"message": "As it came."}) == ("As it came." if broken else "")


def test_an_error_of_the_trainer_is_raised_in_the_language_of_the_reader() -> None:
    with translation.override("zh-hans"):
        problem = problem_of_error(SpecError(TOO_FEW, hint="plain").as_dict(), Conflict, field="rows")
        assert (problem.message, problem.hint) == ("有 12 行为空，不会使用。", "plain")
        assert (problem.code, problem.status, problem.field) == ("bad_spec", 409, "rows")


def test_an_error_keeps_its_sources_and_nothing_else() -> None:
    kept = error_of({"type": "error", "t": "now", "code": "empty", **entry(_("Check the file."))})
    assert kept == {
        "code": "empty",
        "message": "Check the file.",
        "hint": "",
        "i18n": {"message": {"text": "Check the file."}},
    }
    assert error_of({}) == {"code": "", "message": "", "hint": ""}
