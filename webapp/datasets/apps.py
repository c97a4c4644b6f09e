from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "webapp.datasets"

    def ready(self) -> None:
        from webapp.datasets import usage  # noqa: F401  it registers what it counts
        from webapp.datasets.rereading import version_was_read
        from webapp.datasets.signals import version_read

        version_read.connect(version_was_read, weak=False, dispatch_uid="version_was_read")
