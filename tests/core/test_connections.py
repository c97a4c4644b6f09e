"""A thread of its own gives its database connection back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from webapp.accounts.models import User
from webapp.core.connections import releases_connection
from webapp.core.middleware import early_release


@pytest.mark.django_db(transaction=True)
def test_a_thread_keeps_no_connection() -> None:
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(releases_connection(User.objects.count)).result() == 0
        assert thread.submit(lambda: connection.connection).result() is None


@pytest.mark.django_db
def test_a_transaction_under_way_keeps_its_own() -> None:
    with transaction.atomic():
        releases_connection(User.objects.count)()
        assert User.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_is_read_slowly_keeps_none() -> None:
    """The thread of a request gives its connection back before the first byte is sent."""
    with ThreadPoolExecutor(1) as thread:
        request = RequestFactory().get("/")

        def view(_request: HttpRequest) -> HttpResponse:
            return HttpResponse(str(User.objects.count()))

        assert thread.submit(early_release(view), request).result().content == b"0"
        assert thread.submit(lambda: connection.connection).result() is None
