from importlib import import_module

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "syncapp.api"
    label = "api"

    def ready(self) -> None:
        import_module("syncapp.api.own_pages").register()
