"""Handing work to Celery without depending on it: the database is the truth, a message only makes things quick."""

import logging
from typing import Any

log = logging.getLogger(__name__)


def hand_over(task: Any, *arguments: Any, **options: Any) -> bool:
    """Send one message, trying once; False when the broker is away, which a sweeper makes good later."""
    try:
        task.apply_async(arguments, retry=False, **options)
    except Exception as error:  # kombu raises its transport's own errors
        log.warning("%s was not sent: %s", task.name, error)
        return False
    return True
