"""The demo agency's six clients."""

from __future__ import annotations

from syncapp.demo.seeding.catalogue import (
    DemoAudience,
    DemoClient,
    DemoConnection,
    DemoList,
    DemoObjective,
    DemoSync,
)
from syncapp.demo.seeding.names import DUTCH, ENGLISH, FLEMISH, FRENCH, words

AMSTERDAM = "(GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"
BRUSSELS = "(GMT+01:00) Brussels, Copenhagen, Madrid, Paris"
LONDON = "(GMT) Dublin, Edinburgh, Lisbon, London"

VAN_LOON = DemoClient(
    slug="van-loon",
    name="Van Loon Tuincentra",
    colour="#2f7d4f",
    time_zone="Europe/Amsterdam",
    esp_time_zone=AMSTERDAM,
    country="Netherlands",
    language="nl",
    currency="EUR",
    prefix="VL",
    people=3000,
    names=DUTCH,
    interests=words("Rozen, Kruiden, Moestuin, Bomen, Kamerplanten, Workshops, Vijvers"),
    objectives=(
        DemoObjective("newsletter", "Newsletter", "Twice a month: tips, offers and what is in season.", 0.62, 0.08),
        DemoObjective("service", "Service messages", "About an order, a delivery or a loyalty card.", 0.83, 0.03),
        DemoObjective("workshops", "Workshops", "Invitations to workshops in the shop nearby.", 0.31, 0.06),
    ),
    audiences=(
        DemoAudience(
            "newsletter", "Newsletter readers", 0.85, "Newsletter", ("weekly",), "Web shop",
            "Everyone who ordered or signed up; who is mailed is decided by consent.", favourite=True,
        ),
        DemoAudience("loyalty-card", "Loyalty card", 0.55, "Loyalty", ("card",), "ERP", "Holders of the green card."),
        DemoAudience("workshop-2026", "Workshops spring 2026", 0.12, "Events", ("spring",), "Ticketing", waiting=4),
        DemoAudience("vip-2026", "VIP 2026", 0.04, "Loyalty", ("card", "vip"), "ERP", "The best 4 % by turnover."),
        DemoAudience(
            "lapsed", "Lapsed customers", 0.07, "Loyalty/Win back", ("win-back",), "ERP",
            "Bought nothing for a year. Nothing uses it yet.",
        ),
        DemoAudience(
            "christmas-2025", "Christmas trees 2025", 0.1, "Campaigns/2025", ("season",), "Web shop",
            quiet_days=45, is_archived=True,
        ),
        DemoAudience("bulbs-2026", "Spring bulbs 2026", 0.16, "Campaigns/2026", ("season",), "Web shop", quiet_days=34),
        DemoAudience("sign-ups-2026", "Sign-ups in the shops", 0.03, "Campaigns/2026", ("till",), "Web shop"),
        DemoAudience("try-out", "Try-out of the new till", 0.01, "", (), "Till", quiet_days=20, is_deleted=True),
    ),
    syncs=(DemoSync("lapsed", 0.9, unknown=3), DemoSync("loyalty-card", 0.2)),
    connections=(
        DemoConnection(
            "Newsletter and workshops", ("newsletter", "workshops"),
            (
                DemoList("Nieuwsbrief", ("newsletter",), has_leavers=True),
                DemoList("Workshops", ("workshop-2026", "vip-2026"), leavers="unsubscribe"),
            ),
            "The marketing lists. Owned by the e-mail team.", ("marketing",), favourite=True,
        ),
        DemoConnection(
            "Service messages", ("service",), (DemoList("Klantenservice", ("loyalty-card",)),),
            "Messages that belong to a purchase.", ("service",),
        ),
    ),
    manager=("Marieke de Wit", "marieke@vanloon.example.com"),
    viewer=("Bram Kuiper", "bram@vanloon.example.com"),
)  # fmt: skip

HARBOUR = DemoClient(
    slug="harbour-cycles",
    name="Harbour Cycles",
    colour="#1d5fb4",
    time_zone="Europe/London",
    esp_time_zone=LONDON,
    country="United Kingdom",
    language="en-GB",
    currency="GBP",
    prefix="HC",
    people=1200,
    names=ENGLISH,
    interests=words("Road, Gravel, City, Electric, Repairs, Club rides"),
    objectives=(
        DemoObjective("newsletter", "Newsletter", "News from the workshop and new bikes.", 0.58, 0.1),
        DemoObjective("service", "Service reminders", "When a bike is due for its service.", 0.77, 0.05),
    ),
    audiences=(
        DemoAudience("riders", "Riders", 0.9, "All customers", ("everyone",), "Till", favourite=True),
        DemoAudience("service-due", "Service due this quarter", 0.18, "Service", ("quarterly",), "Workshop planner"),
        DemoAudience("club", "Sunday club", 0.09, "Events", ("rides",), "Sign-up form"),
    ),
    connections=(
        DemoConnection(
            "Workshop and club", ("newsletter", "service"),
            (
                DemoList("Riders", ("riders", "club")),
                DemoList("Service reminders", ("service-due",), leavers="unsubscribe"),
            ),
        ),
    ),
    manager=("Eleanor Reed", "eleanor@harbourcycles.example.org"),
)  # fmt: skip

