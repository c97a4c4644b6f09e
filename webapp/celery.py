"""The Celery application. Which queue a run waits in is `webapp.runs.queues`."""

import os

from celery import Celery
from celery.signals import beat_init, celeryd_init

from webapp.core.private import keep_private

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("webapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def prepare(**_kwargs: object) -> None:
    keep_private()
    from django.conf import settings

    from trainer import reporting

    reporting.start("worker", settings.SENTRY_DSN)


celeryd_init.connect(prepare)
beat_init.connect(prepare)
