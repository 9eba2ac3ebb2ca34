"""Which items of one call are about one person, as far as the call alone can tell."""

from __future__ import annotations

from audiences.ingest.refusals import Refused

SAME_CALL = "Another item of this call gives it to another person."


class Persons:
    """Numbers persons by the first item about them, and refuses items that contradict earlier ones.

    What only stored data tell (that an id and an address name one person) the database joins.
    """

    def __init__(self) -> None:
        self._by_external_id: dict[str, int] = {}
        self._by_email: dict[str, int] = {}
        self._by_id: dict[str, int] = {}
        self._without_external_id: set[int] = set()
        self._without_email: set[int] = set()

    def number(self, n: int, kind: str, identity: str, external_id: str | None, email: str | None) -> int:
        """The number of the first item about this person; n when this is the first."""
        by_external_id = None if external_id is None else self._by_external_id.get(external_id)
        by_email = None if email is None else self._by_email.get(email)
        if by_external_id is None and by_email is None and kind != "id":
            person = n
        else:
            person = self._known(n, kind, identity, by_external_id, by_email)
            if external_id is not None and by_external_id is None and kind == "email":
                self._refuse_second(person, self._without_external_id)
        self._note(person, n, external_id, email)
        return person

    def _known(
        self, n: int, kind: str, identity: str, by_external_id: int | None, by_email: int | None
    ) -> int:
        if kind == "id":
            person = self._by_id.setdefault(identity, n)
            if by_external_id not in (None, person):
                raise Refused("external_id_taken", SAME_CALL, "/contact/external_id")
            if by_email not in (None, person):
                raise Refused("email_taken", SAME_CALL, "/contact/email")
            return person
        first, other = (by_external_id, by_email) if kind == "external_id" else (by_email, by_external_id)
        if first is not None:
            if other not in (None, first):
                raise _contradiction(kind)
            return first
        assert other is not None  # noqa: S101  one of the two is known
        lacking = self._without_external_id if kind == "external_id" else self._without_email
        if other not in lacking:
            raise _contradiction(kind)
        return other

    def _refuse_second(self, person: int, lacking: set[int]) -> None:
        """A person named by address gets an external id: only when no other item gave one."""
        if person not in lacking:
            raise _contradiction("email")

    def _note(self, person: int, n: int, external_id: str | None, email: str | None) -> None:
        if external_id is not None:
            self._by_external_id[external_id] = person
            self._without_external_id.discard(person)
        elif person == n:
            self._without_external_id.add(n)
        if email is not None:
            self._by_email[email] = person
            self._without_email.discard(person)
        elif person == n:
            self._without_email.add(n)


def _contradiction(kind: str) -> Refused:
    if kind == "external_id":
        return Refused("email_taken", SAME_CALL, "/contact/email")
    return Refused(
        "ambiguous_identifier", "The e-mail address and the external id name two people of this call."
    )
