"""The table of codes, row by row, each through a real HTTP answer."""

import pytest

from connectors.esp.campaign_monitor.errors import ELSEWHERE, PERSON_RULES, RULES, Then, rule_for
from connectors.esp.contract import Contact, FieldType, State, Status
from connectors.esp.errors import (
    ActBy,
    Ambiguous,
    BadCredentials,
    Conflict,
    ConnectorError,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    ServerFailed,
    Unexpected,
    Unknown,
)

from .conftest import Esp

VERBS = {
    "check_credentials": lambda cm: cm.check_credentials(),
    "clients": lambda cm: cm.clients(),
    "client": lambda cm: cm.client("c1"),
    "lists": lambda cm: cm.lists("c1"),
    "list_details": lambda cm: cm.list_details("l1"),
    "fields": lambda cm: cm.fields("l1"),
    "create_field": lambda cm: cm.create_field("l1", "City", FieldType.TEXT),
    "upsert": lambda cm: cm.upsert("l1", [Contact("ann@example.com")]),
    "unsubscribe": lambda cm: cm.unsubscribe("l1", ["ann@example.com"]),
    "remove": lambda cm: cm.remove("l1", ["ann@example.com"]),
    "subscriber": lambda cm: cm.subscriber("l1", "ann@example.com"),
    "rename": lambda cm: cm.rename("l1", "ann@example.com", "anna@example.com"),
    "read_list": lambda cm: cm.read_list("l1", State.ACTIVE),
    "suppressions": lambda cm: cm.suppressions("c1"),
}
ALL = tuple(VERBS)

# (HTTP status, code, verbs, error)
ROWS: list[tuple[int, int, tuple[str, ...], type[ConnectorError]]] = [
    *((401, code, ALL, BadCredentials) for code in (50, 100, 103, 105, 120, 121, 122, 123, 124)),
    *((401, code, ALL, NotFound) for code in (101, 102)),
    *((400, code, ALL, NotFound) for code in (101, 102)),
    *((401, code, ALL, Forbidden) for code in (51, 60, 106, 111, 666, 700)),
    (403, 403, ALL, Forbidden),
    (404, 404, ALL, Unexpected),
    (400, 400, tuple(v for v in ALL if v not in ("unsubscribe", "remove", "rename")), Unexpected),
    (400, 5003, ALL, Unknown),  # of another part of the API
    *((400, code, ALL, Unexpected) for code in (5, 800, 801, 802, 803)),
    (429, 429, ALL, RateLimited),
    (400, 108, ALL, RateLimited),
    *((400, code, tuple(v for v in ALL if v != "create_field"), ServerFailed) for code in (278, 287, 900)),
    *((code, code, tuple(v for v in ALL if v != "create_field"), ServerFailed) for code in (500, 504)),
    *((code, code, ("create_field",), Ambiguous) for code in (500, 504)),
    (400, 209, ("upsert",), Refused),
    (400, 212, ("upsert",), Unexpected),
    *((400, code, ("upsert",), Unexpected) for code in (1, 213, 214, 215, 220, 221, 222)),
    (400, 255, ("create_field",), Conflict),
    *((400, code, ("create_field",), Refused) for code in (253, 254, 256, 257, 258, 259, 260, 263, 264, 267)),
    (400, 98798, ALL, Unknown),  # custom_api_error.json: a code nobody documented
    (401, 98798, ALL, BadCredentials),  # then the status decides
]


def named(row: tuple[int, int, tuple[str, ...], type[ConnectorError]]) -> str:
    return f"{row[0]}-{row[1]}-{row[3].__name__}"


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_what_a_code_means(esp: Esp, row: tuple[int, int, tuple[str, ...], type[ConnectorError]]) -> None:
    status, code, verbs, kind = row
    connector, _ = esp(status, {"Code": code, "Message": "ann@example.com is none of ours"})
    for verb in verbs:
        with pytest.raises(ConnectorError) as raised:
            VERBS[verb](connector)
        error = raised.value
        assert type(error) is kind, verb
        assert (error.operation, error.status, error.code) == (verb, status, str(code))
        assert "@" not in str(error)
        assert str(error)[-1] == "."


def test_every_rule_is_tested() -> None:
    tested = {code for _, code, _, _ in ROWS}
    known = {code for rule in RULES if not isinstance(rule.then, Then) for code in rule.codes}
    assert tested >= known - set(ELSEWHERE)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, "expired_oauth_token_api_error", BadCredentials),
        (400, "custom_api_error", Unknown),
        (500, "sample_server_error", ServerFailed),
        (400, {"Message": "no code"}, Unknown),
        (400, {"Code": "210"}, Unknown),
        (400, {"Code": True}, Unknown),
        (400, [], Unknown),
        (401, None, BadCredentials),
        (404, None, NotFound),
        (503, None, ServerFailed),
    ],
)
def test_bodies_of_errors(esp: Esp, status: int, body: object, kind: type[ConnectorError]) -> None:
    connector, _ = esp(status, body)
    with pytest.raises(kind):
        connector.lists("c1")


