from django.apps import AppConfig
from django.db.models.signals import post_delete


class EndpointsConfig(AppConfig):
    name = "webapp.endpoints"

    def ready(self) -> None:
        from webapp.costs.signals import budget_changed, budget_changes
        from webapp.datasets.models import DatasetVersion
        from webapp.endpoints import usage  # noqa: F401  it registers what it counts
        from webapp.endpoints.addresses import release
        from webapp.endpoints.models import Endpoint
        from webapp.endpoints.registry import publish_workspace
        from webapp.labelling import queue

        def unsure_rows(version: DatasetVersion) -> list[tuple[int, queue.Suggestion | None]]:
            from webapp.endpoints.unsure import rows

            return rows(version)

        queue.POOLED[queue.UNSURE] = unsure_rows

        def publish_demos(sender: object, workspace_id: str, **_kwargs: object) -> None:
            publish_workspace(workspace_id)

        def settle_demos(sender: object, workspace_id: str, **_kwargs: object) -> None:
            from webapp.endpoints.hosting import charge_hosting

            charge_hosting(workspace_id)

        def hold_back_address(instance: Endpoint, **_kwargs: object) -> None:
            release(instance.slug, instance.workspace_id)

        post_delete.connect(hold_back_address, sender=Endpoint, weak=False, dispatch_uid="hold_back_address")
        budget_changes.connect(settle_demos, weak=False, dispatch_uid="settle_demos")
        budget_changed.connect(publish_demos, weak=False, dispatch_uid="publish_demos")
