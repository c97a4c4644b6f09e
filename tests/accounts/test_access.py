"""What the walk over every route (test_tenants.py) cannot ask: streams, forms without a token, odd addresses."""

from collections.abc import Callable

import pytest
from django.http import Http404
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.runs.views import member_run

ClientOf = Callable[[User], Client]


def test_an_outsider_follows_no_stream(outsider: User, workspace: Workspace, client_of: ClientOf) -> None:
    """Asked of the function that lets in: the stream's own thread cannot read a test's open transaction."""
    run = things.run(things.prototype(workspace))
    with pytest.raises(Http404):
        member_run(client_of(outsider).get("/settings").wsgi_request, run.pk)
    assert Client().get(reverse("run_stream", args=[run.pk])).status_code == 404


def test_a_form_without_its_token_is_refused(user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    answer = client.post(reverse("set_budget"), {"amount": "1"})
    assert answer.status_code == 403
    assert "Reload it" in answer.content.decode()


def test_a_changed_address_leaves_the_old_mailbox_without_power(
    user: User, client_of: ClientOf, mailoutbox: list
) -> None:
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    old = user.email
    client_of(user).post(reverse("update_profile"), {"email": "new@example.org"})
    assert [one.email for one in EmailAddress.objects.filter(user=user)] == ["new@example.org"]
    Client().post(reverse("account_reset_password"), {"email": old})
    assert not [mail for mail in mailoutbox if "/password/reset/key/" in mail.body]


@pytest.mark.parametrize("query", ["/?after=²", "{p}/data?version=²", "{p}/data?page=²"])
def test_odd_digits_are_no_numbers(query: str, user: User, workspace: Workspace, client_of: ClientOf) -> None:
    prototype = things.prototype(workspace)
    assert client_of(user).get(query.format(p=f"/prototypes/{prototype.pk}")).status_code == 200
