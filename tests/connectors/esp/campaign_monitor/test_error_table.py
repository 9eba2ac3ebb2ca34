"""The table of errors is what happens: every line that has a status, with every verb it speaks of."""

import io
from typing import Any

import pytest
from django.core.management import call_command

from connectors.esp.campaign_monitor import CampaignMonitor
from connectors.esp.contract import ABSENT, TAKEN, Contact, Outcome, Status
from connectors.esp.errors import ConnectorError, Consequence
from connectors.esp.rules import ANY, ONCE, WIRE_RULES, Row

from .conftest import Esp
from .test_errors import VERBS

TABLE = CampaignMonitor.error_table()
ANSWERED = [row for row in TABLE if row.status_code]
ONE_PERSON = "upsert, one person"


def named(row: Row) -> str:
    return f"{row.status}-{row.operation}-{row.code}-{row.consequence.name}"


def verbs_of(row: Row) -> list[str]:
    """The verbs for which no earlier line speaks."""
    earlier = TABLE[: TABLE.index(row)]
    same = [r for r in earlier if (r.code, r.status_code) == (row.code, row.status_code)]
    taken = {name for r in same for name in operations_of(r)}
    return [name for name in operations_of(row) if name not in taken]


def operations_of(row: Row) -> list[str]:
    if row.operation == ANY:
        return list(VERBS)
    if row.operation == ONCE:
        return sorted(CampaignMonitor.spec.once)
    return row.operation.split(", ")


@pytest.mark.parametrize("row", [row for row in ANSWERED if row.kind != "Outcome"], ids=named)
def test_a_line_about_a_call(esp: Esp, row: Row) -> None:
    body = None if row.esp_code is None else {"Code": row.esp_code, "Message": "never looked at"}
    connector, _ = esp(row.status_code, body)
    verbs = verbs_of(row)
    assert verbs
    for verb in verbs:
        with pytest.raises(ConnectorError) as raised:
            VERBS[verb](connector)
        error = raised.value
        assert type(error).__name__ == row.kind, verb
        assert (error.consequence, str(error)) == (row.consequence, row.words), verb


def said(outcome: Any) -> tuple[Status, str]:
    """Of a verb that answers with one outcome, several, or a person."""
    if outcome is None:
        return Status.REFUSED, ABSENT
    one: Outcome = outcome if isinstance(outcome, Outcome) else outcome[0]
    return one.status, one.code


@pytest.mark.parametrize("row", [row for row in ANSWERED if row.kind == "Outcome"], ids=named)
def test_a_line_about_a_person(esp: Esp, row: Row) -> None:
    failed = {"EmailAddress": "ann@example.com", "Code": row.esp_code}
    verbs = ["upsert"] if row.operation == ONE_PERSON or row.esp_code == 210 else verbs_of(row)
    code = 210 if verbs == ["upsert"] else row.esp_code
    result = {} if row.esp_code == 210 else {"FailureDetails": [failed]}
    connector, _ = esp(400, {"Code": code, "ResultData": {"FailureDetails": [], **result}})
    for verb in verbs:
        status, told = said(VERBS[verb](connector))
        if row.consequence is Consequence.PERSON:
            assert (status, told) == (Status.REFUSED, str(row.esp_code))
        elif row.consequence is Consequence.RETRY:
            assert (status, told) == (Status.RETRY, str(row.esp_code))
        else:
            assert row.consequence is Consequence.NONE
            assert status is Status.DONE or told in (ABSENT, TAKEN)


def test_every_code_of_the_catalogue_has_a_line() -> None:
    """Codes as of 2026-08; those of templates' markup (4101 to 4511) share the line of other calls."""
    from connectors.esp.campaign_monitor.errors import PERSON_RULES, RULES

    known = {code for rule in RULES for code in rule.codes} | set(PERSON_RULES)
    catalogue = {
        *(
            1,
            5,
            60,
            100,
            102,
            110,
            120,
            121,
            122,
            125,
            126,
            150,
            152,
            153,
            154,
            157,
            167,
            170,
            *range(172, 179),
        ),
        *(
            201,
            *range(203, 213),
            214,
            215,
            220,
            221,
            *range(250, 258),
            259,
            261,
            271,
            272,
            273,
            275,
            277,
            278,
        ),
        *(
            *range(283, 288),
            *range(302, 306),
            *range(307, 327),
            *range(331, 342),
            355,
            370,
            371,
            *range(373, 377),
        ),
        *(403, 404, 429, 500, 601, 602, 603, 610, *range(701, 705), *range(751, 755), *range(800, 804), 850),
        *(
            904,
            905,
            *range(920, 928),
            932,
            935,
            *range(952, 956),
            957,
            958,
            960,
            970,
            971,
            972,
            974,
            *range(980, 983),
        ),
        *(984, 993, 994, 996, *range(2703, 2707), 2710, *range(2712, 2724), 2750, 2751, *range(2753, 2763)),
        *(3000, 3002, 3003, *range(4001, 4007), 5001, 5002, 5003),
    }
    assert catalogue <= known


def test_the_table_is_long_enough_and_each_line_leads_somewhere() -> None:
    assert len(TABLE) >= 40
    assert {row.consequence for row in TABLE} == set(Consequence)
    assert all(row.words.endswith(".") for row in TABLE)
    assert len({(row.status, row.operation, row.code) for row in TABLE}) == len(TABLE)
    assert all(rule.words.endswith(".") for rule in WIRE_RULES.values())


def test_the_table_is_printed() -> None:
    out = io.StringIO()
    call_command("errors", stdout=out)
    text = out.getvalue()
    assert text.startswith(f"Campaign Monitor: {len(TABLE)} rows")
    assert sum(row.words in text for row in TABLE) == len(TABLE)


@pytest.mark.parametrize("status", [418, 421, 423, 499])
def test_what_nobody_documented_is_tried_again(esp: Esp, status: int) -> None:
    connector, _ = esp(status, {"Code": 98798})
    with pytest.raises(ConnectorError) as raised:
        connector.upsert("l1", [Contact("ann@example.com")])
    assert raised.value.consequence is Consequence.RETRY
