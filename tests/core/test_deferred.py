"""Addresses whose code is loaded by the first request: they are found, walked and named as all others."""

import pytest
from django.core.checks.urls import check_url_config
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, resolve, reverse

from webapp.core.deferred import DeferredRoutes, DeferredView
from webapp.core.oidc import provider_apps


def test_a_view_is_the_one_of_its_name() -> None:
    view = DeferredView("webapp.host.readiness.healthz")
    from webapp.host.readiness import healthz

    assert view.__wrapped__ is healthz
    assert (view.__module__, view.__name__) == ("webapp.host.readiness", "healthz")


def test_every_deferred_view_is_there() -> None:
    """`manage.py check` walks the routes without loading these: a wrong name would be told by the first visitor."""

    def walk(patterns: list) -> list[DeferredView]:  # type: ignore[type-arg]
        nested = [view for one in patterns for view in walk(getattr(one, "url_patterns", []))]
        return nested + [one.callback for one in patterns if isinstance(getattr(one, "callback", None), DeferredView)]

    views = walk(get_resolver().url_patterns)
    assert len(views) >= 10
    assert all(callable(view.__wrapped__) for view in views)


def test_deferred_routes_are_found_and_have_no_names() -> None:
    assert resolve("/api/v1/me").func.__module__.startswith("ninja")
    assert resolve("/api/nothing").func.__name__ == "no_such_call"
    with pytest.raises(NoReverseMatch):
        reverse("api:openapi-json")
    assert reverse("mfa_add_webauthn") == "/accounts/2fa/webauthn/add/"
    assert check_url_config(None) == []


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_names_of_pages_are_reversed_in_every_language(language: str) -> None:
    from django.utils.translation import override

    with override(language):
        assert reverse("account_login") == "/accounts/login/"
        assert dict(DeferredRoutes("api/", "webapp.api.routes").reverse_dict) == {}


@pytest.mark.django_db
def test_the_document_of_the_api_says_where_it_is() -> None:
    first, second = (Client().get("/api/v1/openapi.json").json() for _ in range(2))
    assert first == second
    assert "/api/v1/me" in first["paths"]


def test_the_provider_s_libraries_come_with_its_setting() -> None:
    assert provider_apps("") == []
    assert provider_apps("https://login.example.org")
