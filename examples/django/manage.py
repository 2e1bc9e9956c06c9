"""A Django project that hands work to workers.

    pip install django
    rq-agent up
    cd examples/django && python manage.py migrate && python manage.py runserver

    curl -X POST 'localhost:8000/mails?to=ann@example.org'

Each file of this folder travels with the task; requirements.txt says what is installed for it.
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    execute_from_command_line(sys.argv)
