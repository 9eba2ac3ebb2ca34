"""The pages of the API's documentation about people and audiences; their words are in templates/audiences/guide."""

from __future__ import annotations

from pathlib import Path

from audiences.api.documentation.links import LINKS
from audiences.api.guide import webhook_samples
from audiences.api.guide.item_codes import ITEM_CODES
from syncapp.api import catalogue, examples, guide, schema

EXAMPLES = Path(__file__).parents[1] / "examples"
FOLDER = "audiences/guide"

PAGES = (
    guide.Page(
        "",
        "Overview",
        "Start",
        f"{FOLDER}/overview.html",
        summary="Keep audiences up to date here from the systems that know your people: CRM, shop, ticketing, CDP.",
        place=10,
    ),
    guide.Page(
        "quick-start",
        "Quick start",
        "Start",
        f"{FOLDER}/quick_start.html",
        summary="From a key to an audience with members in five calls, with curl or Python.",
        place=20,
    ),
    guide.Page(
        "order",
        "Order, time and repeats",
        "Concepts",
        f"{FOLDER}/order.html",
        summary="Calls arrive late, twice, or in another order than things happened. Here is why that does no harm.",
        place=10,
    ),
    guide.Page(
        "guarantees",
        "Guarantees",
        "Concepts",
        f"{FOLDER}/guarantees.html",
        summary="What you may rely on, whatever happens in between.",
        place=20,
    ),
    guide.Page(
        "audiences",
        "Audiences",
        "Reference",
        f"{FOLDER}/audiences.html",
        tag="Audiences",
        summary="A named group of people that your system owns, under your own id.",
        place=10,
    ),
    guide.Page(
        "members",
        "Members",
        "Reference",
        f"{FOLDER}/members.html",
        tag="Members",
        summary="Who is in an audience: one by one, or ten thousand in a call.",
        place=20,
    ),
    guide.Page(
        "syncs",
        "Sync sessions",
        "Reference",
        f"{FOLDER}/syncs.html",
        tag="Sync sessions",
        summary="Replace a whole audience, or send millions of changes, in chunks that take effect at once.",
        place=30,
    ),
    guide.Page(
        "jobs",
        "Jobs",
        "Reference",
        f"{FOLDER}/jobs.html",
        tag="Jobs",
        summary="Work that takes longer than a call: how far it is, and what went wrong.",
        place=40,
    ),
    guide.Page(
        "contacts",
        "Contacts",
        "Reference",
        f"{FOLDER}/contacts.html",
        tag="Contacts",
        summary="People and what is known of them, until they are deleted or erased.",
        place=50,
    ),
    guide.Page(
        "consents",
        "Consents",
        "Reference",
        f"{FOLDER}/consents.html",
        tag="Consents",
        summary="What somebody agreed to or refused, when, and how that is known.",
        place=60,
    ),
    guide.Page(
        "webhooks",
        "Webhooks",
        "Reference",
        f"{FOLDER}/webhooks.html",
        tag="Webhooks",
        summary="Be told instead of asking: signed messages about what happened.",
        place=70,
        context=webhook_samples.context,
    ),
    guide.Page(
        "mail-plus",
        "Spotler Mail+",
        "Compatible doors",
        f"{FOLDER}/mail_plus.html",
        summary="Systems that speak the audience calls of Spotler Mail+ can be pointed here as they are.",
    ),
    guide.Page(
        "activate",
        "Spotler Activate",
        "Compatible doors",
        f"{FOLDER}/activate.html",
        summary="Systems that send consents and profiles to Spotler Activate can be pointed here as they are.",
    ),
)


def register() -> None:
    examples.register(EXAMPLES)
    schema.register_links(LINKS)
    catalogue.register_items(*ITEM_CODES)
    for page in PAGES:
        guide.register(page)
