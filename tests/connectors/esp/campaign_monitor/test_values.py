"""What a value becomes in a field of each type, and which are left out because they would vanish."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.esp.campaign_monitor.rows import FieldWriter, Pair
from connectors.esp.campaign_monitor.values import FIRST_DATE, LAST_DATE
from connectors.esp.contract import FieldType, RemoteField, Value

FIELDS = [
    RemoteField("[website]", "website", FieldType.TEXT),
    RemoteField("[age]", "age", FieldType.NUMBER),
    RemoteField("[subscriptiondate]", "subscription date", FieldType.DATE),
    RemoteField("[Colour]", "Colour", FieldType.ONE_OF, ("Red", "Deep Blue", "No")),
    RemoteField("[Interests]", "Interests", FieldType.MANY_OF, ("Magic", "Walks", "Chess")),
    RemoteField("[Country]", "Country", FieldType.ONE_OF, (), "Country"),
    RemoteField("[]", "€", FieldType.TEXT, writable=False),
]


def written(key: str, value: Value, **how: bool) -> list[str | None]:
    """The values sent; [None] when the field is cleared."""
    pairs, _ = FieldWriter(FIELDS, **how).pairs({key: value})
    assert len({pair.Key for pair in pairs}) <= 1
    for pair in pairs:
        if pair.Clear:
            assert pair == Pair(pair.Key, "", True)
    return [None if pair.Clear else pair.Value for pair in pairs]


def left_out(key: str, value: Value) -> str:
    pairs, left = FieldWriter(FIELDS).pairs({key: value})
    assert pairs == []
    (only,) = left
    assert only.key == key
    return only.code


@pytest.mark.parametrize("key", ["[website]", "[age]", "[subscriptiondate]", "[Colour]", "[Interests]"])
@pytest.mark.parametrize("value", [None, "", [], (), [""], [None]])
def test_a_blank_clears(key: str, value: Value) -> None:
    assert written(key, value) == [None]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("[website]", 0, ["0"]),
        ("[website]", False, ["false"]),
        ("[website]", True, ["true"]),
        ("[website]", 1.5, ["1.5"]),
        ("[website]", Decimal("1.50"), ["1.50"]),
        ("[website]", date(2026, 1, 2), ["2026-01-02"]),
        ("[website]", datetime(2026, 1, 2, 3, 4, tzinfo=UTC), ["2026-01-02T03:04:00+00:00"]),
        ("[website]", ["a", "b"], ["a, b"]),
        ("[website]", "x" * 250, ["x" * 250]),
        ("[website]", "ü" * 250, ["ü" * 250]),
        ("[website]", "👍 <b>&\"'", ["👍 <b>&\"'"]),
        ("[age]", 0, ["0"]),
        ("[age]", -7, ["-7"]),
        ("[age]", False, ["0"]),
        ("[age]", True, ["1"]),
        ("[age]", "24", ["24"]),
        ("[age]", " 24.50 ", ["24.50"]),
        ("[age]", 0.1, ["0.1"]),
        ("[age]", 1e22, ["1" + "0" * 22]),
        ("[age]", 1e-7, ["0.0000001"]),
        ("[age]", Decimal("1E+3"), ["1000"]),
        ("[subscriptiondate]", date(2026, 8, 1), ["2026/08/01"]),
        ("[subscriptiondate]", "2026-08-01", ["2026/08/01"]),
        ("[subscriptiondate]", "2026/08/01", ["2026/08/01"]),
        ("[subscriptiondate]", "2026-08-01T23:30:00+02:00", ["2026/08/01"]),
        (
            "[subscriptiondate]",
            datetime(2026, 8, 1, 23, 30, tzinfo=timezone(timedelta(hours=2))),
            ["2026/08/01"],
        ),
        ("[subscriptiondate]", FIRST_DATE, ["1900/01/01"]),
        ("[subscriptiondate]", LAST_DATE, ["2076/06/06"]),
        ("[Colour]", "Red", ["Red"]),
        ("[Colour]", " deep BLUE", ["Deep Blue"]),
        ("[Colour]", ["Red"], ["Red"]),
        ("[Colour]", False, ["No"]),
        ("[Interests]", "Magic", ["Magic"]),
        ("[Interests]", ["walks", "Magic", "Walks"], ["Walks", "Magic"]),
        ("[Country]", "Netherlands", ["Netherlands"]),
    ],
)
def test_what_is_sent(key: str, value: Value, expected: list[str]) -> None:
    assert written(key, value) == expected


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("[website]", "x" * 251, "too_long"),
        ("[website]", "a\x00b", "not_text"),
        pytest.param("[website]", "half \ud83d", "not_text", id="half a character"),
        ("[age]", "old", "not_a_number"),
        ("[age]", "1.234,50", "not_a_number"),
        ("[age]", float("nan"), "not_a_number"),
        ("[age]", float("inf"), "not_a_number"),
        ("[age]", Decimal("sNaN"), "not_a_number"),
        ("[age]", "1E+999999", "too_long"),
        ("[age]", Decimal("1E-999999"), "too_long"),
        pytest.param("[age]", 10**5000, "too_long", id="huge number"),
        pytest.param("[website]", 10**5000, "too_long", id="huge number as text"),
        ("[age]", [1], "not_a_number"),
        ("[age]", date(2026, 1, 1), "not_a_number"),
        ("[subscriptiondate]", "01/08/2026", "not_a_date"),
        ("[subscriptiondate]", "2026-02-30", "not_a_date"),
        ("[subscriptiondate]", "0000-00-00", "not_a_date"),
        ("[subscriptiondate]", 20260801, "not_a_date"),
        ("[subscriptiondate]", FIRST_DATE - timedelta(days=1), "date_out_of_range"),
        ("[subscriptiondate]", LAST_DATE + timedelta(days=1), "date_out_of_range"),
        ("[Colour]", "Green", "unknown_option"),
        ("[Colour]", True, "unknown_option"),
        ("[Colour]", ["Red", "No"], "one_option_only"),
        ("[Interests]", ["Golf"], "unknown_option"),
        ("[Country]", "x" * 251, "unknown_option"),
        ("[Websites]", "x", "unknown_field"),
        ("[]", "x", "unwritable_field"),
    ],
)
def test_what_is_left_out_and_why(key: str, value: Value, code: str) -> None:
    assert left_out(key, value) == code


def test_known_options_go_and_unknown_ones_are_named() -> None:
    pairs, left = FieldWriter(FIELDS).pairs({"[Interests]": ["Magic", "Golf"]})
    assert [pair.Value for pair in pairs] == ["Magic"]
    assert [(item.key, item.code) for item in left] == [("[Interests]", "unknown_option")]


def test_long_text_is_cut_when_the_connection_says_so() -> None:
    assert written("[website]", "x" * 300, cut_long_text=True) == ["x" * 250]


@pytest.mark.parametrize(
    "key",
    [
        "[subscriptiondate]",
        "subscriptiondate",
        "subscription date",
        "SubscriptionDate",
        "[subscription date]",
    ],
)
@pytest.mark.parametrize(("bracketed", "sent"), [(False, "subscriptiondate"), (True, "[subscriptiondate]")])
def test_keys_of_any_form_find_their_field(key: str, bracketed: bool, sent: str) -> None:
    pairs, left = FieldWriter(FIELDS, bracketed=bracketed).pairs({key: date(2026, 8, 1)})
    assert (pairs, left) == ([Pair(sent, "2026/08/01")], ())


def test_without_definitions_the_values_own_type_decides() -> None:
    values: dict[str, Value] = {"[a b]": "x", "many": ["p", "q"], "zero": 0, "none": None}
    pairs, left = FieldWriter(None).pairs(values)
    assert pairs == [
        Pair("ab", "x"),
        Pair("many", "p"),
        Pair("many", "q"),
        Pair("zero", "0"),
        Pair("none", "", True),
    ]
    assert left == ()


ANY_VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(alphabet=st.characters(), max_size=300),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(UTC)),
    st.lists(st.text(max_size=20) | st.sampled_from(["Magic", "Walks"]), max_size=4),
)


@given(st.sampled_from(FIELDS), ANY_VALUE)
def test_any_value_is_sent_rightly_or_reported(field: RemoteField, value: Value) -> None:
    """Never an exception, never silence; what goes is text that JSON can carry and the field can hold."""
    pairs, left = FieldWriter(FIELDS).pairs({field.key: value})
    assert pairs or left
    for pair in pairs:
        text = pair.Value
        assert len(text.encode()) <= 4 * 250
        assert len(text) <= 250
        assert (text == "") == pair.Clear or field.type is FieldType.TEXT
        if not pair.Clear:
            if field.type is FieldType.NUMBER:
                assert Decimal(text).is_finite()
                assert "E" not in text
            if field.options:
                assert text in field.options


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40))
def test_numbers_keep_their_value(number: Decimal) -> None:
    texts = written("[age]", number)
    assert texts == [] or Decimal(texts[0] or "") == number


@given(st.dates(FIRST_DATE, LAST_DATE))
def test_dates_survive_the_way_there_and_back(day: date) -> None:
    (text,) = written("[subscriptiondate]", day)
    assert text is not None
    assert written("[subscriptiondate]", text) == [text]
    assert date.fromisoformat(text.replace("/", "-")) == day
