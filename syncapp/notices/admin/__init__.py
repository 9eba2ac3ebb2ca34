"""Pages: alerts, what one is told, outgoing webhooks."""

from syncapp.notices.admin.alerts import AlertAdmin
from syncapp.notices.admin.deliveries import DeliveryAdmin
from syncapp.notices.admin.endpoints import EndpointAdmin

__all__ = ["AlertAdmin", "DeliveryAdmin", "EndpointAdmin"]
