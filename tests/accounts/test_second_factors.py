"""Second factors: set up, asked for whichever way somebody signs in, stood in for by recovery codes, taken away by the operator."""

import base64
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from tests.accounts.test_confirming import ASKING, PASSWORD, ask, grow_old
from webapp.accounts import actions, factors
from webapp.accounts.models import ApiToken, SecurityEvent, SignInLink, User
from webapp.pages.own_data import account, rows_of

ClientOf = Callable[[User], Client]


@pytest.fixture(autouse=True)
def no_attempts() -> None:
    cache.clear()


def code_of(secret: str, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def set_up_app(browser: Client) -> tuple[str, list[str]]:
    """(the app's secret, the recovery codes), as the pages show them."""
    page = browser.get(reverse("mfa_activate_totp")).content.decode()
    (secret,) = re.findall(r'id="totp-secret"><code>([A-Z2-7=]+)', page)
    for _attempt in range(2):  # the half minute of the first may have ended meanwhile
        answer = browser.post(reverse("mfa_activate_totp"), {"code": code_of(secret, -1)})
        if answer.status_code == 302:
            break
    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    return secret, shown_codes(browser)


def shown_codes(browser: Client) -> list[str]:
    page = browser.get(reverse("mfa_view_recovery_codes")).content.decode()
    shown = re.findall(r'id="recovery-codes"><code>([\d\s]+)</code>', page)
    downloaded = re.findall(r'href="data:text/plain;charset=utf-8,((?:\d{8}%0A)*)"', page)
    codes = shown[0].split() if shown else []
    assert codes == (downloaded[0].replace("%0A", " ").split() if downloaded else [])
    return codes


def signed_in(browser: Client) -> bool:
    return browser.get(reverse("settings")).status_code == 200


@pytest.fixture
def protected(user: User, client_of: ClientOf) -> tuple[str, list[str]]:
    user.set_password(PASSWORD)
    user.save()
    return set_up_app(client_of(user))


def by_password(browser: Client, user: User) -> Any:
    return browser.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})


def by_link(browser: Client, user: User) -> Any:
    return browser.post(reverse("sign_in_link", args=[SignInLink.issue(user)]))


WAYS = {"password": by_password, "link": by_link}


@pytest.mark.parametrize("way", WAYS)
def test_whichever_way_somebody_signs_in_the_code_is_asked_for(
    way: str, user: User, protected: tuple[str, list[str]]
) -> None:
    browser = Client()
    assert WAYS[way](browser, user)["Location"] == reverse("mfa_authenticate")
    assert not signed_in(browser)
    assert browser.get("/api/v1/me").status_code == 401
    page = browser.get(reverse("mfa_authenticate")).content.decode()
    assert "One more step" in page
    assert browser.post(reverse("mfa_authenticate"), {"code": "000000"}).status_code == 200
    assert not signed_in(browser)
    assert browser.post(reverse("mfa_authenticate"), {"code": code_of(protected[0])})["Location"] == "/"
    assert signed_in(browser)


@pytest.mark.parametrize("way", WAYS)
def test_without_a_factor_nothing_more_is_asked(way: str, user: User) -> None:
    user.set_password(PASSWORD)
    user.save()
    browser = Client()
    assert WAYS[way](browser, user)["Location"] == "/"
    assert signed_in(browser)


def test_a_code_works_once(user: User, protected: tuple[str, list[str]]) -> None:
    code = code_of(protected[0])
    first, second = Client(), Client()
    by_password(first, user)
    by_password(second, user)
    first.post(reverse("mfa_authenticate"), {"code": code})
    second.post(reverse("mfa_authenticate"), {"code": code})
    assert (signed_in(first), signed_in(second)) == (True, False)


def test_a_recovery_code_stands_in_once_and_is_counted(user: User, protected: tuple[str, list[str]]) -> None:
    codes = protected[1]
    assert len(codes) == 10
    first, second = Client(), Client()
    by_password(first, user)
    first.post(reverse("mfa_authenticate"), {"code": codes[3]})
    by_password(second, user)
    second.post(reverse("mfa_authenticate"), {"code": codes[3]})
    assert (signed_in(first), signed_in(second)) == (True, False)
    assert "9 codes are left" in first.get(reverse("security")).content.decode()
    assert SecurityEvent.objects.filter(verb="recovery_code_used").exists()
    assert SecurityEvent.objects.filter(verb="factor_failed").exists()


