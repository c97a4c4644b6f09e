from django.apps import AppConfig


class PrototypesConfig(AppConfig):
    name = "webapp.prototypes"

    def ready(self) -> None:
        from webapp.prototypes import usage  # noqa: F401  it registers what it counts
