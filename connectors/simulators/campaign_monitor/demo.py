"""The demo's data: two clients, a few lists, some people. Same shape as a seed by control call."""

from __future__ import annotations

from typing import Any

FIELDS = [
    {"name": "City", "type": "Text"},
    {"name": "Birthday", "type": "Date"},
    {"name": "Customer number", "type": "Number"},
    {"name": "Interests", "type": "MultiSelectMany", "options": ["Roses", "Herbs", "Trees", "Workshops"]},
]

DEMO: dict[str, Any] = {
    "clients": [
        {
            "name": "Van Loon Gardens",
            "country": "Netherlands",
            "time_zone": "(GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
            "lists": [
                {
                    "title": "Newsletter",
                    "fields": FIELDS,
                    "subscribers": [
                        {
                            "email": "anna.devries@example.com",
                            "name": "Anna de Vries",
                            "fields": {
                                "City": "Utrecht",
                                "Birthday": "1986-04-12",
                                "Interests": ["Roses", "Workshops"],
                            },
                        },
                        {
                            "email": "joost.bakker@example.com",
                            "name": "Joost Bakker",
                            "fields": {"City": "Leiden", "Customer number": "20417"},
                        },
                        {
                            "email": "zoe.obrien@example.com",
                            "name": "Zoë O’Brien",
                            "fields": {"City": "’s-Hertogenbosch", "Interests": ["Herbs"]},
                        },
                        {
                            "email": "karel.smit@example.com",
                            "name": "Karel Smit",
                            "state": "Unsubscribed",
                            "fields": {"City": "Zwolle"},
                        },
                        {"email": "old.address@example.com", "name": "", "state": "Bounced"},
                    ],
                },
                {
                    "title": "Workshops",
                    "confirmed_opt_in": True,
                    "fields": FIELDS[:2],
                    "subscribers": [
                        {
                            "email": "anna.devries@example.com",
                            "name": "Anna de Vries",
                            "fields": {"City": "Utrecht"},
                        },
                        {
                            "email": "lena.koster@example.com",
                            "name": "Lena Koster",
                            "state": "Unconfirmed",
                        },
                    ],
                },
                {"title": "Service messages", "unsubscribe_setting": "OnlyThisList"},
            ],
            "suppressed": [{"email": "karel.smit@example.com", "reason": "Unsubscribed"}],
        },
        {
            "name": "Harbour Cycles",
            "country": "United Kingdom",
            "time_zone": "(GMT) Dublin, Edinburgh, Lisbon, London",
            "lists": [
                {
                    "title": "Riders",
                    "fields": [
                        {"name": "City", "type": "Text"},
                        {"name": "Last service", "type": "Date"},
                        {
                            "name": "Bike",
                            "type": "MultiSelectOne",
                            "options": ["City", "Road", "Gravel", "Electric"],
                        },
                    ],
                    "subscribers": [
                        {
                            "email": "tom.reed@example.org",
                            "name": "Tom Reed",
                            "fields": {"City": "Bristol", "Bike": "Gravel", "Last service": "2026-02-03"},
                        },
                        {
                            "email": "priya.nair@example.org",
                            "name": "Priya Nair",
                            "fields": {"City": "Leeds", "Bike": "Electric"},
                        },
                    ],
                },
            ],
        },
    ]
}
