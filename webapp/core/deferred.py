"""Addresses whose code is loaded by the first request that comes to them.

The API, second factors and a provider's sign-in bring 25 MB of libraries (docs/benchmarks.md). Whoever uses none of them does
not pay for them, and the site is up sooner.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLResolver
from django.urls.resolvers import RoutePattern
from django.utils.datastructures import MultiValueDict
from django.utils.module_loading import import_string
from django.utils.translation import get_language


class DeferredView:
    """The view of that dotted name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.__module__, _dot, self.__name__ = name.rpartition(".")
        self.__qualname__ = self.__name__

    @property
    def __wrapped__(self) -> Callable[..., HttpResponseBase]:
        view: Callable[..., HttpResponseBase] = import_string(self.name)
        return view

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return self.__wrapped__(request, *args, **kwargs)


class DeferredRoutes(URLResolver):
    """All routes of a module below a prefix. Their names cannot be reversed: that would load them all with the first page."""

    def __init__(self, prefix: str, module: str) -> None:
        super().__init__(RoutePattern(prefix), module)

    def _populate(self) -> None:
        language = get_language()
        names: Any = self
        names._reverse_dict[language], names._namespace_dict[language], names._app_dict[language] = (
            MultiValueDict(),
            {},
            {},
        )
        self._populated = True
