"""What every stored object has."""

from typing import Any, Self

from django.db import models

from webapp.core.ids import new_id


class WorkspaceQuerySet(models.QuerySet):
    """Every list of a workspace's objects starts with `for_workspace`: an outsider's object is simply not there."""

    def for_workspace(self, workspace: Any) -> Self:
        return self.filter(workspace=workspace)


class Stored(models.Model):
    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-created_at", "id"]


class WorkspaceOwned(Stored):
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")

    objects = WorkspaceQuerySet.as_manager()

    class Meta(Stored.Meta):
        abstract = True
