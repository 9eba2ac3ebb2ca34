from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "syncapp.audit"
    label = "audit"
