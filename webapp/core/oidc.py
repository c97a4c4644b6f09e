"""What allauth is told of the provider that people sign in with (OpenID Connect); settings alone, no models."""

from typing import Any

PROVIDER = "oidc"


def provider_apps(issuer: str) -> list[str]:
    """For `INSTALLED_APPS`: its libraries (3 MB) only where somebody can sign in by it."""
    return ["allauth.socialaccount.providers.openid_connect"] if issuer else []


def providers(issuer: str, client_id: str, secret: str, name: str) -> dict[str, Any]:
    """`SOCIALACCOUNT_PROVIDERS`; empty without an issuer, and then there is no other way to sign in."""
    if not issuer:
        return {}
    app = {
        "provider_id": PROVIDER,
        "name": name,
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer.rstrip("/")},
    }
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}


def provider_name(configured: dict[str, Any]) -> str:
    apps = configured.get("openid_connect", {}).get("APPS", [])
    return str(apps[0]["name"]) if apps else ""
