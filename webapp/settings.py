"""Settings, all from the environment or `.env`. The table for people is docs/settings.md; a test holds the two together."""

import secrets
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from webapp.core import limits
from webapp.core.environment import Environment
from webapp.core.hosts import LOOPBACK, is_loopback
from webapp.core.oidc import provider_apps, providers
from webapp.core.prices import fixed_prices
from webapp.core.private import kept_secret, private_folder
from webapp.host.redis_server import embedded_url

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
env.read_env(BASE_DIR / ".env")

MAQUETTE_DATA = Path(env.str("MAQUETTE_DATA", default=str(BASE_DIR / "var"))).resolve()
private_folder(MAQUETTE_DATA)


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret(MAQUETTE_DATA / "secret_key", secrets.token_urlsafe(48))
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{env.int('PORT', default=8000)}").rstrip("/")
ONLY_HERE = is_loopback(PUBLIC_URL)
"""Nobody but this machine is told of the site. Otherwise its own name is the only one, and accounts are made by invitation."""
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=list(LOOPBACK) if ONLY_HERE else [environ.urlparse(PUBLIC_URL).hostname]
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
HTTPS = PUBLIC_URL.startswith("https://")

REDIS_URL = env.str("REDIS_URL", default="") or embedded_url(MAQUETTE_DATA / "redis")
CACHES = {
    "default": {
        "BACKEND": "webapp.core.cache.SharedCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "maquette:cache",
        "OPTIONS": {
            "serializer": "webapp.core.cache.JsonSerializer",
            "socket_timeout": 2,
            "socket_connect_timeout": 1,
        },
    }
}
SERVING_URL = env.str("SERVING_URL", default=f"http://127.0.0.1:{env.int('SERVING_PORT', default=8001)}")
MAQUETTE_INTERNAL_TOKEN = env.str("MAQUETTE_INTERNAL_TOKEN", default="") or kept_secret(
    MAQUETTE_DATA / "internal_token", secrets.token_urlsafe(48)
)
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_MB", default=512) * 1024 * 1024
SOURCE_FOLDERS = [folder for folder in env.list("SOURCE_FOLDERS", default=[]) if folder.strip()]
"""Folders of this machine that every workspace may read data from."""
if not all(folder.startswith("/") for folder in SOURCE_FOLDERS):
    raise ImproperlyConfigured("SOURCE_FOLDERS are whole paths, separated by commas: /srv/exports,/mnt/shared.")
JUDGE_HOSTS = [host.strip().lower() for host in env.list("JUDGE_HOSTS", default=[]) if host.strip()]
"""Hosts with ports (host:port) that may be asked to judge answers though they are private or without HTTPS."""
if not all(host.rpartition(":")[0] and host.rpartition(":")[2].isdigit() for host in JUDGE_HOSTS):
    raise ImproperlyConfigured("JUDGE_HOSTS are hosts with ports, separated by commas: localhost:11434,10.0.0.5:8000.")
MAQUETTE_QUOTA_BYTES = env.int("MAQUETTE_QUOTA_BYTES", default=20 * 1024**3)
LIMITS = limits.read(env)
"""{name: the most} that a workspace may have and do, None for unlimited (webapp/core/limits.py)."""
RATES = fixed_prices(env.str("RATES", default=""))
"""{cpu, gpu or endpoint: the price of an hour} that no workspace can change; without any each sets its own."""
SENTRY_DSN = env.str("SENTRY_DSN", default="")
STORAGE_URL = env.str("STORAGE_URL", default="")
if STORAGE_URL and not STORAGE_URL.startswith("s3://"):
    raise ImproperlyConfigured(
        "STORAGE_URL must look like s3://bucket/prefix; without it artifacts stay in MAQUETTE_DATA."
    )
MAQUETTE_SANDBOX = env.str("MAQUETTE_SANDBOX", default="auto").strip().lower()
MAQUETTE_TRAINER_UID = int(env.str("MAQUETTE_TRAINER_UID", default="").strip() or 0)
"""How the processes that read strangers' files are confined: auto, require, off, or a mode of `sandbox.modes` by its name."""
HF_TOKEN = env.str("HF_TOKEN", default="")
HF_TOKEN_MODELS = env.list("HF_TOKEN_MODELS", default=[])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "allauth.mfa",
    "allauth.socialaccount",
    *provider_apps(env.str("OIDC_ISSUER", default="")),
    "django_htmx",
    "csp",
    "webapp.core",
    "webapp.answers",
    "webapp.accounts",
    "webapp.costs",
    "webapp.catalog",
    "webapp.datasets",
    "webapp.prototypes",
    "webapp.labelling",
    "webapp.runs",
    "webapp.endpoints",
    "webapp.pages",
    "webapp.api",
    "webapp.host",
]

