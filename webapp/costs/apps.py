from django.apps import AppConfig


class CostsConfig(AppConfig):
    name = "webapp.costs"

    def ready(self) -> None:
        from webapp.accounts.models import Workspace
        from webapp.accounts.signals import workspace_created
        from webapp.costs.actions import seed

        def seed_costs(sender: object, workspace: Workspace, **_kwargs: object) -> None:
            seed(workspace)

        workspace_created.connect(seed_costs, weak=False, dispatch_uid="seed_costs")
