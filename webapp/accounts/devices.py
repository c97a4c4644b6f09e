"""A user agent in plain words: “Firefox on Windows”. Good enough to recognise one's own device, and proof of nothing."""

import re

from django.utils.translation import gettext as _

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("CriOS", "Chrome"),
    ("HeadlessChrome", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
"""The first that the agent names: each names those that it descends from as well."""
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9 ._+-]{0,39}(?=/|$|\s)")
"""The name that a program puts first: `curl/8.5.0`, `python-requests/2.32`."""


def describe_device(agent: str) -> str:
    """In the reader's language; a program by the name that it gives itself."""
    browser = next((name for mark, name in BROWSERS if f"{mark}/" in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    if agent.startswith("Mozilla/") or not agent:
        return browser or system or _("Unknown device")
    program = PROGRAM.match(agent)
    return program.group().strip() if program else _("Unknown device")
