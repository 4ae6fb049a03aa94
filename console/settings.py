"""All settings, read from the environment; docs/configuration.md lists every name.

The defaults are those of a production server. ``manage.py up`` starts what no variable
names (PostgreSQL, Valkey, a local model) and leaves their addresses in ``var/run.json``.
"""

from __future__ import annotations

from pathlib import Path

import environ
from celery.schedules import crontab
from csp.constants import NONCE, NONE, SELF
from kombu.entity import Queue

from console.lib import env, runstate

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))
# Of turns that wait on disk for a store that is away.
SPOOL_LIMIT_MB = env.integer("SPOOL_LIMIT_MB", 1000)
_running = runstate.read(VAR_DIR)

DEBUG = env.flag("DEBUG", default=False)
LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000)
SITE_URL = env.text("SITE_URL") or _running.get("SITE_URL", f"http://{HOST}:{PORT}")
SECRET_KEY = env.text("SECRET_KEY") or runstate.secret_key(VAR_DIR)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

DATABASE_URL = env.text("DATABASE_URL") or _running.get("DATABASE_URL", "")
REDIS_URL = env.text("REDIS_URL") or _running.get("REDIS_URL", "")
LOCAL_MODEL_URL = env.text("LOCAL_MODEL_URL") or _running.get("LOCAL_MODEL_URL", "")
LOCAL_MODEL_KEY = env.text("LOCAL_MODEL_KEY") or _running.get("LOCAL_MODEL_KEY", "")
# Addresses that outbound requests may reach although they are private: host, host:port or CIDR.
OUTBOUND_ALLOW = env.words("OUTBOUND_ALLOW")
# Variables that a connection may name as its key: so that a page cannot read any other.
KEY_VARIABLES = env.words("KEY_VARIABLES", ("*_API_KEY", "*_API_TOKEN"))

# Variables that an alert channel may name: what signs a webhook, a Slack address, a routing key.
ALERT_VARIABLES = env.words(
    "ALERT_VARIABLES", ("ALERT_*", "*_WEBHOOK_URL", "*_WEBHOOK_SECRET", "*_ROUTING_KEY")
)
PAGERDUTY_URL = env.text("PAGERDUTY_URL", "https://events.pagerduty.com")
# The mail server of alerts; without a host none is sent.
EMAIL_HOST = env.text("SMTP_HOST")
SMTP_TLS = env.text("SMTP_TLS", "starttls").lower()
EMAIL_USE_SSL, EMAIL_USE_TLS = SMTP_TLS == "tls", SMTP_TLS == "starttls"
EMAIL_PORT = env.integer("SMTP_PORT", 465 if EMAIL_USE_SSL else 587)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = env.text("SMTP_USER"), env.text("SMTP_PASSWORD")
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", "Misfire <misfire@localhost>")
EMAIL_TIMEOUT = 20

# Whole command lines of MCP servers that an import may start on this machine; none by default.
MCP_COMMANDS = env.words("MCP_COMMANDS")

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "csp",
    "django_htmx",
    "console.accounts",
    "tools_registry",
    "conversations",
    "analytics",
    "console",
]
MIDDLEWARE = [
    "console.telemetry.trace_requests",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "console.urls"
ASGI_APPLICATION = "console.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "console.lib.templates.Templates",
        "NAME": "django",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.shell.context",
            ],
        },
    }
]

# Without a URL, the first use of the database says how to get one.
_database = environ.Env.db_url_config(DATABASE_URL or "postgres://localhost/unset")
DATABASES = {
    "default": _database
    | {
        # The one dialect: a URL of another is named by the check console.E003.
        "ENGINE": "django.db.backends.postgresql" if DATABASE_URL else "console.no_database",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": _database.get("OPTIONS", {})
        | {
            # Seconds until a database that does not answer counts as away.
            # An hour's rollups are computed by three connections side by side.
            "pool": {
                "min_size": 1,
                "max_size": env.integer("DATABASE_POOL", 20, least=4),
                "timeout": 10,
            }
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL or "redis://127.0.0.1:1/0",
    }
}

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "console:home"
LOGOUT_REDIRECT_URL = "accounts:sign-in"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# Cookies are secure whenever the site is reached by https; plain http serves loopback only.
SECURE_COOKIES = env.flag("SECURE_COOKIES", default=SITE_URL.startswith("https://"))
SESSION_COOKIE_NAME = "misfire_session"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_FAILURE_VIEW = "console.pages.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 31_536_000 if SECURE_COOKIES else 0)
if env.flag("TRUST_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024

# What one API key may send, in KiB of body a second on average; 0 is without a limit.
INGEST_KIB_PER_SECOND = env.integer("INGEST_KIB_PER_SECOND", 32 * 1024)

CELERY_BROKER_URL = REDIS_URL or "redis://127.0.0.1:1/0"
# Alerts have a queue of their own, which a worker takes that nothing long can hold up; whoever
# names no queue takes both.
CELERY_TASK_QUEUES = [Queue(name) for name in ("celery", "alerts")]  # type: ignore[no-untyped-call]
CELERY_TASK_ROUTES = {
    f"analytics.{name}": {"queue": "alerts"}
    for name in ("evaluate_alerts", "send_delivery", "send_deliveries", "tell_incidents")
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_TIME_LIMIT = 600
# A killed worker's task comes back after the longest task and a minute, looked for every 5 s.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 60 + CELERY_TASK_TIME_LIMIT,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
CELERY_BEAT_SCHEDULE = {
    "close-interrupted-runs": {"task": "conversations.close_interrupted_runs", "schedule": 10.0},
    "store-spooled": {
        "task": "conversations.store_spooled",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "resume-backtests": {
        "task": "conversations.resume_backtests",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "resume-replays": {
        "task": "conversations.resume_replays",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "settle-traces": {"task": "conversations.settle_traces", "schedule": 5.0},
    "judge-waiting": {
        "task": "conversations.judge_waiting",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "join-incidents": {
        "task": "conversations.join_incidents",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "reopen-incidents": {
        "task": "conversations.reopen_incidents",
        "schedule": 120.0,
        "options": {"expires": 120},
    },
    "apply-retention": {
        "task": "conversations.apply_retention",
        "schedule": crontab(hour=3, minute=17),
    },
    "evaluate-alerts": {
        "task": "analytics.evaluate_alerts",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "send-deliveries": {
        "task": "analytics.send_deliveries",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "tell-incidents": {
        "task": "analytics.tell_incidents",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "drop-deliveries": {
        "task": "analytics.drop_deliveries",
        "schedule": crontab(hour=3, minute=47),
    },
    "resume-repricings": {
        "task": "analytics.resume_repricings",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "drop-imports": {"task": "tools_registry.drop_imports", "schedule": 3600.0},
    "catch-up-rollups": {
        "task": "analytics.catch_up",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "compute-months": {
        "task": "analytics.compute_months",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "tidy-rollups": {"task": "analytics.tidy", "schedule": 3600.0},
    "make-partitions": {"task": "conversations.make_partitions", "schedule": 6 * 3600.0},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        # A process that is not ready yet says so in the answer; it is no error of ours.
        "not_readiness": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: not record.getMessage().endswith("/readyz"),
        }
    },
    "formatters": {
        "line": {
            "()": "console.lib.log.KeylessFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "django.request": {"filters": ["not_readiness"]},
        "daphne": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
    },
}
