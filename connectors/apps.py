from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_save


class ConnectorsConfig(AppConfig):
    name = "connectors"
    verbose_name = "Connections"

    def ready(self) -> None:
        """Tell the audiences about their users, and follow their changes."""
        from audiences.changes import Reaction, changed

        import_module("connectors.uses")
        import_module("connectors.erasing")
        import_module("connectors.pace.breaker").on_state_change.append(
            import_module("connectors.sync.delivering.resuming").wake_goals
        )
        changed.append(Reaction(import_module("connectors.tasks").wake_planner))
        post_save.connect(follow_account, sender="accounts.Account", dispatch_uid="connectors.schedules")


def follow_account(instance: Any, created: bool, **_: Any) -> None:
    """Schedules are by the clock of the account, which may have got another one."""
    if not created:
        import_module("connectors.sync.watching.scheduling").follow_time_zone(instance)
