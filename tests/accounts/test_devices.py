"""User agents in plain words."""

import pytest

from webapp.accounts.devices import describe_device

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) {} Safari/604.1"
)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (WINDOWS, "Chrome on Windows"),
        (WINDOWS + " Edg/142.0", "Edge on Windows"),
        (IPHONE.format("Version/18.0 Mobile/15E148"), "Safari on iPhone"),
        (IPHONE.format("CriOS/142.0 Mobile/15E148"), "Chrome on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "Safari on macOS"),
        ("curl/8.5.0", "curl"),
        ("python-requests/2.32.3", "python-requests"),
        ("", "Unknown device"),
        ("Mozilla/5.0", "Unknown device"),
        ("<script>alert(1)</script>", "Unknown device"),
    ],
)
def test_a_device_in_words(agent: str, words: str) -> None:
    assert describe_device(agent) == words
