from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django_q.apps import DjangoQConfig


class WorkConfig(AppConfig):
    name = "syncapp.work"
    label = "work"
    default = True  # of the two in this file

    def ready(self) -> None:
        autodiscover_modules("tasks")


class QueueConfig(DjangoQConfig):  # type: ignore[misc]
    """django-q2 without its admin: who may edit `Schedule.func` there may run any code here."""

    def ready(self) -> None:
        super().ready()
        from django.contrib import admin  # the registry has to be ready before it can be imported

        for model in self.get_models():
            if admin.site.is_registered(model):
                admin.site.unregister(model)
