"""At most so many requests a minute of one person, or of one address without a sign-in, to all pages and API calls.

Token buckets in Redis, shared by all processes: a minute's worth at once, refilled evenly. One call a request, and none to the
database: a session or token counts for its person once a request with it was answered to that person, which is remembered in
Redis; until then, and for made-up ones, the address counts. While Redis is away everybody is let through.
"""

import hashlib
import logging
import math
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils.functional import SimpleLazyObject, empty
from django.utils.translation import gettext as _

from webapp.core.clients import client_address, network
from webapp.core.limits import BY_NAME
from webapp.core.middleware import problem_page
from webapp.core.problem_responses import problem_response
from webapp.core.problems import TOO_MANY, Problem

log = logging.getLogger(__name__)
EXCLUDED = ("/healthz", "/readyz", "/metrics")
"""Asked by machines that watch the site, as often as they like."""
PROGRAMS = ("/api/", "/uploads/")
PREFIX = "maquette:requests"
MINUTE_SECONDS = 60
REMEMBERED_SECONDS = 600
AWAY_SECONDS = 5.0
"""How long Redis is not asked again after it did not answer."""
PATIENCE_SECONDS = 0.25

TAKE = """
local person = ARGV[3] ~= '' and redis.call('GET', KEYS[1])
local bucket = person and (ARGV[4] .. ':' .. person) or KEYS[2]
if person then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
local clock = redis.call('TIME')
local now, step = clock[1] + clock[2] / 1e6, ARGV[5] / ARGV[1]
local full = math.max(tonumber(redis.call('GET', bucket) or 0), now) + step
local wait = full - now - ARGV[5]
if wait <= 1e-6 then
  wait = 0
  redis.call('SET', bucket, string.format('%.6f', full), 'PX', math.max(1, math.ceil((full - now) * 1000)))
end
return {person or '', tostring(wait)}
"""
"""KEYS: of the credential, of the address's bucket. ARGV: requests a minute, seconds to remember a credential, the credential, the
prefix, the seconds of a minute. A bucket is the moment at which it is full again. Returns (the person, or '', and how many seconds to wait)."""


@cache
def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, decode_responses=True, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
    )


def hashed(text: str) -> str:
    return hashlib.sha256(f"{settings.SECRET_KEY}:{text}".encode()).hexdigest()[:24]


def credential_of(request: HttpRequest) -> str:
    """What the sender says who they are by, hashed: a token, else a session; empty for neither."""
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return hashed(f"token:{token.strip()}")
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    return hashed(f"session:{session}") if session else ""


def person_of(request: HttpRequest) -> str | None:
    """Whom the request was answered to, those by token apart from those by session; "" for nobody, None where nothing asked."""
    user: Any = getattr(request, "user", None)
    if user is None or (isinstance(user, SimpleLazyObject) and user._wrapped is empty):
        return None
    by = "token" if "Authorization" in request.headers else "session"
    return f"{by}:{user.pk}" if user.is_authenticated else ""


class Buckets:
    """The buckets in Redis, and since when it does not answer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.away_until = float("-inf")

    def take(self, credential: str, address: str, per_minute: int) -> tuple[str, float]:
        """(the person that the credential is known to be of, or "", and the seconds to wait; 0: let in)."""
        keys = [f"{PREFIX}:who:{credential}", f"{PREFIX}:address:{hashed(network(address))}"]
        arguments = [per_minute, REMEMBERED_SECONDS, credential, PREFIX, MINUTE_SECONDS]
        answer = self.ask(lambda redis_client: script(redis_client)(keys=keys, args=arguments))
        return (str(answer[0]), float(answer[1])) if answer else ("", 0.0)

    def remember(self, credential: str, person: str) -> None:
        self.ask(lambda redis_client: redis_client.set(f"{PREFIX}:who:{credential}", person, ex=REMEMBERED_SECONDS))

    def drop(self, credential: str) -> None:
        self.ask(lambda redis_client: redis_client.delete(f"{PREFIX}:who:{credential}"))

    def ask(self, call: Callable[[redis.Redis], Any]) -> Any:
        """None while Redis is away, which is logged once and not waited for each time."""
        if self.clock() < self.away_until:
            return None
        try:
            return call(client(settings.REDIS_URL))
        except (redis.RedisError, OSError) as error:
            self.away_until = self.clock() + AWAY_SECONDS
            log.warning("requests are not counted: Redis did not answer (%s)", type(error).__name__)
            return None


@cache
def script(redis_client: redis.Redis) -> Any:
    return redis_client.register_script(TAKE)


buckets = Buckets()


def admit(request: HttpRequest) -> HttpResponse | None:
    """The refusal of one request too many."""
    per_minute = settings.LIMITS["requests_minute"]
    if per_minute is None or request.path in EXCLUDED:
        return None
    credential = credential_of(request)
    person, wait = buckets.take(credential, client_address(request), per_minute)
    request.META["maquette.counted"] = (credential, person)
    return refusal(request, per_minute, math.ceil(wait)) if wait else None


def refusal(request: HttpRequest, per_minute: int, seconds: int) -> HttpResponse:
    """A problem for programs; a page, or what htmx shows in its place, for browsers."""
    problem = Problem(
        str(BY_NAME["requests_minute"].message) % {"most": per_minute},
        code=TOO_MANY,
        hint=_("Wait %(seconds)d seconds, then try again.") % {"seconds": seconds},
        status=429,
        retry_after=seconds,
    )
    return problem_response(problem) if request.path.startswith(PROGRAMS) else problem_page(request, problem)


def note(request: HttpRequest, response: HttpResponseBase) -> None:
    """Remember whose the credential is, once it has proved to be somebody's; forget it once it is nobody's. Nearly always nothing
    is new."""
    credential, known = request.META.get("maquette.counted", ("", ""))
    person = person_of(request)
    if credential and person and person != known:
        buckets.remember(credential, person)
    elif credential and known and (person == "" or response.status_code == 401):
        buckets.drop(credential)


class CountingLocaleMiddleware(LocaleMiddleware):
    """Counts in the thread that Django takes to choose the language anyway: another change of threads would cost more than
    counting does. A refusal speaks the reader's language."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]  # Django's allow it
        super().process_request(request)
        return admit(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        note(request, response)
        return super().process_response(request, response)
