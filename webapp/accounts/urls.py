from django.urls import include, path

from webapp.accounts import views

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("signin/<str:secret>", views.sign_in_link, name="sign_in_link"),
    path("settings", views.settings_page, name="settings"),
    path("settings/profile", views.update_profile, name="update_profile"),
    path("settings/tokens", views.create_token, name="create_token"),
    path("settings/tokens/<str:pk>/revoke", views.revoke_token, name="revoke_token"),
]
