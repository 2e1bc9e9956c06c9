"""A view that submits a task."""

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from rq_agent import SyncClient

from .tasks import send_mail

client = SyncClient()
"""One for the process: it connects when it is first used, so in each forked server process."""


@csrf_exempt
def mails(request: HttpRequest) -> JsonResponse:
    to = request.GET["to"]
    with transaction.atomic():
        # ... what is stored with it; nothing is sent where that is rolled back
        transaction.on_commit(lambda: client.submit(send_mail, to, subject="Your order"))
    return JsonResponse({"to": to}, status=202)
