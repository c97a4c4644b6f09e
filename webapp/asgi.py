"""The web process: Django, with `/e/…` handed to the serving process before Django sees it."""

import gc
import os
from typing import cast

import django
from django.core.asgi import get_asgi_application

from webapp.core.private import keep_private

keep_private()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
django.setup(set_prefix=False)

from webapp.core.assets import collect  # noqa: E402  settings are ready only now

collect()
django_application = get_asgi_application()

from django.conf import settings  # noqa: E402

from trainer import reporting  # noqa: E402
from webapp.accounts.senders import known  # noqa: E402
from webapp.core.bodies import Application, BodyLimit  # noqa: E402
from webapp.endpoints.proxy import ServingProxy  # noqa: E402

reporting.start("web", settings.SENTRY_DSN)
application = ServingProxy(
    BodyLimit(cast(Application, django_application), known), settings.SERVING_URL, settings.MAQUETTE_INTERNAL_TOKEN
)

# What was loaded stays for good; looking through it for garbage would hold up one request in a few.
gc.collect()
gc.freeze()
