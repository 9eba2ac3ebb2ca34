"""What a fault makes of the right answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import formatdate

from .exchange import Reply
from .faults import Fault, Kind


@dataclass(slots=True)
class Delivery:
    """How the reply travels: `drip_s` spreads the body, `cut` sends half of it."""

    drip_s: float = 0.0
    cut: bool = False


def retry_after(fault: Fault) -> str | None:
    """The header's value: seconds, an HTTP date `fault.seconds` from now, or no header."""
    if fault.retry_after == "date":
        return formatdate(time.time() + fault.seconds, usegmt=True)
    return None if fault.retry_after is None else str(fault.retry_after)


def spoil(reply: Reply, fault: Fault) -> tuple[Reply, Delivery]:
    """The right answer, spoilt on its way."""
    match fault.kind:
        case Kind.SLOW:
            time.sleep(fault.seconds)
        case Kind.DRIP:
            return reply, Delivery(drip_s=fault.seconds)
        case Kind.TRUNCATED:
            return reply, Delivery(cut=True)
        case Kind.BAD_JSON:
            reply.body = reply.body[: len(reply.body) // 2] + b'{"broken": '
        case Kind.BOM:
            reply.body = b"\xef\xbb\xbf" + reply.body
        case Kind.WRONG_CHARSET:
            reply.body = (reply.body.decode() or "{}").encode("utf-16")
            reply.content_type = "application/json; charset=utf-16"
        case Kind.EMPTIED:
            reply.status, reply.body = 204, b""
        case Kind.WRONG_TYPE:
            reply.content_type = "text/html; charset=utf-8"
    return reply, Delivery()
