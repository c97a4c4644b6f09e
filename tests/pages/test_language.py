"""Every page in Chinese: no placeholder breaks, and the words are there."""

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from tests import things
from webapp.accounts.models import User, Workspace

PAGES = [
    "/",
    "/new",
    "/models",
    "/docs",
    "/workers",
    "/costs",
    "/settings",
    "{p}/data",
    "{p}/train",
    "{p}/runs",
    "{p}/share",
]
CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-CN,zh;q=0.9"}


@pytest.mark.parametrize("path", PAGES)
def test_pages_in_chinese(path: str, user: User, workspace: Workspace, client_of: Callable[[User], Client]) -> None:
    run = things.run(things.prototype(workspace))
    things.endpoint(run)
    answer = client_of(user).get(path.format(p=f"/prototypes/{run.prototype_id}"), **CHINESE)
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert '<html lang="zh-hans"' in shown
    assert len(re.findall("[\u4e00-\u9fff]", shown)) > 40
    assert "%(" not in shown


def test_a_choice_stays(user: User, client_of: Callable[[User], Client]) -> None:
    client = client_of(user)
    client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/settings"})
    assert "设置" in client.get("/settings").content.decode()


def test_every_sentence_is_translated_with_its_placeholders() -> None:
    text = (settings.BASE_DIR / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po").read_text("utf-8")
    pairs = 0
    for block in text.split("\n\n")[1:]:
        found = {
            key: "".join(re.findall(r'"(.*)"', part))
            for key, part in re.findall(r'^(msgid(?:_plural)?|msgstr(?:\[0\])?) ((?:".*"\n?)+)', block, re.MULTILINE)
        }
        original = found.get("msgid_plural") or found.get("msgid", "")
        translated = found.get("msgstr") or found.get("msgstr[0]", "")
        assert translated, original
        assert placeholders(translated) == placeholders(original), original
        pairs += 1
    assert pairs > 700


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[sd]|\{\w+\}", text))


def test_readers_are_spoken_to_alike_and_things_have_one_name() -> None:
    """你, not 您; the operator is 站点管理员."""
    text = (settings.BASE_DIR / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po").read_text("utf-8")
    assert [word for word in ("您", "本站的管理者", "本站管理员") if word in text] == []
