"""Django's settings. What differs between machines comes from the environment (README, "Settings")."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from syncapp import environment
from syncapp.admin.shell import UNFOLD as UNFOLD
from syncapp.database.configuration import databases

BASE_DIR = Path(__file__).resolve().parent.parent
SYNCAPP_HOME = environment.home()

DEBUG = environment.flag("SYNCAPP_DEBUG", default=False)
SECRET_KEY = environment.text("SYNCAPP_SECRET_KEY") or environment.kept_secret("secret_key", 48)
SECRET_KEYS = environment.text("SYNCAPP_KEYS") or "local:" + environment.kept_secret("encryption_key")
ADDRESS_KEY = environment.text("SYNCAPP_ADDRESS_KEY") or environment.kept_secret("address_key")
ALLOWED_HOSTS = environment.words("SYNCAPP_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = environment.words("SYNCAPP_TRUSTED_ORIGINS")
SITE_NAME = "Syncapp"

INSTALLED_APPS = [
    "syncapp.database",
    "syncapp.accounts",
    "syncapp.audit",
    "syncapp.work",
    "syncapp.notices",
    "syncapp.api",
    "syncapp.admin",
    "syncapp.demo",
    "audiences",
    "connectors",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "syncapp.admin.apps.SiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "pgtrigger",
    "pghistory",
    "rest_framework",
    "drf_spectacular",
    "syncapp.work.apps.QueueConfig",
]

MIDDLEWARE = [
    "syncapp.api.calls.CallMiddleware",
    "syncapp.api.middleware.ApiMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "syncapp.admin.headers.SecurityHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "syncapp.accounts.middleware.ScopeMiddleware",
    "syncapp.audit.middleware.WhoAndWhereMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "syncapp.urls"
WSGI_APPLICATION = "syncapp.wsgi.application"

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
                "syncapp.admin.context.shell",
            ],
        },
    },
]

DATABASES: dict[str, Any] = databases()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES: dict[str, str] = {}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "syncapp.accounts.adapter.ClosedAdapter"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_TOTP_ISSUER = SITE_NAME
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]

HTTPS = environment.flag("SYNCAPP_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 12 * 60 * 60

# Where this site is reached: links in e-mails and webhooks begin with it.
SITE_URL = environment.text("SYNCAPP_URL", "http://localhost:8000").rstrip("/")

EMAIL_BACKEND = environment.text("SYNCAPP_EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = environment.text("SYNCAPP_EMAIL_HOST", "localhost")
EMAIL_PORT = environment.number("SYNCAPP_EMAIL_PORT", 25, least=1)
EMAIL_HOST_USER = environment.text("SYNCAPP_EMAIL_USER")
EMAIL_HOST_PASSWORD = environment.text("SYNCAPP_EMAIL_PASSWORD")
EMAIL_USE_TLS = environment.flag("SYNCAPP_EMAIL_TLS", default=False)  # STARTTLS
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = environment.text("SYNCAPP_EMAIL_FROM", f"{SITE_NAME} <syncapp@localhost>")

# Requests to addresses that clients typed in (syncapp.egress): what they may reach besides the public internet,
# and what they may not although it is public, as this site's own load balancer.
EGRESS_LOOPBACK = environment.flag("SYNCAPP_EGRESS_LOOPBACK", default=False)
EGRESS_DENIED = environment.networks("SYNCAPP_EGRESS_DENIED")

LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = ["syncapp.formats"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = environment.text("SYNCAPP_STATIC_ROOT") or None  # for `collectstatic` and a server in front
WHITENOISE_USE_FINDERS = True  # served from the packages as they are: no collected copy that could be stale

# Unique regardless of case by a constraint on lower(email); auth.W004 only sees unique=True.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

REDIS_URL = environment.text("REDIS_URL")

WORK_PROCESSES = environment.number("SYNCAPP_WORKERS", 2, least=1)
WORK_SLICE_S = environment.number("SYNCAPP_SLICE_S", 45, least=1)  # a handler's time before it must come back
WORK_LEASE_S = environment.number("SYNCAPP_LEASE_S", 30, least=1)  # after which a dead worker's work is free
PLAN_MEMORY_MB = environment.number(
    "SYNCAPP_PLAN_MEMORY_MB", 256, least=4
)  # of PostgreSQL, per plan of everybody
WORK_RETRY_S = environment.number("SYNCAPP_RETRY_S", 30, least=1)  # the first wait after a failure
WORK_HANG_S = environment.number("SYNCAPP_HANG_S", 10, least=1)  # due work left lying: a hang
WORK_GRACE_S = 10  # beyond the slice, before a stop gets rough

# django-q2 carries tokens only; retries, leases and schedules are our own (syncapp/work). `retry` has to
# exceed timeout × (2 + (queue_limit + bulk) / workers): its lock runs from the moment a message is fetched.
Q_CLUSTER: dict[str, Any] = {
    "name": "syncapp",
    "orm": "default",
    "broker_class": f"syncapp.work.brokers.{'RedisBroker' if REDIS_URL else 'DatabaseBroker'}",
    "redis": REDIS_URL,
    "workers": WORK_PROCESSES,
    "queue_limit": WORK_PROCESSES,
    "bulk": 1,
    "poll": 0.1,
    "timeout": 300,
    "retry": 1800,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,  # a token's success says nothing; not storing it is half as fast again
    "recycle": 500,
    "max_rss": 600_000,
    "scheduler": False,
    "guard_cycle": 0.5,
    "log_level": "WARNING",
}

# Where ESPs are reached instead of at their own hosts: a simulator, a proxy. key=URL, comma separated.
ESP_BASE_URLS = environment.pairs("SYNCAPP_ESP_URLS")

API_REQUESTS_PER_MINUTE = environment.number("SYNCAPP_API_REQUESTS_PER_MINUTE", 600, least=1)
API_MEMBER_OPERATIONS_PER_MINUTE = environment.number(
    "SYNCAPP_API_MEMBER_OPERATIONS_PER_MINUTE", 600_000, least=1
)
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"without_people": {"()": "syncapp.api.logs.WithoutPeople"}},
    "loggers": {"django.request": {"filters": ["without_people"]}},
}

API_CALLS_DAYS = environment.number(
    "SYNCAPP_API_CALLS_DAYS", 7, least=1
)  # how long the log of calls goes back
# Proxies in front of this site, whose X-Forwarded-For is believed when a key is limited to networks.
TRUSTED_PROXIES = environment.networks("SYNCAPP_TRUSTED_PROXIES")
# Whoever opens the documentation gets the key in this file. A demo sets it; nobody else must.
API_DEMO_KEY_FILE = environment.text("SYNCAPP_API_DEMO_KEY_FILE")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["syncapp.api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["syncapp.api.authentication.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["syncapp.api.parsers.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["syncapp.api.renderers.JsonRenderer"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "syncapp.api.exceptions.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": f"{SITE_NAME} API",
    "DESCRIPTION": "Keep audiences up to date from your own systems. To read and try out: /api/docs/.",
    "VERSION": "1.1.0",
    "SERVERS": [{"url": "/", "description": "This installation"}],
    "EXTERNAL_DOCS": {"url": "/api/docs/", "description": "Explanations, and every operation to try out"},
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "PREPROCESSING_HOOKS": ["syncapp.api.schema.leave_doors_out"],
    "POSTPROCESSING_HOOKS": ["syncapp.api.schema.add_components"],
}
