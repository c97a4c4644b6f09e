"""Nobody learns from the site whether an address has an account: neither by what it answers, nor by how long that takes."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from webapp.accounts import actions, people
from webapp.accounts.checks import check_sign_up
from webapp.accounts.models import Membership, User, Workspace

PASSWORD = "quite-a-long-secret"
TIMES, MOST_APART = 7, 0.25
"""So often each is asked, in turn; the medians of the processor's time differ by no more than this part."""


class FewRounds(PBKDF2PasswordHasher):
    iterations = 20_000


@pytest.fixture(autouse=True)
def hashes_cost_something(settings: Any, user: User, outsider: User) -> None:
    """As they do on a site, but a hundredth of it: enough that a hash which is left out shows."""
    settings.PASSWORD_HASHERS = [f"{__name__}.FewRounds"]
    for person in (user, outsider):
        person.set_password(PASSWORD)
        person.save()


@pytest.fixture
def mailing(settings: Any) -> None:
    settings.MAIL_CONFIGURED, settings.ACCOUNT_EMAIL_VERIFICATION = True, "mandatory"


@pytest.fixture
def public(settings: Any) -> None:
    """A site for others that has no mail server, whose operator lets everybody in."""
    settings.SIGN_UP, settings.ONLY_HERE, settings.MAIL_CONFIGURED = "open", False, False


def sign_up(_browser: Client, email: str) -> HttpResponse:
    return Client().post(reverse("account_signup"), {"email": email, "password1": PASSWORD})


def sign_in(_browser: Client, email: str) -> HttpResponse:
    return Client().post(reverse("account_login"), {"login": email, "password": "a wrong one"})


def forget(_browser: Client, email: str) -> HttpResponse:
    return Client().post(reverse("account_reset_password"), {"email": email})


def change(browser: Client, email: str) -> HttpResponse:
    return browser.post(reverse("update_profile"), {"email": email, "password": PASSWORD})


def invite(browser: Client, email: str) -> HttpResponse:
    return browser.post(reverse("invite_member"), {"email": email, "role": "editor"})


ASKED: list[Callable[[Client, str], HttpResponse]] = [sign_up, sign_in, forget, change, invite]


@pytest.fixture
def addresses(outsider: User) -> Iterator[Callable[[], tuple[str, str]]]:
    """Each time another one that has an account, and one of the same length that has none."""
    number = iter(range(10_000, 20_000))

    def pair() -> tuple[str, str]:
        known = f"known-{next(number)}@example.org"
        User.objects.create_user(known, None)
        person = User.objects.get(email=known)
        person.password = outsider.password
        person.save(update_fields=["password"])
        return known, known.replace("known", "other")

    return pair


def seen(answer: HttpResponse, email: str) -> tuple[int, str, str]:
    words = answer.content.decode().replace(email, "")
    words = re.sub(r'(value|nonce|name="csrfmiddlewaretoken")="[^"]*"|/invitations/[\w-]+', "", words)
    return answer.status_code, re.sub(r"/invitations/[\w-]+", "", answer.get("Location", "")), words


@pytest.mark.parametrize("ask", ASKED, ids=lambda ask: ask.__name__)
def test_the_answer_and_its_time_are_the_same(
    ask: Callable[[Client, str], HttpResponse],
    mailing: None,
    user: User,
    client_of: Callable[[User], Client],
    addresses: Callable[[], tuple[str, str]],
) -> None:
    browser = client_of(user)
    took: dict[int, list[float]] = {0: [], 1: []}
    for turn in range(TIMES + 1):
        said = []
        for which, email in enumerate(addresses()):
            cache.clear()
            began = time.process_time()
            answer = ask(browser, email)
            took[which].append(time.process_time() - began)
            said.append(seen(answer, email))
        assert said[0] == said[1]
        if not turn:  # what is loaded at the first time
            took = {0: [], 1: []}
    known, other = min(took[0]), min(took[1])  # what else the machine does only adds
    print(f"\n{ask.__name__}: {known * 1000:.1f} ms with an account, {other * 1000:.1f} ms without")
    assert abs(known - other) <= MOST_APART * max(known, other), (known, other)


# Without mail


@pytest.fixture
def laptop(settings: Any) -> None:
    """A site for one's own machine, as it comes."""
    settings.SIGN_UP, settings.ONLY_HERE, settings.MAIL_CONFIGURED = "open", True, False


@pytest.fixture
def nobody(user: User, outsider: User) -> None:
    User.objects.all().delete()


