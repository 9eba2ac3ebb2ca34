"""How addresses and field keys are compared, whoever wrote them."""

from functools import lru_cache

EMPTY_KEY = ""  # what a name without a letter or digit leaves: "[]"


def normal_address(address: str) -> str:
    """How addresses are compared: the server may trim or change case."""
    return address.strip().lower()


@lru_cache(maxsize=4096)
def plain_key(key: str) -> str:
    """[First Name] → FirstName: the one form in which keys from all places agree, case kept."""
    return "".join(key.strip().strip("[]").split())


@lru_cache(maxsize=4096)
def normal_key(key: str) -> str:
    """How keys are compared."""
    return plain_key(key).casefold()
