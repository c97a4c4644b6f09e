"""`workspace_created(workspace)`: sent inside the transaction, so that its prices and budget appear with it."""

from django.dispatch import Signal

workspace_created = Signal()
