"""What may be kept of a request and its answer: no secret, no whole address, and not too much of it.

Errs on the side of taking away: a long hexadecimal string is taken for a key. Ids of 32 digits stay.
"""

import base64
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

HIDDEN = "***"
KEPT_CHARS = 2000
_LOOKED_AT_CHARS = 3000

_TELLTALE_NAME = (
    r"(?:api[ _-]?key|apisecret|access[_-]?key|secret|private[_-]?key|signing[_-]?key|encryption[_-]?key"
    r"|passw(?:or)?d|passphrase|pwd|token|authori[sz]ation|x-auth[\w-]*|credential|session[_-]?(?:id|url|key)"
    r"|signature|cookie|one[_-]?time[_-]?code)"
)
_QUOTE = r"\\*[\"']"


class _Shape(NamedTuple):
    """A shape of secret, looked for only in text that holds one of ``signs`` (in lower case) at all."""

    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str


_NAME_SIGNS = (
    *("api", "secret", "access", "private", "signing", "encryption", "passw", "passphrase", "pwd", "token"),
    *("authori", "x-auth", "credential", "session", "signature", "cookie", "onetime", "one_time", "one-time"),
)
_KEY_SIGNS = (
    *("sk_", "pk_", "rk_", "whsec_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat", "glrt"),
    *(
        "xox",
        "akia",
        "asia",
        "aiza",
        "ya29.",
        "sg.",
        "key-",
        "xkeysib-",
        "-us",
        "shp",
        "npm_",
        "pypi-",
        "hf_",
    ),
    *("doo_", "dop_", "dor_"),
)

_SHAPES = (
    _Shape(
        ("-----begin",),
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*-----|\Z)"),
        HIDDEN,
    ),
    # Authorization schemes, in a header or quoted in a message.
    _Shape(
        ("basic", "bearer", "digest", "negotiate", "token", "apikey"),
        re.compile(r"\b(basic|bearer|digest|negotiate|token|apikey)\s+[\w+/=.~:-]{8,}", re.IGNORECASE),
        rf"\1 {HIDDEN}",
    ),
    # <ApiKey>…</ApiKey>
    _Shape(
        ("<",),
        re.compile(rf"(<\w{{0,40}}?{_TELLTALE_NAME}\w*(?:\s[^>]*)?>)[^<]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    # "ApiKey": "…", also when the closing quote was cut off, and when the JSON is itself inside a string.
    _Shape(
        _NAME_SIGNS,
        re.compile(
            rf"({_TELLTALE_NAME}[\w.-]{{0,40}}{_QUOTE}\s*[:=]\s*(?:\[\s*)?)({_QUOTE})"
            r"(?:(?!\2)(?:[^\\]|\\.))*(?:\2|\Z)",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}\2",
    ),
    # api_key=…, X-Api-Key: …, "pwd": 12345
    _Shape(
        _NAME_SIGNS,
        re.compile(
            rf"({_TELLTALE_NAME}[\w.-]{{0,40}}(?:{_QUOTE})?\s*[:=]\s*)(?:{_QUOTE})?(?!\*)"
            r"[^\s,;&<>{}\[\]\"'\\]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    _Shape(("://",), re.compile(r"://[^/\s@\"'<>]+@"), f"://{HIDDEN}@"),
    _Shape(("eyj",), re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"), HIDDEN),
    # Well-known keys: Stripe, GitHub, GitLab, Slack, AWS, Google, SendGrid, Mailgun, Brevo, Mailchimp,
    # Shopify, npm, PyPI, Hugging Face, DigitalOcean.
    _Shape(
        _KEY_SIGNS,
        re.compile(
            r"\b(?:(?:sk|pk|rk|whsec)_(?:(?:live|test)_)?\w{8,}|gh[pousr]_\w{20,}|github_pat_\w{20,}"
            r"|gl(?:pat|rt)-[\w-]{15,}|xox[abeprs]-[\w-]{8,}|(?:AKIA|ASIA)[0-9A-Z]{12,}|AIza[\w-]{30,}"
            r"|ya29\.[\w-]{10,}|SG\.[\w-]{10,}\.[\w-]{10,}|key-[0-9a-f]{32}|xkeysib-[\w-]{20,}"
            r"|[0-9a-f]{32}-us\d{1,2}|shp(?:at|ca|pa|ss)_\w{20,}|npm_\w{20,}|pypi-[\w-]{20,}|hf_\w{20,}"
            r"|do[opr]_v1_\w{20,})"
        ),
        HIDDEN,
    ),
)
_LONG_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{40,}(?![0-9A-Za-z])")

_ADDRESS_CHAR = r"[^\s\"'<>@,;:()\[\]=&/\\?]"
_ADDRESS = re.compile(rf"({_ADDRESS_CHAR}){_ADDRESS_CHAR}{{0,63}}?(@|%40|\\u0040)({_ADDRESS_CHAR}+)")
_CUT_WORD = re.compile(r"[^\s\",;&<>]{0,400}\Z")


def mask_addresses(text: str) -> str:
    """john@example.nl → j***@example.nl, also where the @ is written %40 or \\u0040."""
    if "@" not in text and "%40" not in text and "\\u0040" not in text:
        return text
    return _ADDRESS.sub(rf"\1{HIDDEN}\2\3", text)


class Redactor:
    """Takes given secrets, everything that looks like one, and addresses out of text.

    ``secrets`` are the live ones: they go in every spelling we send them in (plain, percent-encoded, Basic).
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = sorted({s for secret in secrets for s in _spellings(secret)}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, spellings))) if spellings else None

    def without_known(self, text: str) -> str:
        """Only the live secrets are taken out: for staff who may see the rest."""
        return text if self._known is None else self._known.sub(HIDDEN, text)

    def text(self, text: str) -> str:
        text = self.without_known(text)
        lowered = text.lower()
        for signs, pattern, replacement in _SHAPES:
            if any(sign in lowered for sign in signs):
                text = pattern.sub(replacement, text)
        return mask_addresses(_LONG_HEX.sub(HIDDEN, text))

    def body(self, body: bytes) -> str:
        """The first `KEPT_CHARS` of a body. What a cut may have split in two is dropped, not half shown."""
        text = body[: _LOOKED_AT_CHARS * 4].decode("utf-8", "replace").lstrip("\ufeff")
        is_cut = len(text) > _LOOKED_AT_CHARS
        if is_cut:
            text = _CUT_WORD.sub("", text[:_LOOKED_AT_CHARS])
        text = self.text(text).replace("\x00", "\ufffd")  # PostgreSQL's text holds no NUL
        if is_cut or len(text) > KEPT_CHARS:
            return f"{text[:KEPT_CHARS]}… ({len(body)} bytes)"
        return text


def _spellings(secret: str) -> set[str]:
    """Secrets under 4 characters are left: taking "x" out of everything would hide nothing and spoil all."""
    if len(secret) < 4:
        return set()
    pairs = (f"{secret}:x", f"{secret}:")
    return {secret, quote(secret, safe=""), *(base64.b64encode(p.encode()).decode() for p in pairs)}
