"""What a model writes in Markdown, as visitors see it."""

import pytest

from webapp.endpoints.chatting import rendered


@pytest.mark.parametrize(
    ("written", "never"),
    [
        ("<script>alert(1)</script>", "<script"),
        ("![x](https://tracker.example/p.png)", "<img"),
        ("[a](javascript:alert(1))", "href"),
        ("<a href='https://x.example' onclick=x>", "<a "),
        ("[a](data:text/html,x)", "href"),
        ("```html\n<b>bold</b>\n```", "<b>"),
    ],
)
def test_nothing_of_it_runs_or_is_loaded(written: str, never: str) -> None:
    assert never not in rendered(written)


def test_it_is_set_as_text_is() -> None:
    made = rendered("**bold**, [a page](https://example.org)\n\n- one\n- two\n\n|a|b|\n|-|-|\n|1|2|")
    assert "<strong>bold</strong>" in made
    assert '<a href="https://example.org" rel="nofollow noopener noreferrer" target="_blank">' in made
    assert "<li>one</li>" in made
    assert "<table>" in made
