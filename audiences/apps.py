from importlib import import_module

from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    name = "audiences"
    verbose_name = "People and audiences"

    def ready(self) -> None:
        """Figures follow changes of people."""
        from audiences.changes import changed

        changed.append(import_module("audiences.reach").wake_recount)
