"""Campaign Monitor, as data. Source: campaignmonitor.com/api/v3-3, as of 2026-08; limits name theirs."""

from connectors.esp.contract import Can, Limits, Scope, Setting, Spec

SPEC = Spec(
    key="campaign_monitor",
    label="Campaign Monitor",
    base_url="https://api.createsend.com/api/v3.3/",
    settings=(
        Setting("api_key", "API key", secret=True, help="In Campaign Monitor: Account settings › API keys."),
        Setting(
            "client_id",
            "Client ID",
            scope=Scope.CONNECTION,
            required=False,
            help="The Campaign Monitor client whose lists are used. One connection per client.",
        ),
        Setting(
            "key_form",
            "Field keys are sent",
            scope=Scope.CONNECTION,
            required=False,
            default="plain",
            choices=(("plain", "plain: website"), ("bracketed", "in brackets: [website]")),
            advanced=True,
            help="Campaign Monitor takes both; its own samples are plain.",
        ),
        Setting(
            "long_text",
            "Text over 250 characters",
            scope=Scope.CONNECTION,
            required=False,
            default="leave_out",
            choices=(("leave_out", "is left out and reported"), ("cut", "is cut to 250 characters")),
            advanced=True,
        ),
    ),
    can=(
        Can.READ_CLIENTS
        | Can.READ_LISTS
        | Can.READ_FIELDS
        | Can.CREATE_FIELDS
        | Can.READ_SUBSCRIBER
        | Can.UPSERT
        | Can.UNSUBSCRIBE
        | Can.REMOVE
        | Can.RENAME
        | Can.RESTORE
        | Can.READ_LIST
        | Can.READ_SUPPRESSIONS
    ),
    limits=Limits(
        batch=1000,  # error 209
        value_chars=250,  # docs, text custom fields
        name_chars=250,  # the docs' limit for a recipient; none is given for subscribers
        field_name_chars=100,  # constant in the official Magento extension
        fields_per_list=50,  # help pages; not confirmed for every plan
        page=1000,  # error 801
        concurrency=4,  # nothing is published; 4 to 8 is what integrators use
    ),
    documentation="https://www.campaignmonitor.com/api/v3-3/",
    colour="#509cf6",
    initials="CM",
)
