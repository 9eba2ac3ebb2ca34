from importlib import import_module

from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    name = "audiences"
    verbose_name = "People and audiences"

    def ready(self) -> None:
        """Figures follow changes of people; webhooks may name our events, the API's documentation has our pages."""
        from audiences.changes import Reaction, changed

        import_module("audiences.happenings")
        import_module("audiences.api.gate")
        import_module("audiences.api.guide").register()
        import_module("audiences.compat.doors").register()

        reach = import_module("audiences.reach")
        changed.append(Reaction(reach.wake_recount, reach.HAS_LARGE))
