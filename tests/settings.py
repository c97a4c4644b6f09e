"""The site's own settings over a temporary folder, made for one test session and removed after it."""

import atexit
import os
import shutil
import tempfile

if "MAQUETTE_TEST_DATA" not in os.environ:
    os.environ["MAQUETTE_TEST_DATA"] = tempfile.mkdtemp(prefix="maquette-test-")
    atexit.register(shutil.rmtree, os.environ["MAQUETTE_TEST_DATA"], ignore_errors=True)
# Each of pytest-xdist's processes has a folder of its own.
os.environ["MAQUETTE_DATA"] = os.path.join(
    os.environ["MAQUETTE_TEST_DATA"], os.environ.get("PYTEST_XDIST_WORKER", "main")
)
os.makedirs(os.environ["MAQUETTE_DATA"], exist_ok=True)
for name in (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "PUBLIC_URL",
    "ALLOWED_HOSTS",
    "EMAIL_URL",
    "SIGN_UP",
    "STORAGE_URL",
    "SENTRY_DSN",
    "OIDC_ISSUER",
):
    os.environ.pop(name, None)
if "MAQUETTE_TEST_DATABASE_URL" in os.environ:  # tests/postgres.py
    os.environ["DATABASE_URL"] = os.environ["MAQUETTE_TEST_DATABASE_URL"]

from webapp.core.oidc import provider_apps  # noqa: E402
from webapp.settings import *  # noqa: E402, F403

INSTALLED_APPS += provider_apps("https://provider.test")  # noqa: F405  which tests configure one by one
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}  # noqa: F405
SERVESTATIC_USE_FINDERS = True
SERVES_FILES = "servestatic.middleware.ServeStaticMiddleware"
# It looks through all files for each client that a test makes, three times as long as a page takes; `with_files` puts it back.
MIDDLEWARE = [name for name in MIDDLEWARE if name != SERVES_FILES]  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
REDIS_URL = "redis://127.0.0.1:1/0"
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {"max_retries": 0, "socket_connect_timeout": 0.2}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file as in use: threads that share a database in memory meet locks that wait for nobody.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(os.environ["MAQUETTE_DATA"], "test.sqlite3")}  # noqa: F405
