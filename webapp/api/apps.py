from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "webapp.api"

    def ready(self) -> None:
        from webapp.accounts.signals import erased
        from webapp.api.models import IdempotentAnswer

        def erase(sender: object, workspace_id: str, ids: list[str], **_kwargs: object) -> None:
            IdempotentAnswer.delete_about(workspace_id, ids)

        erased.connect(erase, weak=False, dispatch_uid="erase_answers")