DE_LINDE = DemoClient(
    slug="de-linde",
    name="Brasserie De Linde",
    colour="#9b2c3a",
    time_zone="Europe/Brussels",
    esp_time_zone=BRUSSELS,
    country="Belgium",
    language="nl-BE",
    currency="EUR",
    prefix="DL",
    people=800,
    names=FLEMISH,
    interests=words("Lunch, Wijnavonden, Seizoensmenu, Feesten, Brunch"),
    objectives=(
        DemoObjective("newsletter", "Newsletter", "The menu of the month and evenings with wine.", 0.66, 0.07),
        DemoObjective("events", "Invitations", "Wine evenings and feasts.", 0.35, 0.05),
    ),
    audiences=(
        DemoAudience("guests", "Guests", 0.95, "", (), "Reservations"),
        DemoAudience("wine-evenings", "Wine evenings", 0.22, "Events", ("wine",), "Reservations"),
    ),
    connections=(
        DemoConnection(
            "Newsletter", ("newsletter", "events"), (DemoList("Gasten", ("guests",)),),
            "Paused until the new menu is printed.", enabled=False,
        ),
    ),
    manager=("Katrien Maes", "katrien@delinde.example.com"),
)  # fmt: skip

DELVAUX = DemoClient(
    slug="maison-delvaux",
    name="Maison Delvaux Chocolatiers",
    colour="#6b4226",
    time_zone="Europe/Brussels",
    esp_time_zone=BRUSSELS,
    country="Belgium",
    language="fr-BE",
    currency="EUR",
    prefix="MD",
    people=1600,
    names=FRENCH,
    interests=words("Pralines, Truffes, Coffrets, Ateliers, Sans sucre"),
    objectives=(
        DemoObjective("newsletter", "Newsletter", "New boxes, before they are in the shop.", 0.55, 0.12),
        DemoObjective("service", "Service messages", "About an order or a delivery.", 0.8, 0.02),
        DemoObjective("profiling", "Personal offers", "Offers by what was bought before.", 0.24, 0.2),
    ),
    audiences=(
        DemoAudience("clients", "Clients", 0.92, "Boutique", ("shop",), "Web shop", favourite=True),
        DemoAudience("easter", "Easter boxes 2026", 0.15, "Seasons", ("easter",), "Web shop"),
        DemoAudience("business", "Business gifts", 0.05, "Business", ("b2b",), "CRM"),
    ),
    connections=(
        DemoConnection(
            "Boutique newsletter", ("newsletter", "profiling"), (DemoList("Clients", ("clients",)),),
            "The key was replaced at the ESP in spring; the new one is still to be entered here.", works=False,
        ),
    ),
    manager=("Hélène Charlier", "helene@delvaux.example.net"),
)  # fmt: skip

FINCH = DemoClient(
    slug="finch-and-wren",
    name="Finch & Wren Books",
    colour="#b7791f",
    time_zone="Europe/Dublin",
    esp_time_zone=LONDON,
    country="Ireland",
    language="en-IE",
    currency="EUR",
    prefix="FW",
    people=2200,
    names=ENGLISH,
    interests=words("Fiction, History, Poetry, Children, Crime, Signed copies, Readings"),
    objectives=(
        DemoObjective("newsletter", "Newsletter", "What we read this month.", 0.71, 0.06),
        DemoObjective("events", "Readings", "Authors in the shop.", 0.38, 0.05),
    ),
    audiences=(
        DemoAudience("readers", "Readers", 0.88, "Readers", ("everyone",), "Web shop", favourite=True),
        DemoAudience("book-club", "Book club", 0.11, "Readers", ("club",), "Sign-up form"),
        DemoAudience("readings", "Readings in Dublin", 0.2, "Events", ("readings",), "Ticketing"),
    ),
    connections=(
        DemoConnection(
            "Shop newsletter", ("newsletter",), (DemoList("Readers", ("readers",), has_leavers=True),),
            labels=("marketing",),
        ),
        DemoConnection(
            "Events", ("events",),
            (DemoList("Readings", ("readings", "book-club"), leavers="unsubscribe", is_held=True),),
            labels=("events",),
        ),
    ),
    manager=("Niamh Byrne", "niamh@finchandwren.example.com"),
)  # fmt: skip

KUST = DemoClient(
    slug="kust-en-duin",
    name="Stichting Kust en Duin",
    colour="#0f766e",
    time_zone="Europe/Amsterdam",
    esp_time_zone=AMSTERDAM,
    country="Netherlands",
    language="nl",
    currency="EUR",
    prefix="KD",
    people=260,
    names=DUTCH,
    interests=words("Zeehonden, Vogels, Wandelen, Vrijwilligerswerk, Nalaten"),
    objectives=(
        DemoObjective("newsletter", "Newsletter", "Four times a year, from the coast.", 0.7, 0.05),
        DemoObjective("fundraising", "Fundraising", "When a gift makes a difference.", 0.42, 0.16, 0.1),
    ),
    audiences=(
        DemoAudience("donors", "Donors", 0.8, "Donors", ("gifts",), "CRM", favourite=True),
        DemoAudience("volunteers", "Volunteers", 0.25, "Volunteers", (), "Planning"),
        DemoAudience("gala-2025", "Guests of the gala 2025", 0.12, "Donors/Events", ("gala",), "CRM", quiet_days=50),
    ),
    asks_to_delete="gala-2025",
    connections=(
        DemoConnection(
            "Donors and volunteers", ("newsletter", "fundraising"),
            (DemoList("Donateurs", ("donors", "volunteers"), confirmed_opt_in=True),),
        ),
    ),
    manager=("Sjoerd Postma", "sjoerd@kustenduin.example.org"),
)  # fmt: skip

CLIENTS = (VAN_LOON, HARBOUR, DE_LINDE, DELVAUX, FINCH, KUST)
AGENCY_ADMIN = ("Saskia van Dijk", "saskia@agency.example.com")
PASSWORD = "every-client-in-step"  # noqa: S105  the demo's, printed at every start
KEY_CLIENT = VAN_LOON  # whose API key the printed curl uses
