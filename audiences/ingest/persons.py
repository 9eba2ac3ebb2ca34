"""Which items of one call are about one person, as far as the call alone can tell."""

from __future__ import annotations


class Persons:
    """Numbers persons by the first item about them.

    An item with an external id and an address joins what earlier items said of either, unless they name two
    people by then; `clash` says that this happened. The numbers matter for people nobody knows yet only: what
    stored data tell, and who may have a contested address, the database decides.
    """

    def __init__(self) -> None:
        self._by_external_id: dict[str, int] = {}
        self._by_email: dict[str, int] = {}
        self._by_id: dict[str, int] = {}
        self._by_sha256: dict[str, int] = {}
        self._joined: dict[int, int] = {}
        self._without_external_id: set[int] = set()
        self._without_email: set[int] = set()
        self._with_id: set[int] = set()
        self._with_sha256: set[int] = set()
        self.clash = False

    @property
    def joined(self) -> bool:
        """Whether numbers given out before have changed since."""
        return len(self._joined) > 0

    def number(self, n: int, kind: str, identity: str, external_id: str | None, email: str | None) -> int:
        """The number of the first item about this person; n when this is the first."""
        by_external_id = None if external_id is None else self._by_external_id.get(external_id)
        by_email = None if email is None else self._by_email.get(email)
        if kind in ("id", "email_sha256") or by_external_id is not None or by_email is not None:
            return self._join(n, kind, identity, external_id, email)
        if external_id is None:
            self._without_external_id.add(n)
        else:
            self._by_external_id[external_id] = n
        if email is None:
            self._without_email.add(n)
        else:
            self._by_email[email] = n
        return n

    def last_number(self, person: int) -> int:
        """What a number given out before stands for at the end."""
        while person in self._joined:
            person = self._joined[person]
        return person

    def _join(self, n: int, kind: str, identity: str, external_id: str | None, email: str | None) -> int:
        person = self._named(n, kind, identity)
        if external_id is not None:
            person = self._give(person, self._by_external_id, external_id, self._without_external_id)
        if email is not None:
            person = self._give(person, self._by_email, email, self._without_email)
        return person

    def _named(self, n: int, kind: str, identity: str) -> int:
        """The person of the item's own identifier, new when it is the first with it."""
        known = {
            "id": self._by_id,
            "external_id": self._by_external_id,
            "email": self._by_email,
            "email_sha256": self._by_sha256,
        }[kind]
        if identity in known:
            return self.last_number(known[identity])
        known[identity] = n
        if kind == "id":
            self._with_id.add(n)
        if kind == "email_sha256":
            self._with_sha256.add(n)
        if kind != "external_id":
            self._without_external_id.add(n)
        if kind != "email":
            self._without_email.add(n)
        return n

    def _give(self, person: int, known: dict[str, int], value: str, lacking: set[int]) -> int:
        """The person has this identifier too; whoever had it so far is the same one where that can be."""
        holder = self.last_number(known.setdefault(value, person))
        if holder == person:
            lacking.discard(person)
            return person
        if self._can_be_one(person, holder):
            return self._unite(person, holder)
        self.clash = True
        return person

    def _can_be_one(self, one: int, other: int) -> bool:
        two_ids = one in self._with_id and other in self._with_id
        two_hashes = one in self._with_sha256 and other in self._with_sha256
        two_external_ids = one not in self._without_external_id and other not in self._without_external_id
        two_addresses = one not in self._without_email and other not in self._without_email
        return not (two_ids or two_hashes or two_external_ids or two_addresses)

    def _unite(self, one: int, other: int) -> int:
        first, second = min(one, other), max(one, other)
        self._joined[second] = first
        for lacking in (self._without_external_id, self._without_email):
            if second not in lacking:
                lacking.discard(first)
        for having in (self._with_id, self._with_sha256):
            if second in having:
                having.add(first)
        return first