MIDDLEWARE = [
    "webapp.core.middleware.PlainAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "webapp.core.compression.compression",
    "csp.middleware.CSPMiddleware",
    "webapp.core.middleware.answer_headers",
    "webapp.core.middleware.early_release",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "webapp.core.rate_limit.CountingLocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webapp.accounts.security_middleware.security_log",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "webapp.accounts.middleware.WorkspaceMiddleware",
    "webapp.accounts.sessions.SessionMiddleware",
    "webapp.accounts.middleware.ConfirmMiddleware",
    "webapp.core.middleware.wrong_method",
    "webapp.core.middleware.ProblemMiddleware",
]

ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "webapp.accounts.context.sign_up",
                "webapp.costs.context.spend",
            ],
        },
    }
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{MAQUETTE_DATA / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000; "
        "PRAGMA secure_delete=ON;",
    }
else:
    # One pool a process: under ASGI every request has a thread of its own, so what a thread keeps nobody uses again.
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": 20,
        "timeout": 10,
        "reconnect_timeout": 2,  # then the next request tries anew, rather than waiting out ever longer pauses
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
SIGN_UP = env.str("SIGN_UP", default="").strip().lower() or ("open" if ONLY_HERE else "invited")
"""open: anybody makes an account; invited: `manage.py invite` does; closed, and whatever else stands there: nobody."""
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_ADAPTER = "webapp.accounts.adapter.AccountAdapter"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_FORMS = {
    "signup": "webapp.accounts.signup.SignupForm",
    "change_password": "webapp.accounts.passwords.ChangePasswordForm",
}
MFA_ADAPTER = "webapp.accounts.factors.Adapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1  # half a minute either way, for clocks that are not quite right
MFA_ALLOW_UNVERIFIED_EMAIL = True  # a site without mail verifies none; an invitation with --reset removes factors
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = ONLY_HERE  # http://localhost, which browsers allow too
MFA_FORMS = {
    "authenticate": "webapp.accounts.factor_forms.AuthenticateForm",
    "reauthenticate": "webapp.accounts.factor_forms.ReauthenticateForm",
    "activate_totp": "webapp.accounts.factor_forms.ActivateTOTPForm",
    "add_webauthn": "webapp.accounts.passkey_forms.AddPasskeyForm",
    "authenticate_webauthn": "webapp.accounts.passkey_forms.AuthenticatePasskeyForm",
    "login_webauthn": "webapp.accounts.passkey_forms.LoginPasskeyForm",
}
SOCIALACCOUNT_ADAPTER = "webapp.accounts.oidc.Adapter"
SOCIALACCOUNT_PROVIDERS = providers(
    env.str("OIDC_ISSUER", default=""),
    env.str("OIDC_CLIENT_ID", default=""),
    env.str("OIDC_CLIENT_SECRET", default=""),
    env.str("OIDC_NAME", default="") or "OpenID Connect",
)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"

MAIL_CONFIGURED = bool(env.str("EMAIL_URL", default=""))
"""Without it mails are files that only the operator can read, so nothing is made to wait for one."""
if MAIL_CONFIGURED:
    vars().update(env.email("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = MAQUETTE_DATA / "mail"
# Nobody learns at sign-up who has an account: the mailbox is told, the page says the same.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if MAIL_CONFIGURED else "none"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # in the browser that signed up
EMAIL_TIMEOUT = 10  # seconds: a mail server that hangs holds up no request for longer
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Maquette <maquette@localhost>")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = MAQUETTE_DATA / "static"
"""Collected and packed by the web process when it starts (webapp/core/assets.py)."""
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}
SERVESTATIC_USE_FINDERS = SERVESTATIC_AUTOREFRESH = DEBUG
FILE_UPLOAD_TEMP_DIR = MAQUETTE_DATA / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)
FILE_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

