"""One form for each e-mail address, so that addresses compare with plain `=`.

What becomes of an address, in this order:
- spaces at the ends (also the Unicode ones) and invisible characters anywhere go: they come from pasting;
- Unicode form NFC, then lower case, the local part too: no provider of note keeps cases apart, people never do;
- the domain becomes its A-label (IDNA 2008 after the UTS 46 mapping), so `info@Bücher.example` and
  `info@xn--bcher-kva.example` are one; a trailing dot goes;
- dots and plus-addresses stay: whether `jan+shop@` is `jan@` is for the provider to know.

Refused: no or several `@`, quoted local parts and comments, domains of one label, address literals like
`[192.0.2.1]`, a numeric top-level domain, control characters, a local part over 64 octets, an address over 254.
Local parts beyond ASCII (SMTPUTF8) are kept: they are real addresses. Whether an ESP takes one is its connector's
matter, and becomes that person's outcome there.
"""

from __future__ import annotations

import re
import unicodedata

import idna

ADDRESS_OCTETS = 254  # RFC 5321, 4.5.3.1.3 less the brackets
LOCAL_PART_OCTETS = 64
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
PLAIN = re.compile(rf"{ATOM}(?:\.{ATOM})*@(?:{LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])").fullmatch
ASCII_DOMAIN = re.compile(rf"(?:{LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])").fullmatch
INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
ASCII_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]*").fullmatch


class InvalidAddress(ValueError):
    """An address nobody can mail. `code` is stable, the text is for people and does not repeat the address."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def normalise(address: str) -> str:
    """The one form of an address. Raises InvalidAddress."""
    plain = address.strip().lower() if address.isascii() else ""
    if PLAIN(plain) and "xn--" not in plain and len(plain) <= LOCAL_PART_OCTETS:
        return plain
    return _normalise_carefully(address)


def _normalise_carefully(address: str) -> str:
    tidy = unicodedata.normalize("NFC", INVISIBLE.sub("", address).strip())
    tidy = unicodedata.normalize("NFC", tidy.lower())
    if tidy == "":
        raise InvalidAddress("empty", "The e-mail address is empty.")
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Cn", "Co"} for letter in tidy):
        raise InvalidAddress("bad_character", "The e-mail address holds a control or unassigned character.")
    if tidy.count("@") != 1:
        raise InvalidAddress("no_single_at", "An e-mail address has exactly one @.")
    local_part, domain = tidy.split("@")
    _check_local_part(local_part)
    whole = f"{local_part}@{_to_a_label(domain)}"
    if len(whole.encode()) > ADDRESS_OCTETS:
        raise InvalidAddress("too_long", f"The e-mail address is longer than {ADDRESS_OCTETS} octets.")
    return whole


def _check_local_part(local_part: str) -> None:
    if local_part == "":
        raise InvalidAddress("bad_local_part", "There is nothing before the @.")
    if len(local_part.encode()) > LOCAL_PART_OCTETS:
        raise InvalidAddress("too_long", f"The part before the @ is longer than {LOCAL_PART_OCTETS} octets.")
    if '"' in local_part:
        raise InvalidAddress("quoted", "Quoted addresses are not supported.")
    if local_part.startswith(".") or local_part.endswith(".") or ".." in local_part:
        raise InvalidAddress("bad_local_part", "Before the @, a dot stands at an end or next to another dot.")
    ascii_only = "".join(letter for letter in local_part if letter.isascii())
    if not ASCII_ATOM(ascii_only) or any(unicodedata.category(letter)[0] == "Z" for letter in local_part):
        raise InvalidAddress(
            "bad_local_part", "Before the @ stands a space or sign that addresses do not have."
        )


def _to_a_label(domain: str) -> str:
    domain = domain.removesuffix(".")
    if not domain.isascii() or "xn--" in domain:
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii").removesuffix(".")
        except (idna.IDNAError, UnicodeError):
            raise InvalidAddress("bad_domain", "What stands after the @ is not a domain name.") from None
    if not ASCII_DOMAIN(domain):
        raise InvalidAddress("bad_domain", "What stands after the @ is not a domain name.")
    return domain
