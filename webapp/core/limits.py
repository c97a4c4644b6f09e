"""What the operator lets one workspace, or one person, have and do: every limit, declared once.

The environment sets the default of each, `manage.py limits` what differs for one workspace (`webapp.accounts.limits`).
docs/settings.md has the same table, which a test compares.
"""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
UNLIMITED = "unlimited"
PREFIX = "LIMIT_"
MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class Limit:
    """One limit. `variable` is its name in the environment; `default` None: unlimited."""

    variable: str
    default: int | None
    title: Text
    message: Text
    """Said where it is reached; holds %(most)s."""
    hint: Text
    """What to do then."""
    seconds: int = 0
    """How long what is used counts, and the least to wait; 0: as long as it is there."""
    least: int = 0
    """What it may be set to at least."""
    unit: str = ""
    """`hours`, `money` or, empty, a number of things."""

    @property
    def name(self) -> str:
        return self.variable.removeprefix(PREFIX).lower()


ASK = _("Ask the operator of this site for more.")
DECLARED = (
    Limit(
        "LIMIT_RUNS_WAITING",
        100,
        _("Runs in the queue"),
        _("This workspace can have at most %(most)s runs in the queue."),
        _("Wait until some have started, or cancel some."),
    ),
    Limit(
        "LIMIT_RUNS_AT_ONCE",
        8,
        _("Runs training at once"),
        _("This workspace can train at most %(most)s runs at once."),
        _("The run starts when another one ends."),
    ),
    Limit(
        "LIMIT_COMPUTE_HOURS_DAY",
        100,
        _("Compute hours today"),
        _("This workspace has used its %(most)s compute hours of today."),
        _("Go on tomorrow (UTC), or ask the operator of this site for more."),
        unit="hours",
    ),
    Limit(
        "LIMIT_COMPUTE_HOURS_MONTH",
        1000,
        _("Compute hours this month"),
        _("This workspace has used its %(most)s compute hours of this month."),
        _("Go on next month (UTC), or ask the operator of this site for more."),
        unit="hours",
    ),
    Limit(
        "LIMIT_BUDGET",
        None,
        _("Monthly budget"),
        _("The operator of this site allows a budget of at most %(most)s a month."),
        _("Enter a lower amount, or ask for more."),
        unit="money",
    ),
    Limit(
        "LIMIT_DATASETS",
        1000,
        _("Datasets"),
        _("This workspace can have at most %(most)s datasets."),
        _("Delete datasets that are no longer needed."),
    ),
    Limit(
        "LIMIT_UPLOADS_HOUR",
        600,
        _("Uploads and new versions in an hour"),
        _("This workspace can upload or change data at most %(most)s times an hour."),
        _("Try again later."),
        seconds=HOUR,
    ),
    Limit(
        "LIMIT_PROTOTYPES",
        1000,
        _("Prototypes"),
        _("This workspace can have at most %(most)s prototypes."),
        _("Delete prototypes that are no longer needed."),
    ),
    Limit(
        "LIMIT_ENDPOINTS",
        50,
        _("Demos"),
        _("This workspace can have at most %(most)s demos."),
        _("Delete a demo that is no longer needed."),
    ),
    Limit(
        "LIMIT_KEYS",
        200,
        _("API keys of demos"),
        _("This workspace can have at most %(most)s API keys of demos."),
        _("Revoke keys that are no longer used. One that was created today counts until tomorrow."),
    ),
    Limit(
        "LIMIT_LINKS",
        200,
        _("Share links"),
        _("This workspace can have at most %(most)s share links."),
        _("Turn off links that are no longer used. One that was created today counts until tomorrow."),
    ),
    Limit(
        "LIMIT_TOKENS",
        50,
        _("API tokens"),
        _("This workspace can have at most %(most)s API tokens."),
        _("Revoke tokens that are no longer used. One that was created today counts until tomorrow."),
    ),
    Limit(
        "LIMIT_MEMBERS",
        100,
        _("Members"),
        _("This workspace can have at most %(most)s members."),
        ASK,
    ),
    Limit(
        "LIMIT_STREAMS",
        60,
        _("Live pages open at once"),
        _("This workspace can have at most %(most)s live pages open at once."),
        _("Close some of them, then reload."),
    ),
    Limit(
        "LIMIT_ESTIMATES_MINUTE",
        60,
        _("Estimates in a minute"),
        _("This workspace can have at most %(most)s estimates a minute."),
        _("Wait a minute, then try again. A run can be started without an estimate."),
        seconds=MINUTE,
    ),
    Limit(
        "LIMIT_PREVIEWS_MINUTE",
        60,
        _("Previews in a minute"),
        _("This workspace can have at most %(most)s previews a minute."),
        _("Wait a minute, then try again."),
        seconds=MINUTE,
    ),
    Limit(
        "LIMIT_EXAMINATIONS_MINUTE",
        20,
        _("Examinations of runs in a minute"),
        _("This workspace can have at most %(most)s runs examined a minute."),
        _("Wait a minute, then try again."),
        seconds=MINUTE,
    ),
    Limit(
        "LIMIT_RATINGS_DAY",
        10_000,
        _("Ratings by API in a day"),
        _("This workspace can store at most %(most)s ratings by API a day."),
        _("Try again tomorrow."),
        seconds=DAY,
    ),
    Limit(
        "LIMIT_REQUESTS_MINUTE",
        600,
        _("Requests of one person in a minute"),
        _("Too many requests: at most %(most)s a minute."),
        _("Wait a moment, then try again."),
        seconds=MINUTE,
        least=1,
    ),
)
BY_NAME = {limit.name: limit for limit in DECLARED}


def parse(text: str, name: str) -> int | None:
    """A limit as somebody wrote it: a whole number, or `unlimited` (None). `ValueError` says what is wrong."""
    text = text.strip().lower()
    if text == UNLIMITED:
        return None
    if not text.isdecimal() or int(text) >= 2**31:
        raise ValueError(f"{name} is a whole number, or {UNLIMITED}, not “{text[:40]}”.")
    return int(text)


def read(env: Any) -> dict[str, int | None]:
    """{name: the most} of every limit, from the environment."""
    values = {}
    for limit in DECLARED:
        text = env.str(limit.variable, default="")
        try:
            most = parse(text, limit.variable) if text.strip() else limit.default
            if most is not None and most < limit.least:
                raise ValueError(f"{limit.variable} is at least {limit.least}.")
            values[limit.name] = most
        except ValueError as error:
            raise ImproperlyConfigured(str(error)) from error
    return values
