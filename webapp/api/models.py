"""What the API remembers on its own: answers given under an Idempotency-Key."""

from django.db import models

from webapp.core.models import WorkspaceOwned


class IdempotentAnswer(WorkspaceOwned):
    """The answer to one POST; the same key on the same path gets it again for a day, whatever the body."""

    key = models.CharField(max_length=200)
    path = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0, help_text="0 while the first request is still at work")
    body = models.JSONField(null=True)

    class Meta(WorkspaceOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace", "key", "path"], name="one_answer_each")]

    def __str__(self) -> str:
        return f"{self.path} {self.key}"
