"""What the server's own log says of calls: no person's id, and the request id to find the call by."""

from __future__ import annotations

import logging

from django.http import HttpRequest

from syncapp.api.paths import PREFIXES
from syncapp.api.problems import request_id_of
from syncapp.api.redaction import to_clear_path


class WithoutPeople(logging.Filter):
    """Django writes the whole path of every answer of 400 and above, and a path may hold a contact's id."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and request.path.startswith(PREFIXES):
            record.msg = "%s for %s"
            record.args = (to_clear_path(request), request_id_of(request))
        return True
