"""Campaign Monitor: the contract's verbs."""

from connectors.esp.campaign_monitor.spec import SPEC
from connectors.esp.contract import Connector


class CampaignMonitor(Connector):
    spec = SPEC
