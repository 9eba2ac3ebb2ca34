"""XML as plain values and back. A document type, and so every entity, is refused.

An element with children is an object, one without a text, and `xsi:nil="true"` is null; a name that repeats is a
list. Prefixes of namespaces are left out. What is known to be a list (`ITEMS`) is one also with a single item: it is
written as an element with one child per item (`<contacts><contact>…`), and read in that form or as an element that
repeats (`<contacts>…</contacts><contacts>…`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

DEEPEST = 20
MOST_ELEMENTS = 200_000
# What XML 1.0 cannot hold.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ITEMS = {
    "contacts": "contact",
    "externalContactIds": "externalContactId",
    "permissions": "permission",
    "channels": "channel",
    "entries": "entry",
}
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


class NotXml(ValueError):
    """The body is not XML we take; the text says why."""


class Node:
    __slots__ = ("children", "is_nil", "name", "text")

    def __init__(self, name: str, is_nil: bool) -> None:
        self.name, self.is_nil = name, is_nil
        self.children: list[Node] = []
        self.text: list[str] = []

    def to_value(self) -> Any:
        if self.is_nil:
            return None
        if not self.children:
            return "".join(self.text)
        grouped: dict[str, list[Any]] = {}
        for child in self.children:
            grouped.setdefault(child.name, []).append(child.to_value())
        return {name: to_member(name, values) for name, values in grouped.items()}


class Reader:
    """Builds the tree while expat reads."""

    def __init__(self) -> None:
        self.open = [Node("", is_nil=False)]
        self.elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if len(self.open) > DEEPEST or self.elements > MOST_ELEMENTS:
            raise NotXml("The XML is nested too deeply or has too many elements.")
        is_nil = any(
            local(key) == "nil" and value.strip() in ("true", "1") for key, value in attributes.items()
        )
        node = Node(local(name), is_nil)
        self.open[-1].children.append(node)
        self.open.append(node)

    def end(self, name: str) -> None:
        self.open.pop()

    def text(self, data: str) -> None:
        self.open[-1].text.append(data)

    def refuse_doctype(self, *_: object) -> None:
        raise NotXml("A document type (DOCTYPE) is not taken.")


def to_member(name: str, values: list[Any]) -> Any:
    if name in ITEMS:
        return to_list(name, values)
    return values[0] if len(values) == 1 else values


def to_list(name: str, values: list[Any]) -> list[Any] | None:
    """The items of a list, from the values of the elements with its name; null stays null."""
    if values == [None]:
        return None
    items: list[Any] = []
    for value in values:
        if isinstance(value, dict) and value.keys() == {ITEMS[name]}:
            inner = value[ITEMS[name]]
            items.extend(inner if isinstance(inner, list) else [inner])
        elif not is_blank(value):
            items.append(value)
    return items


def is_blank(value: Any) -> bool:
    """What is between the tags of an empty list, however it is laid out."""
    return isinstance(value, str) and value.strip() == ""


def local(name: str) -> str:
    return name.rpartition(":")[2]


def read(body: bytes) -> tuple[str, Any]:
    """(name of the root element, its value). Raises NotXml."""
    reader, parser = Reader(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    parser.EntityDeclHandler = reader.refuse_doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise NotXml(f"The body is not valid XML: {error}.") from error
    except (LookupError, ValueError) as error:
        if isinstance(error, NotXml):
            raise
        raise NotXml("The encoding of the XML is not known.") from error
    root = reader.open[0].children[0]
    value = root.to_value()
    return root.name, to_list(root.name, [value]) if root.name in ITEMS else value


def write(root: str, value: Any) -> bytes:
    """Null members are left out."""
    return (DECLARATION + element(root, value)).encode()


def element(name: str, value: Any) -> str:
    return f"<{name}>{content(name, value)}</{name}>"


def content(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(element(key, child) for key, child in value.items() if child is not None)
    if isinstance(value, (list, tuple)):
        return "".join(element(ITEMS.get(name, "item"), child) for child in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else escape(NOT_XML.sub("\ufffd", str(value)))
