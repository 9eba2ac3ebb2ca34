from importlib import import_module

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    name = "connectors"
    verbose_name = "Connections"

    def ready(self) -> None:
        """Tell the audiences about their users, and follow their changes."""
        from audiences.changes import changed

        import_module("connectors.uses")
        import_module("connectors.pace.breaker").on_state_change.append(
            import_module("connectors.sync.resuming").wake_goals
        )
        changed.append(import_module("connectors.tasks").wake_planner)
