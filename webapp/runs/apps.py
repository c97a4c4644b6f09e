from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "webapp.runs"

    def ready(self) -> None:
        from django.db import transaction

        from webapp.accounts.signals import erased
        from webapp.datasets import quota
        from webapp.datasets.models import DatasetVersion
        from webapp.datasets.signals import version_read
        from webapp.labelling import doubts, guiding
        from webapp.runs import usage  # noqa: F401  it registers what it counts
        from webapp.runs.models import Run

        def start_waiting(sender: object, version: DatasetVersion, **_kwargs: object) -> None:
            from webapp.runs.retraining import start_waiting

            start_waiting(version)

        def mistakes_of(version: DatasetVersion, about: str) -> list[doubts.Doubt]:
            from webapp.runs.mistakes import doubted_by

            return doubted_by(version, about)

        def erase_streams(sender: object, ids: list[str], **_kwargs: object) -> None:
            from webapp.runs.stream import delete_streams

            transaction.on_commit(lambda: delete_streams(ids))

        def model_of(version: DatasetVersion) -> guiding.Model | None:
            from webapp.runs.suggesting import model_of

            return model_of(version)

        doubts.SOURCES[doubts.MISTAKES] = mistakes_of
        guiding.MODELS["runs"] = model_of
        quota.KINDS["runs"] = lambda workspace: Run.objects.for_workspace(workspace).total_bytes()
        erased.connect(erase_streams, weak=False, dispatch_uid="erase_streams")
        version_read.connect(start_waiting, weak=False, dispatch_uid="start_waiting")
