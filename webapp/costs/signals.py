"""`budget_changed(workspace)`: sent after the commit when a workspace's money ran out, or when its budget was set anew."""

from django.dispatch import Signal

budget_changed = Signal()
