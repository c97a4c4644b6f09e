"""What every stored object has."""

from typing import Any, ClassVar, Self, TypeVar

from django.db import models

from webapp.core.ids import new_id

Row = TypeVar("Row", bound=models.Model)


class WorkspaceQuerySet(models.QuerySet[Row]):
    """Every list of a workspace's objects starts with `for_workspace`: an outsider's object is simply not there."""

    def for_workspace(self, workspace: object) -> Self:
        return self.filter(workspace=workspace)


class Stored(models.Model):
    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-created_at", "id"]


def next_number(rows: models.QuerySet[Any], field: str = "number") -> int:
    """One more than the greatest that rows have, from 1; whoever asks holds a lock under which no other row is made."""
    return int(rows.aggregate(last=models.Max(field))["last"] or 0) + 1


class Removal(models.Model):
    """Files that are to be removed (`webapp.core.removals`): whatever their rows say, there are none any more, or not yet."""

    path = models.CharField(max_length=200, help_text="of a folder below MAQUETTE_DATA and STORAGE_URL")
    in_bucket = models.BooleanField(default=False, help_text="whether STORAGE_URL may still hold them")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return self.path


class WorkspaceOwned(Stored):
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")

    objects: ClassVar = WorkspaceQuerySet.as_manager()

    class Meta(Stored.Meta):
        abstract = True
