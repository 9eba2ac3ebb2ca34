"""The shell's settings for Unfold: names, colours, navigation.

Read by settings, so nothing is imported early.
"""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static

PRIMARY = {
    "50": "oklch(97.5% .014 185)",
    "100": "oklch(94.5% .035 185)",
    "200": "oklch(89.5% .065 185)",
    "300": "oklch(82.5% .095 185)",
    "400": "oklch(73.5% .115 186)",
    "500": "oklch(63.5% .110 188)",
    "600": "oklch(53.0% .095 190)",
    "700": "oklch(45.5% .080 191)",
    "800": "oklch(39.0% .066 192)",
    "900": "oklch(33.5% .054 193)",
    "950": "oklch(24.0% .042 195)",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Syncapp",
    "SITE_HEADER": "Syncapp",
    "SITE_SUBHEADER": "People, audiences, connections",
    "SITE_SYMBOL": "sync_alt",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("syncapp/icon.svg")}
    ],
    "SHOW_BACK_BUTTON": False,
    "BORDER_RADIUS": "8px",
    "COLORS": {"primary": PRIMARY},
    "STYLES": [lambda request: static("syncapp/shell.css")],
    "SCRIPTS": [lambda request: static("syncapp/shell.js")],
    "COMMAND": {"search_models": False, "show_history": False},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "syncapp.admin.navigation.navigation",
    },
    "ACCOUNT": {"navigation": "syncapp.admin.navigation.own_pages"},
}
