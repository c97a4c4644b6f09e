"""`budget_changes(workspace_id)`: sent before a workspace's budget is set anew, while the old one still counts.
`budget_changed(workspace_id)`: sent after the commit when a workspace's money ran out, or when its budget was set anew."""

from django.dispatch import Signal

budget_changes = Signal()
budget_changed = Signal()
