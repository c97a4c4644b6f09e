from django.apps import AppConfig


class EndpointsConfig(AppConfig):
    name = "webapp.endpoints"

    def ready(self) -> None:
        from webapp.costs.signals import budget_changed, budget_changes
        from webapp.endpoints.registry import publish_workspace

        def publish_demos(sender: object, workspace_id: str, **_kwargs: object) -> None:
            publish_workspace(workspace_id)

        def settle_demos(sender: object, workspace_id: str, **_kwargs: object) -> None:
            from webapp.endpoints.hosting import charge_hosting

            charge_hosting(workspace_id)

        budget_changes.connect(settle_demos, weak=False, dispatch_uid="settle_demos")
        budget_changed.connect(publish_demos, weak=False, dispatch_uid="publish_demos")
