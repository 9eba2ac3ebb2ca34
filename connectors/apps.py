from importlib import import_module

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    name = "connectors"
    verbose_name = "Connections"

    def ready(self) -> None:
        """Tell the audiences about their users."""
        import_module("connectors.uses")
