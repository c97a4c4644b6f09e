"""`workspace_created(workspace)`: sent inside the transaction, so that its prices and budget appear with it.
`erased(workspace_id, ids)`: sent inside the transaction that deletes these objects, for whatever names them and stays."""

from django.dispatch import Signal

workspace_created = Signal()
erased = Signal()
