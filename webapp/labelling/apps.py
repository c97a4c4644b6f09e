from django.apps import AppConfig


class LabellingConfig(AppConfig):
    name = "webapp.labelling"

    def ready(self) -> None:
        from webapp.labelling import doubts, guests

        doubts.SOURCES[doubts.DISPUTED] = guests.disputed
