from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "webapp.runs"

    def ready(self) -> None:
        from webapp.datasets.models import DatasetVersion
        from webapp.datasets.signals import version_read

        def start_waiting(sender: object, version: DatasetVersion, **_kwargs: object) -> None:
            from webapp.runs.retraining import start_waiting

            start_waiting(version)

        version_read.connect(start_waiting, weak=False, dispatch_uid="start_waiting")
