"""`version_read(version)`: sent once it is stored how reading a version ended, by the worker that read it."""

from django.dispatch import Signal

version_read = Signal()
