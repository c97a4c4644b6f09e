"""What of prototypes counts for a workspace's limits (`webapp.core.limits`)."""

from webapp.accounts.limits import counts
from webapp.accounts.models import Workspace
from webapp.prototypes.models import Prototype


@counts("prototypes")
def prototypes(workspace: Workspace) -> int:
    return Prototype.objects.for_workspace(workspace).count()
