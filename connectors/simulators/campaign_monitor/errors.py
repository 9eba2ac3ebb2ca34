"""Campaign Monitor's error envelope and the codes the simulator uses. Source: the v3.3 error table."""

from __future__ import annotations

from typing import Any

MESSAGES = {
    1: "Invalid Email Address",
    5: "Invalid Date",
    100: "Invalid API Key",
    101: "Invalid ListID",
    102: "Invalid ClientID",
    120: "Invalid OAuth Token",
    121: "Expired OAuth Token",
    122: "Revoked OAuth Token",
    176: "Email address not in suppression list",
    201: "Already subscribed",
    203: "Subscriber Not In List",
    204: "In Suppression List",
    205: "Is Deleted",
    206: "Is Unsubscribed",
    207: "Is Bounced",
    208: "Is Unconfirmed",
    209: "Too many subscribers in this batch. You can only add 1000 subscribers in one call",
    210: "Subscriber Import had some failures",
    211: "Invalid New Email Address",
    212: "No subscribers were provided in this batch",
    214: "Please provide a consent to track value",
    215: "Please provide a valid consent to track value",
    220: "Invalid mobile number",
    250: "Duplicate list title",
    251: "List Title Empty",
    253: "Invalid Key. Keys must be surrounded with [ ]",
    254: "Invalid Field Name",
    255: "The Field Name already exists in this list",
    256: "Options defined for Text or Number Field",
    257: "No options defined for Multi-Valued field",
    259: "Data type is incorrect",
    260: "Too many custom fields",
    261: "Invalid List Unsubscribe Setting",
    400: "Failed to deserialize your request.\r\nPlease check the documentation and try again.",
    403: "Not allowed for a Non-agency Customer.",
    404: "We couldn't find the resource you're looking for. Please check the documentation and try again",
    413: "Request entity too large",
    429: "Rate limit exceeded",
    500: "Sorry, we've run into a problem",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
    601: "Invalid Webhook URL",
    602: "Invalid Webhook Format",
    603: "Invalid Webhook Event",
    610: "The webhook request has failed",
    699: "Webhook does not exist",
    800: "Invalid page number",
    801: "Invalid page size",
    802: "Invalid order field",
    803: "Invalid order direction",
    810: "Invalid custom field value",
}

STATUSES = {100: 401, 102: 401, 120: 401, 121: 401, 122: 401, 403: 403, 404: 404, 429: 429, 500: 500}


class Refused(Exception):
    """The request ends in {"Code", "Message"[, "ResultData"]}; HTTP 400 unless the code says otherwise."""

    def __init__(
        self, code: int, *, message: str | None = None, status: int | None = None, result: Any = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = status or STATUSES.get(code, 400)
        self.message = message or message_of(code)
        self.result = result

    def envelope(self) -> dict[str, Any]:
        body: dict[str, Any] = {} if self.result is None else {"ResultData": self.result}
        return body | {"Code": self.code, "Message": self.message}


def message_of(code: int) -> str:
    return MESSAGES.get(code, "Error")


def unreadable(model: str) -> Refused:
    """The body cannot be bound: wrong types or malformed JSON. Nothing was applied."""
    return Refused(400, message=f"{MESSAGES[400]}\r\nFields in error: {model}")