def test_recovery_codes_are_shown_once_and_can_be_downloaded(user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    page = browser.get(reverse("mfa_activate_totp")).content.decode()
    (secret,) = re.findall(r'id="totp-secret"><code>([A-Z2-7=]+)', page)
    browser.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})
    first, second = shown_codes(browser), shown_codes(browser)
    assert len(set(first)) == 10
    assert second == []
    assert browser.get("/accounts/2fa/recovery-codes/download/").status_code in (403, 404)
    browser.post(reverse("mfa_generate_recovery_codes"))
    renewed = shown_codes(browser)
    assert len(set(renewed)) == 10
    assert not set(renewed) & set(first)


def test_codes_are_not_tried_for_ever(user: User, protected: tuple[str, list[str]]) -> None:
    browser = Client()
    by_password(browser, user)
    for _ in range(8):
        browser.post(reverse("mfa_authenticate"), {"code": "000000"})
    answer = browser.post(reverse("mfa_authenticate"), {"code": code_of(protected[0])})
    assert not signed_in(browser)
    assert "Too many" in answer.content.decode()


@pytest.mark.parametrize("name", ["mfa_activate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes"])
def test_a_factor_is_added_after_confirming(name: str, user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    grow_old(browser)
    assert browser.get(reverse(name))["Location"] == reverse("confirm")
    assert browser.post(reverse(name), {"code": "1"})["Location"] == reverse("confirm")


def test_a_factor_is_removed_after_confirming_with_it(
    user: User, client_of: ClientOf, protected: tuple[str, list[str]]
) -> None:
    browser = client_of(user)
    grow_old(browser)
    assert browser.post(reverse("mfa_deactivate_totp"))["Location"] == reverse("confirm")
    answer = browser.post(reverse("confirm_by_code"), {"code": code_of(protected[0])})
    assert answer["Location"] == reverse("mfa_index")
    assert not Authenticator.objects.exists(), "recovery codes end with the last factor"
    assert SecurityEvent.objects.filter(verb="factor_removed").exists()


@pytest.mark.parametrize("wrong", ["000000", "", "x" * 500, "１２３４５６", "\x00"])
def test_a_wrong_code_confirms_nothing(
    wrong: str, user: User, client_of: ClientOf, protected: tuple[str, list[str]]
) -> None:
    browser = client_of(user)
    grow_old(browser)
    ask(browser, ASKING["token"], 0)
    answer = browser.post(reverse("confirm_by_code"), {"code": wrong})
    assert answer.status_code == 422
    assert not ApiToken.objects.exists()
    browser.post(reverse("confirm_by_code"), {"code": code_of(protected[0])})
    assert ApiToken.objects.get().name == "laptop"


def test_a_link_does_not_confirm_for_whoever_has_a_factor(
    user: User, client_of: ClientOf, protected: tuple[str, list[str]]
) -> None:
    User.objects.update(password="!")
    user.refresh_from_db()
    browser = client_of(user)
    grow_old(browser)
    ask(browser, ASKING["token"], 0)
    assert "sign_in_link" not in browser.get(reverse("confirm")).content.decode()
    assert by_link(browser, user)["Location"] == reverse("confirm")
    assert not ApiToken.objects.exists()


def test_a_link_of_somebody_else_signs_the_first_one_out(user: User, outsider: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    by_link(browser, outsider)
    assert browser.get("/api/v1/me").json()["email"] == outsider.email


def test_secrets_are_encrypted_and_stay_out_of_exports_and_logs(
    user: User, protected: tuple[str, list[str]], settings: Any
) -> None:
    secret, codes = protected
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    export = str(rows_of(user.workspaces.get())) + str(account(user))
    logged = str(list(SecurityEvent.objects.values()))
    for text in (stored, export, logged):
        assert not any(part in text for part in (secret, codes[0]))
    settings.SECRET_KEY = "another"
    browser = Client()
    by_password(browser, user)
    for code in (code_of(secret), code_of(base64.b32encode(b"").decode() or "A" * 8), codes[0]):
        browser.post(reverse("mfa_authenticate"), {"code": code})
        assert not signed_in(browser)


def test_the_operator_takes_a_lost_factor_away(
    user: User, client_of: ClientOf, protected: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    browser = client_of(user)
    browser.get(reverse("settings"))
    call_command("reset_second_factor", email=user.email.upper())
    assert "1 removed" in capsys.readouterr().out
    assert not Authenticator.objects.exists()
    assert not signed_in(browser)
    assert SecurityEvent.objects.filter(verb="factor_removed", text__contains="manage.py").exists()
    fresh = Client()
    assert by_password(fresh, user)["Location"] == "/"
    for email in (user.email, "nobody@example.org"):
        with pytest.raises(CommandError):
            call_command("reset_second_factor", email=email)


def test_an_account_that_is_handed_over_has_no_factor_of_the_one_before(
    user: User, protected: tuple[str, list[str]]
) -> None:
    actions.end_access(user)
    assert not factors.has_factor(user)


@pytest.mark.parametrize("name", ["mfa_reauthenticate", "mfa_reauthenticate_webauthn", "account_reauthenticate"])
def test_allauths_own_pages_lead_to_ours(name: str, user: User, client_of: ClientOf) -> None:
    assert client_of(user).get(reverse(name))["Location"] == reverse("confirm")
    assert client_of(user).get(reverse("mfa_index"))["Location"] == reverse("security")
    assert client_of(user).get(reverse("mfa_list_webauthn"))["Location"] == reverse("security")


@pytest.mark.parametrize(
    "credential", ["", "{}", "[]", "null", "nonsense", '{"id": "x"}', '{"response": {"userHandle": "MQ"}}']
)
@pytest.mark.parametrize("name", ["mfa_login_webauthn", "confirm_by_passkey", "mfa_add_webauthn"])
def test_an_odd_passkey_is_refused_in_words(name: str, credential: str, user: User, client_of: ClientOf) -> None:
    browser = Client() if name == "mfa_login_webauthn" else client_of(user)
    answer = browser.post(reverse(name), {"credential": credential, "name": "x"})
    assert answer.status_code in (200, 302, 403, 422)
    assert not Authenticator.objects.exists()
    assert "_auth_user_id" not in browser.session or name != "mfa_login_webauthn"


@pytest.mark.parametrize(
    ("host", "secure", "works"),
    [
        ("localhost:8000", False, True),
        ("127.0.0.1:8000", False, False),
        ("[::1]:8000", True, False),
        ("[::1]", True, False),
        ("[2001:db8::1]", True, False),
        ("maquette.example", True, True),
        ("maquette.example", False, False),
    ],
)
def test_passkeys_are_offered_where_browsers_make_them(
    host: str, secure: bool, works: bool, rf: Any, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    request = rf.get("/", secure=secure, headers={"Host": host})
    assert factors.passkeys_work(request) is works


def test_the_options_of_a_passkey_are_json_in_an_attribute(user: User, client_of: ClientOf) -> None:
    page = client_of(user).get(reverse("mfa_add_webauthn"), headers={"Host": "localhost"}).content.decode()
    (options,) = re.findall(r'data-options="([^"]+)"', page)
    key = json.loads(options.replace("&quot;", '"'))["publicKey"]
    assert key["rp"]["id"] == "localhost"
    assert len(key["challenge"]) > 40
    assert "<script>" not in page


@pytest.mark.django_db(transaction=True)
def test_each_act_leaves_its_event(user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    secret, _codes = set_up_app(browser)
    browser.post(reverse("mfa_generate_recovery_codes"))
    grow_old(browser)
    browser.post(reverse("confirm_by_code"), {"code": "000000"})
    browser.post(reverse("confirm_by_code"), {"code": code_of(secret)})
    browser.post(reverse("mfa_deactivate_totp"))
    other = Client()
    by_link(other, user)
    verbs = [event.verb for event in SecurityEvent.objects.filter(is_copy=False).order_by("created_at")]
    assert verbs == [
        *("factor_added", "recovery_codes_made", "recovery_codes_made"),
        *("factor_failed", "reauthenticated", "factor_removed"),
        *("sign_in_link_made",) * ("sign_in_link_made" in verbs),
        "signed_in_by_link",
    ]


def test_a_link_and_a_code_are_one_sign_in_by_link(user: User, protected: tuple[str, list[str]]) -> None:
    SecurityEvent.objects.all().delete()
    browser = Client()
    by_link(browser, user)
    assert not SecurityEvent.objects.filter(verb__startswith="signed_in").exists(), "half way in"
    browser.post(reverse("mfa_authenticate"), {"code": code_of(protected[0])})
    events = SecurityEvent.objects.filter(verb__startswith="signed_in", is_copy=False)
    assert [(event.verb, event.text) for event in events] == [("signed_in_by_link", "link, mfa")]
