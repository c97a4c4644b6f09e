from django.urls import include, path
from django.views.generic import RedirectView

from webapp.accounts import confirm_views, people_views, security_views, views
from webapp.core.deferred import DeferredView

MFA = "allauth.mfa"
PROVIDER = "webapp.accounts.oidc_views"
urlpatterns = [
    # allauth's own page would take an address without a password and use it unconfirmed.
    path("accounts/email/", RedirectView.as_view(pattern_name="settings")),
    path("accounts/reauthenticate/", RedirectView.as_view(pattern_name="confirm"), name="account_reauthenticate"),
    path("accounts/2fa/", RedirectView.as_view(pattern_name="security"), name="mfa_index"),
    path("accounts/2fa/webauthn/", RedirectView.as_view(pattern_name="security"), name="mfa_list_webauthn"),
    path("accounts/2fa/reauthenticate/", RedirectView.as_view(pattern_name="confirm"), name="mfa_reauthenticate"),
    path(
        "accounts/2fa/webauthn/reauthenticate/",
        RedirectView.as_view(pattern_name="confirm"),
        name="mfa_reauthenticate_webauthn",
    ),
    path("accounts/2fa/authenticate/", DeferredView(f"{MFA}.base.views.authenticate"), name="mfa_authenticate"),
    path("accounts/2fa/totp/", include(f"{MFA}.totp.urls")),
    path("accounts/2fa/recovery-codes/", include(f"{MFA}.recovery_codes.urls")),
    path("accounts/2fa/webauthn/add/", DeferredView(f"{MFA}.webauthn.views.add_webauthn"), name="mfa_add_webauthn"),
    path(
        "accounts/2fa/webauthn/login/", DeferredView(f"{MFA}.webauthn.views.login_webauthn"), name="mfa_login_webauthn"
    ),
    path(
        "accounts/2fa/webauthn/keys/<int:pk>/remove/",
        DeferredView(f"{MFA}.webauthn.views.remove_webauthn"),
        name="mfa_remove_webauthn",
    ),
    path(
        "accounts/2fa/webauthn/keys/<int:pk>/edit/",
        DeferredView(f"{MFA}.webauthn.views.edit_webauthn"),
        name="mfa_edit_webauthn",
    ),
    path("accounts/provider/", DeferredView(f"{PROVIDER}.provider_sign_in"), name="provider_sign_in"),
    path(
        "accounts/oidc/<slug:provider_id>/login/callback/",
        DeferredView(f"{PROVIDER}.provider_callback"),
        name="openid_connect_callback",
    ),
    path(
        "accounts/provider/cancelled/",
        RedirectView.as_view(pattern_name="account_login"),
        name="socialaccount_login_cancelled",
    ),
    path("settings/provider/connect", DeferredView(f"{PROVIDER}.connect_provider"), name="connect_provider"),
    path("settings/provider/disconnect", DeferredView(f"{PROVIDER}.disconnect_provider"), name="disconnect_provider"),
    path("accounts/password/set/", confirm_views.set_password, name="account_set_password"),
    path("accounts/", include("allauth.account.urls")),
    path("confirm", confirm_views.confirm, name="confirm"),
    path("confirm/code", confirm_views.confirm_by_code, name="confirm_by_code"),
    path(
        "confirm/passkey", DeferredView("webapp.accounts.passkey_views.confirm_by_passkey"), name="confirm_by_passkey"
    ),
    path("confirm/link", confirm_views.send_link, name="confirm_by_link"),
    path("signin/<str:secret>", views.sign_in_link, name="sign_in_link"),
    path("settings", views.settings_page, name="settings"),
    path("settings/address/<str:secret>", views.confirm_address, name="confirm_address"),
    path("settings/security", security_views.security_page, name="security"),
    path("settings/sessions/<int:pk>/end", security_views.end_session, name="end_session"),
    path("settings/sessions/end-others", security_views.end_other_sessions, name="end_other_sessions"),
    path("settings/second-factor", security_views.require_factor, name="require_factor"),
    path("settings/profile", views.update_profile, name="update_profile"),
    path("settings/members", people_views.members, name="members"),
    path("settings/members/invite", people_views.invite_member, name="invite_member"),
    path("settings/members/<int:pk>/role", people_views.change_role, name="change_role"),
    path("settings/members/<int:pk>/remove", people_views.remove_member, name="remove_member"),
    path("settings/members/<int:pk>/transfer", people_views.transfer_workspace, name="transfer_workspace"),
    path("settings/invitations/<str:pk>/end", people_views.end_invitation, name="end_invitation"),
    path("settings/leave", people_views.leave_workspace, name="leave_workspace"),
    path("workspaces", people_views.workspaces, name="workspaces"),
    path("workspaces/new", people_views.create_workspace, name="create_workspace"),
    path("workspaces/switch", people_views.switch_workspace, name="switch_workspace"),
    path("invitations/<str:secret>", people_views.invitation, name="invitation"),
    path("invited", people_views.invited, name="invited"),
    path("settings/workspace", views.rename_workspace, name="rename_workspace"),
    path("settings/feedback-days", views.set_feedback_days, name="set_feedback_days"),
    path("settings/tokens", views.create_token, name="create_token"),
    path("settings/tokens/<str:pk>/revoke", views.revoke_token, name="revoke_token"),
]
