"""Which script and language a text is in, and whether the texts are in more than one."""

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from trainer.data.problems import Problem, problem
from trainer.messages import _, gettext_noop, joined

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SCRIPTS = {
    "Han": "\u4e00-\u9fff", "Kana": "\u3040-\u30ff", "Hangul": "\uac00-\ud7af", "Cyrillic": "\u0400-\u04ff", "Arabic": "\u0600-\u06ff",
    "Greek": "\u0370-\u03ff", "Hebrew": "\u0590-\u05ff", "Thai": "\u0e00-\u0e7f", "Devanagari": "\u0900-\u097f", "Latin": "A-Za-z\u00c0-\u024f",
}  # fmt: skip
SCRIPT = {name: re.compile(f"[{points}]") for name, points in SCRIPTS.items()}
LETTER = re.compile(r"[^\W\d_]")
OF_SCRIPT = {"Han": "zh", "Kana": "ja", "Hangul": "ko", "Greek": "el", "Hebrew": "he", "Thai": "th"}
"""Scripts that decide alone. Han characters between kana are Japanese."""
MIN_PROBABILITY = 0.5
"""A language must be likelier than all others together. Of real texts 0.2 % are then called wrongly, of phrases of three
words and more 1 %; 2 and 10 % more stay without a name (docs/benchmarks.md)."""
CHARACTERS_READ = 300
MIN_SHARE = 0.05
LANGUAGE_NAMES = {
    "ar": gettext_noop("Arabic"), "bg": gettext_noop("Bulgarian"), "bn": gettext_noop("Bengali"), "ca": gettext_noop("Catalan"),
    "cs": gettext_noop("Czech"), "da": gettext_noop("Danish"), "de": gettext_noop("German"), "el": gettext_noop("Greek"),
    "en": gettext_noop("English"), "es": gettext_noop("Spanish"), "et": gettext_noop("Estonian"), "fa": gettext_noop("Persian"),
    "fi": gettext_noop("Finnish"), "fr": gettext_noop("French"), "he": gettext_noop("Hebrew"), "hi": gettext_noop("Hindi"),
    "hr": gettext_noop("Croatian"), "hu": gettext_noop("Hungarian"), "id": gettext_noop("Indonesian"), "it": gettext_noop("Italian"),
    "ja": gettext_noop("Japanese"), "ko": gettext_noop("Korean"), "lt": gettext_noop("Lithuanian"), "lv": gettext_noop("Latvian"),
    "mr": gettext_noop("Marathi"), "ms": gettext_noop("Malay"), "nl": gettext_noop("Dutch"), "no": gettext_noop("Norwegian"),
    "pl": gettext_noop("Polish"), "pt": gettext_noop("Portuguese"), "ro": gettext_noop("Romanian"), "ru": gettext_noop("Russian"),
    "sk": gettext_noop("Slovak"), "sl": gettext_noop("Slovenian"), "sr": gettext_noop("Serbian"), "sv": gettext_noop("Swedish"),
    "sw": gettext_noop("Swahili"), "ta": gettext_noop("Tamil"), "te": gettext_noop("Telugu"), "th": gettext_noop("Thai"),
    "tl": gettext_noop("Tagalog"), "tr": gettext_noop("Turkish"), "uk": gettext_noop("Ukrainian"), "ur": gettext_noop("Urdu"),
    "vi": gettext_noop("Vietnamese"), "zh": gettext_noop("Chinese"),
}  # fmt: skip
"""What `detect_language` answers with; languages that are not here are called by their ISO 639 code."""
NOT_A_LANGUAGE = "zxx"


def detect_script(text: str) -> str | None:
    if text.isascii():
        return "Latin" if LETTER.search(text) else None
    counts = {name: len(pattern.findall(text)) for name, pattern in SCRIPT.items()}
    if counts["Kana"]:
        counts["Kana"] += counts.pop("Han")
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


@cache
def load_identifier() -> "LanguageIdentifier":
    """Loaded at the first text: it takes most of a second, and few commands read one."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def forget_identifier() -> None:
    """Its tables take 70 MB, which a large dataset needs for its own copies once the texts are described."""
    load_identifier.cache_clear()


def detect_code(text: str, least: float = MIN_PROBABILITY) -> str | None:
    """The ISO 639 code of the language: by the script where that decides alone, else the likeliest of py3langid's, if its
    probability is `least`. None without letters, or in doubt."""
    text = text[:CHARACTERS_READ]
    if not LETTER.search(text):
        return None
    if code := OF_SCRIPT.get(detect_script(text) or ""):
        return code
    code, probability = load_identifier().classify(text)
    return code if probability >= least and code != NOT_A_LANGUAGE else None


def detect_language(text: str) -> str | None:
    """The English name of the language, see `detect_code`."""
    code = detect_code(text)
    return LANGUAGE_NAMES.get(code, code) if code else None


def count_languages(texts: list[str]) -> dict[str, int]:
    """{language: texts}, the commonest first; short or doubtful texts are not counted."""
    return dict(Counter(language for text in texts if (language := detect_language(text))).most_common())


def language_problems(texts: list[str]) -> list[Problem]:
    """One problem where a second language has MIN_SHARE of the texts, and at least three of them."""
    counts = count_languages(texts)
    total = sum(counts.values())
    others = {name: count for name, count in list(counts.items())[1:] if count >= max(MIN_SHARE * total, 3)}
    if total < 20 or not others:
        return []
    names = list(counts)
    shares = {names[0]: counts[names[0]], **others}
    parts = [
        _("%(share)s %(language)s", share=f"{count / total:.0%}", language=_(name)) for name, count in shares.items()
    ]
    message = _(
        "The texts are in more than one language (%(languages)s). Choose a model that reads them all.",
        languages=joined(parts, ", "),
    )
    return [problem("mixed_languages", "info", message, count=sum(others.values()))]
