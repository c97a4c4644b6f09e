from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "webapp.accounts"

    def ready(self) -> None:
        from webapp.accounts import (  # noqa: F401  what they connect and count is registered by importing them
            checks,
            factor_receivers,
            receivers,
            security_signals,
            usage,
        )