def test_who_must_act() -> None:
    assert BadCredentials.act_by is Forbidden.act_by is NotFound.act_by is ActBy.ACCOUNT
    assert RateLimited.act_by is ServerFailed.act_by is Ambiguous.act_by is ActBy.WE_RETRY
    assert Unexpected.act_by is ActBy.OPERATOR
    assert all(who.words.endswith(".") for who in ActBy)


def test_the_throttle_names_no_time_so_we_wait_half_a_minute(esp: Esp) -> None:
    connector, _ = esp(429, {"Code": 429})
    with pytest.raises(RateLimited) as raised:
        connector.upsert("l1", [Contact("ann@example.com")])
    assert raised.value.retry_after_s == 30


def test_an_outage_is_nobodys_fault(esp: Esp) -> None:
    """Halving the batches of an ESP that is down would end with everyone refused."""
    connector, _ = esp(500, {"Code": 500})
    with pytest.raises(ServerFailed) as raised:
        connector.upsert("l1", [Contact("ann@example.com")])
    assert not raised.value.may_split


@pytest.mark.parametrize("code", [209, 214, 400])
def test_what_smaller_batches_may_cure_says_so(esp: Esp, code: int) -> None:
    connector, _ = esp(400, {"Code": code})
    with pytest.raises(ConnectorError) as raised:
        connector.upsert("l1", [Contact("ann@example.com")])
    assert raised.value.may_split


@pytest.mark.parametrize(
    ("verb", "code", "then"),
    [
        ("upsert", 210, Then.READ_RESULTS),
        ("unsubscribe", 203, Then.ALREADY_SO),
        ("unsubscribe", 206, Then.ALREADY_SO),
        ("remove", 203, Then.ALREADY_SO),
        ("remove", 205, Then.ALREADY_SO),
        ("rename", 201, Then.TAKEN),
        ("rename", 1, Then.ABSENT),
        ("rename", 203, Then.ABSENT),
        *(("rename", code, Then.ABOUT_PERSON) for code in (204, 205, 206, 207, 208, 211, 213, 214, 215, 222)),
        ("subscriber", 1, Then.ABSENT),
        ("subscriber", 203, Then.ABSENT),
        ("subscriber", 211, Then.ABSENT),
        ("subscriber", 221, Then.ABSENT),
        *(("unsubscribe", code, Then.ABOUT_PERSON) for code in (1, 204, 205, 207, 208, 211, 220, 221)),
        *(("remove", code, Then.ABOUT_PERSON) for code in (1, 204, 206, 207, 208, 211, 220, 221)),
    ],
)
def test_error_statuses_that_are_no_failures(verb: str, code: int, then: Then) -> None:
    rule = rule_for(verb, 400, code)
    assert rule is not None
    assert rule.then is then


PEOPLE: dict[int, tuple[Status, State | None]] = {
    1: (Status.REFUSED, None),
    204: (Status.REFUSED, State.SUPPRESSED),
    205: (Status.REFUSED, State.REMOVED),
    206: (Status.REFUSED, State.UNSUBSCRIBED),
    207: (Status.REFUSED, State.BOUNCED),
    208: (Status.REFUSED, State.UNCONFIRMED),
    211: (Status.REFUSED, None),
    213: (Status.REFUSED, None),
    214: (Status.REFUSED, None),
    215: (Status.REFUSED, None),
    220: (Status.REFUSED, None),
    221: (Status.REFUSED, None),
    222: (Status.REFUSED, None),
    253: (Status.REFUSED, None),
    400: (Status.RETRY, None),
    429: (Status.RETRY, None),
    500: (Status.RETRY, None),
    810: (Status.REFUSED, None),
    98798: (Status.RETRY, None),
}


def test_every_rule_about_a_person_is_tested() -> None:
    assert PERSON_RULES.keys() <= PEOPLE.keys()


@pytest.mark.parametrize("code", PEOPLE)
def test_what_a_code_means_for_one_person_of_a_batch(esp: Esp, code: int) -> None:
    failed = [{"EmailAddress": "Bob@Example.com", "Code": code, "Message": "never looked at"}]
    connector, _ = esp(400, {"Code": 210, "ResultData": {"FailureDetails": failed}})
    done, refused = connector.upsert("l1", [Contact("ann@example.com"), Contact("bob@example.com")])
    assert done.status is Status.DONE
    assert (refused.address, refused.code) == ("bob@example.com", str(code))
    assert (refused.status, refused.state) == PEOPLE[code]
    assert refused.words.endswith(".")
