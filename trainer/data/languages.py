"""Which script and language a text is in, and whether the texts are in more than one."""

import re
from collections import Counter

from trainer.data.problems import Problem, problem
from trainer.messages import _, joined

SCRIPTS = {
    "Han": "\u4e00-\u9fff", "Kana": "\u3040-\u30ff", "Hangul": "\uac00-\ud7af", "Cyrillic": "\u0400-\u04ff", "Arabic": "\u0600-\u06ff",
    "Greek": "\u0370-\u03ff", "Hebrew": "\u0590-\u05ff", "Thai": "\u0e00-\u0e7f", "Devanagari": "\u0900-\u097f", "Latin": "A-Za-z\u00c0-\u024f",
}  # fmt: skip
SCRIPT = {name: re.compile(f"[{points}]") for name, points in SCRIPTS.items()}
COMMON = {
    "English": "the and to of is you for it in that with this are on my have was", "German": "der die und das ist nicht ich zu den mit ein sie es auf",
    "French": "le la les et des est je pas que une pour dans vous sur", "Spanish": "el los las que y es una por con para no se del me",
    "Italian": "il che di non per una sono con è la del mi gli", "Portuguese": "que não uma para com os do da em um é por mais",
    "Dutch": "de het een en van ik niet dat is op te voor met je",
}  # fmt: skip
WORDS = {language: frozenset(common.split()) for language, common in COMMON.items()}
MIN_SHARE = 0.05
LANGUAGE_NAMES = (
    *(
        _("English"),
        _("German"),
        _("French"),
        _("Spanish"),
        _("Italian"),
        _("Portuguese"),
        _("Dutch"),
        _("Chinese"),
        _("Japanese"),
    ),
    *(_("Korean"), _("Cyrillic"), _("Arabic"), _("Greek"), _("Hebrew"), _("Thai"), _("Devanagari")),
)
"""To be translated: what `detect_language` answers with."""


def detect_script(text: str) -> str | None:
    counts = {name: len(pattern.findall(text)) for name, pattern in SCRIPT.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def detect_language(text: str) -> str | None:
    """By the commonest words of seven languages; other scripts name themselves."""
    script = detect_script(text[:400])
    if script != "Latin":
        return {"Han": "Chinese", "Kana": "Japanese", "Hangul": "Korean"}.get(script or "", script)
    words = re.findall(r"[a-zà-ÿ]+", text[:600].lower())
    hits = {language: sum(word in common for word in words) for language, common in WORDS.items()}
    best = max(hits, key=lambda language: hits[language])
    return best if hits[best] >= 2 and hits[best] > 1.2 * sorted(hits.values())[-2] else None


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
