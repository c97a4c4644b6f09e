"""What signing up and a forgotten password say, on the page and in the mail."""

import pytest
from django.core import mail
from django.test import Client, override_settings
from django.urls import reverse

from tests.pages.form_page import Page
from webapp.accounts.models import User


def test_the_rules_are_one_line_until_one_is_broken(client: Client, db: None) -> None:
    fresh = client.get(reverse("account_signup")).content.decode()
    assert fresh.count("At least 8 characters.") == 1
    assert "commonly used" not in fresh
    answer = client.post(reverse("account_signup"), {"email": "new@example.org", "password1": "12345678"})
    page = Page(answer.content.decode())
    form = page.form(reverse("account_signup"))
    assert "too common" in page.errors_of(form.field("password1"))
    assert form.field("email").value == "new@example.org"


def test_signing_up_says_nothing_of_signing_in(client: Client, db: None) -> None:
    sent = {"email": "new@example.org", "password1": "quite-a-long-secret"}
    page = client.post(reverse("account_signup"), sent, follow=True).content.decode()
    assert "Successfully signed in" not in page


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_the_reset_mail_speaks_of_the_product(email: str, client: Client, user: User) -> None:
    client.post(reverse("account_reset_password"), {"email": email})
    (sent,) = mail.outbox
    assert "Maquette" in sent.subject
    assert not [
        words
        for words in ("testserver", "example.com", "[", "Hello from", "Thank you for using")
        if words in sent.subject
    ]
    assert "Hello from" not in sent.body
    assert "Thank you for using" not in sent.body
    assert ("/accounts/password/reset/key/" in sent.body) == (email == user.email)


def test_the_missing_mail_server_is_told_only_where_it_is_missing(client: Client, db: None) -> None:
    path = reverse("account_reset_password_done")
    assert "no mail server" in client.get(path).content.decode()
    with override_settings(MAIL_CONFIGURED=True):
        assert "no mail server" not in client.get(path).content.decode()
