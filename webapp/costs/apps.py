from django.apps import AppConfig


class CostsConfig(AppConfig):
    name = "webapp.costs"

    def ready(self) -> None:
        from webapp.accounts.models import Workspace
        from webapp.accounts.signals import erased, workspace_created
        from webapp.costs import usage  # noqa: F401  it registers what it counts
        from webapp.costs.actions import erase_names, seed

        def seed_costs(sender: object, workspace: Workspace, **_kwargs: object) -> None:
            seed(workspace)

        def erase(sender: object, workspace_id: str, ids: list[str], **_kwargs: object) -> None:
            erase_names(workspace_id, ids)

        erased.connect(erase, weak=False, dispatch_uid="erase_ledger")
        workspace_created.connect(seed_costs, weak=False, dispatch_uid="seed_costs")