def test_on_a_laptop_the_first_signs_up_and_is_in(laptop: None, nobody: None) -> None:
    """Beside the account that every site begins with, as long as nobody has signed in to it."""
    actions.first_owner()
    browser = Client()
    assert reverse("account_signup") in browser.get(reverse("account_login")).content.decode()
    sent = {"email": "new@example.org", "password1": PASSWORD}
    assert browser.post(reverse("account_signup"), sent).status_code == 302
    assert browser.get(reverse("settings")).status_code == 200


@pytest.mark.parametrize("made_by", ["signing in by the first link", "api_token", "signing up"])
def test_from_then_on_signing_up_says_the_same_for_every_address(laptop: None, nobody: None, made_by: str) -> None:
    if made_by == "signing in by the first link":
        email, link = actions.FIRST_OWNER, actions.first_sign_in_link()
        assert link
        Client().post(link.partition("8000")[2])
    elif made_by == "api_token":
        call_command("api_token", email=(email := "ada@example.org"))
    else:
        sign_up(Client(), email := "ada@example.org")
    answers = {seen(sign_up(Client(), asked), asked) for asked in (email, "new@example.org")}
    assert len(answers) == 1
    assert "manage.py invite" in answers.pop()[2]
    assert not User.objects.filter(email="new@example.org").exists()
    assert reverse("account_signup") not in Client().get(reverse("account_login")).content.decode()
    assert check_sign_up() == []


def test_on_a_laptop_whoever_is_alone_changes_their_address(
    laptop: None, user: User, outsider: User, client_of: Callable[[User], Client]
) -> None:
    outsider.delete()
    actions.ensure_user(actions.FIRST_OWNER)
    assert change(client_of(user), "new@example.org").status_code == 302
    user.refresh_from_db()
    assert user.email == "new@example.org"


def test_beside_others_a_change_says_the_same_for_every_address(
    laptop: None, user: User, outsider: User, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(user)
    answers = {seen(change(browser, email), email) for email in (outsider.email, "new@example.org")}
    assert len(answers) == 1
    assert "manage.py change_email" in answers.pop()[2]
    user.refresh_from_db()
    assert user.email == "ada@example.org"


def test_without_mail_nobody_signs_up_on_a_site_for_others(public: None, user: User) -> None:
    answers = {seen(sign_up(Client(), email), email) for email in (user.email, "new@example.org")}
    assert len(answers) == 1
    assert "Ask the owner of this site" in answers.pop()[2]
    assert not User.objects.filter(email="new@example.org").exists()
    assert reverse("account_signup") not in Client().get(reverse("account_login")).content.decode()
    (warning,) = check_sign_up()
    assert "SIGN_UP=open is not followed" in warning.msg
    assert "EMAIL_URL" in warning.hint


def test_nor_is_it_told_by_a_change_of_address(
    public: None, user: User, outsider: User, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(user)
    answers = {seen(change(browser, email), email) for email in (outsider.email, "new@example.org")}
    assert len(answers) == 1
    assert answers.pop()[0] == 422
    user.refresh_from_db()
    assert user.email == "ada@example.org"


@pytest.mark.parametrize("sign_up_is", ["invited", "closed"])
def test_nor_by_an_invitation_that_is_looked_at(
    public: None, user: User, outsider: User, workspace: Workspace, settings: Any, sign_up_is: str
) -> None:
    settings.SIGN_UP = sign_up_is
    owner = Membership.objects.get(user=user, workspace=workspace)
    said = set()
    for email in (outsider.email, "new@example.org"):
        _invitation, link = people.invite(owner, email, "editor")
        said.add(seen(Client().get(link.removeprefix(settings.PUBLIC_URL)), email))
    assert len(said) == 1


def test_the_operator_changes_an_address(public: None, user: User, outsider: User) -> None:
    call_command("change_email", email=user.email, to="New@example.org")
    user.refresh_from_db()
    assert user.email == "new@example.org"
    for email, to, words in (
        ("nobody@example.org", "b@example.org", "no account"),
        (user.email, outsider.email.upper(), "Another account"),
        (user.email, "b@", "is not an email address"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("change_email", email=email, to=to)


@pytest.mark.parametrize(
    ("sign_up_is", "here", "mail", "warnings"),
    [("open", True, False, 0), ("open", False, True, 0), ("invited", False, False, 0), ("open", False, False, 1)],
)
def test_when_the_operator_is_warned(sign_up_is: str, here: bool, mail: bool, warnings: int, settings: Any) -> None:
    settings.SIGN_UP, settings.ONLY_HERE, settings.MAIL_CONFIGURED = sign_up_is, here, mail
    assert len(check_sign_up()) == warnings
