"""Just enough. Where tasks go is said as for the command line: RQ_AGENT_REDIS_URL, a context."""

import os
from pathlib import Path

SECRET_KEY = os.environ.get("SECRET_KEY", "for the example only")
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["shop"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SHOP_DATABASE", str(Path(__file__).parents[1] / "db.sqlite3")),
    }
}
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"  # goes to the task's log
