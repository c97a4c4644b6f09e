"""What stands between a password and a session, beside allauth's own."""

from allauth.account.stages import LoginStage
from allauth.mfa.internal.constants import LoginStageKey

from webapp.accounts import factors


class SecondFactorStage(LoginStage):  # type: ignore[misc]  # allauth has no types
    """allauth's stage for whoever has a second factor. It loads the libraries of passkeys (10 MB), so that nobody else asks it."""

    key = LoginStageKey.MFA_AUTHENTICATE.value
    urlname = "mfa_authenticate"

    def handle(self) -> tuple[object, bool]:
        if self.login.user is None or not factors.has_factor(self.login.user):
            return None, True
        from allauth.mfa.stages import AuthenticateStage

        return tuple(AuthenticateStage(self.controller, self.request, self.login).handle())
