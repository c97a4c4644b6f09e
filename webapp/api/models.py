"""What the API remembers on its own: answers given under an Idempotency-Key."""

from datetime import timedelta
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from webapp.core.models import WorkspaceOwned, WorkspaceQuerySet

KEPT = timedelta(days=1)


class AnswerQuerySet(WorkspaceQuerySet["IdempotentAnswer"]):
    def outdated(self) -> Self:
        return self.filter(created_at__lt=timezone.now() - KEPT)


class IdempotentAnswer(WorkspaceOwned):
    """The answer to one POST, less what is shown once; the same key on the same path gets it again for a day."""

    key = models.CharField(max_length=200)
    path = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0, help_text="0 while the first request is still at work")
    body = models.JSONField(null=True)

    objects: ClassVar = AnswerQuerySet.as_manager()

    class Meta(WorkspaceOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace", "key", "path"], name="one_answer_each")]

    @classmethod
    def delete_about(cls, workspace_id: str, ids: list[str]) -> None:
        """Answers that tell of what was deleted."""
        answers = cls.objects.filter(workspace_id=workspace_id).values_list("pk", "path", "body")
        matching = [
            pk for pk, path, body in answers.iterator() if any(subject_id in f"{path} {body}" for subject_id in ids)
        ]
        cls.objects.filter(pk__in=matching).delete()

    def __str__(self) -> str:
        return f"{self.path} {self.key}"
