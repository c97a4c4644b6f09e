from typing import Any

from django.apps import AppConfig


class CostsConfig(AppConfig):
    name = "webapp.costs"

    def ready(self) -> None:
        from webapp.accounts.signals import workspace_created
        from webapp.costs.actions import seed

        def seed_costs(sender: Any, workspace: Any, **_kwargs: Any) -> None:
            seed(workspace)

        workspace_created.connect(seed_costs, weak=False, dispatch_uid="seed_costs")