SECURE_SSL_REDIRECT = HTTPS and env.bool("HTTPS_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked on the machine itself, past the proxy
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=False)
# `check --deploy`: that every subdomain is HTTPS, and preloaded, is for the owner of the domain to say, by these two settings.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = round(env.float("SESSION_DAYS", default=14) * 86400)
SESSION_IDLE_SECONDS = env.float("SESSION_IDLE_HOURS", default=168) * 3600
"""So long without a request ends a session; 0: only its age does."""
REAUTHENTICATION_SECONDS = ACCOUNT_REAUTHENTICATION_TIMEOUT = round(
    env.float("REAUTHENTICATION_MINUTES", default=15) * 60
)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "webapp.pages.errors.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Longer than any run: a message that comes back early would only be refused by the claim, but needlessly.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 7 * 24 * 3600,
    "socket_timeout": None,
    "socket_keepalive": True,
}
CELERY_BEAT_SCHEDULE_FILENAME = str(MAQUETTE_DATA / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep-runs": {"task": "webapp.runs.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "publish-endpoints": {"task": "webapp.endpoints.tasks.publish_all", "schedule": 60.0, "options": {"expires": 60}},
    "heal-endpoints": {"task": "webapp.endpoints.tasks.heal", "schedule": 5.0, "options": {"expires": 5}},
    "drain-usage": {"task": "webapp.endpoints.tasks.drain_usage", "schedule": 10.0, "options": {"expires": 10}},
    "charge-hosting": {"task": "webapp.endpoints.tasks.charge_hosting", "schedule": 60.0, "options": {"expires": 60}},
    "sweep-endpoints": {"task": "webapp.endpoints.tasks.sweep", "schedule": 3600.0, "options": {"expires": 3600}},
    "tidy-runs": {"task": "webapp.runs.tasks.tidy", "schedule": 600.0, "options": {"expires": 600}},
    "store-artifacts": {"task": "webapp.runs.tasks.store", "schedule": 60.0, "options": {"expires": 60}},
    "sweep-accounts": {"task": "webapp.accounts.tasks.sweep", "schedule": 86400.0, "options": {"expires": 3600}},
    "sweep-answers": {"task": "webapp.api.tasks.sweep", "schedule": 3600.0, "options": {"expires": 3600}},
    "sweep-prototypes": {"task": "webapp.prototypes.tasks.sweep", "schedule": 3600.0, "options": {"expires": 3600}},
    "retain": {"task": "webapp.pages.tasks.retain", "schedule": 3600.0, "options": {"expires": 3600}},
    "sweep-labelling": {"task": "webapp.labelling.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "gather-labels": {"task": "webapp.labelling.tasks.gather", "schedule": 600.0, "options": {"expires": 600}},
    "sweep-datasets": {"task": "webapp.datasets.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
}

# A worker renews its lease on a run at every heartbeat; a run whose lease ran out goes back to the queue.
RUN_HEARTBEAT_SECONDS = env.float("RUN_HEARTBEAT_SECONDS", default=5.0)
RUN_LEASE_SECONDS = env.float("RUN_LEASE_SECONDS", default=30.0)
RUN_MAX_ATTEMPTS = 3
RUN_RESUME_DAYS = env.float("RUN_RESUME_DAYS", default=7.0)
# Days; 0: for good. Workspaces may choose their own.
DATASET_RETENTION_DAYS = env.int("DATASET_RETENTION_DAYS", default=0)
FEEDBACK_RETENTION_DAYS = env.int("FEEDBACK_RETENTION_DAYS", default=0)
MAX_WORKSPACES = env.int("MAX_WORKSPACES", default=5)

SECURITY_LOG = env.str("SECURITY_LOG", default="file").strip().lower()
"""Where the lines of the security log go: file, stderr, or off. Its page and command need none."""
if SECURITY_LOG not in ("file", "stderr", "off"):
    raise ImproperlyConfigured("SECURITY_LOG is file, stderr or off.")
SECURITY_LOG_DAYS = env.int("SECURITY_LOG_DAYS", default=180)
"""How long events are kept; 0: for good."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "webapp.core.logs.RedactingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            "datefmt": "%H:%M:%S",
        }
    },
    "filters": {
        "only_faults": {"()": "webapp.core.logs.OnlyFaults"},
        "no_upgrades": {"()": "webapp.core.logs.NoUpgrades"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "webapp": {"level": env.str("LOG_LEVEL", default="INFO"), "handlers": ["console"], "propagate": False},
        "django.request": {"filters": ["only_faults"]},
        "django.security.DisallowedHost": {"filters": ["only_faults"]},
        "uvicorn.error": {"filters": ["no_upgrades"]},
    },
}
