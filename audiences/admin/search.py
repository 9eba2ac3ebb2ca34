"""Finding people by address, external id or identifying property: whole, or its beginning, by index."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from audiences.addresses import InvalidAddress, normalise
from audiences.models import Identifier, Profile, Property

MOST_FOUND = 500


def by_term(rows: QuerySet[Profile], term: str) -> QuerySet[Profile]:
    """People whose address, external id or value of an identifying property is the term or begins with it."""
    wanted = term.strip()
    if wanted == "":
        return rows
    found = is_or_begins("email", as_address(wanted)) | is_or_begins("external_id", wanted)
    named = named_by(wanted)
    return rows.filter(found | Q(pk__in=named) if named else found)


def named_by(term: str) -> list[int]:
    """People in scope with an identifier like this. Ids, no subquery: an OR with one uses no index."""
    properties = list(Property.objects.filter(identifier=True).order_by().values_list("pk", flat=True))
    if not properties:
        return []
    rows = Identifier.objects.filter(is_or_begins("value", term), property__in=properties)
    return list(rows.values_list("profile_id", flat=True)[:MOST_FOUND])


def as_address(term: str) -> str:
    """As addresses are stored; a mere beginning is only made lower-case."""
    try:
        return normalise(term)
    except InvalidAddress:
        return term.lower()


def is_or_begins(field: str, term: str) -> Q:
    """Under row-level security LIKE never uses an index; a range does. LIKE then checks what the range found."""
    found = Q(**{field: term})
    first, end = bounds(term)
    if first == "":
        return found
    within: dict[str, Any] = {f"{field}__gte": first, f"{field}__startswith": term}
    if end:
        within[f"{field}__lt"] = end
    return found | Q(**within)


def bounds(term: str) -> tuple[str, str]:
    """A range that holds every text beginning with the term, in the C order and in those of languages.

    Language orders ignore punctuation at first: bounds end in a letter or digit. An end of "" means: no end.
    """
    first = term
    while first and not is_plain(first[-1]):
        first = first[:-1]
    stem = first
    while stem and (stem[-1] in "zZ" or not is_plain(stem[-1])):
        stem = stem[:-1]
    if stem == "":
        return first, ""
    following = "a" if stem[-1] == "9" else chr(ord(stem[-1]) + 1)
    return first, stem[:-1] + following


def is_plain(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()
