"""What workers do. They import this module alone, so it sets Django up itself."""

import os

import django
from django.apps import apps

from rq_agent import task

if not apps.ready:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    django.setup()


@task(queue="services", retries=5, retry_delay=2.0, timeout=30)
def send_mail(to: str, subject: str) -> str:
    from django.core.mail import send_mail as send

    send(subject, "Thank you.", "shop@example.org", [to])
    return f"sent to {to}"
