from importlib import import_module

from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    name = "audiences"
    verbose_name = "People and audiences"

    def ready(self) -> None:
        """Figures follow changes of people; webhooks may name our events."""
        from audiences.changes import changed

        import_module("audiences.happenings")

        changed.append(import_module("audiences.reach").wake_recount)
