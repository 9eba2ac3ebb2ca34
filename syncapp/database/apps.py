from importlib import import_module

from django.apps import AppConfig


class DatabaseConfig(AppConfig):
    name = "syncapp.database"
    label = "database"

    def ready(self) -> None:
        import_module("syncapp.database.checks")
