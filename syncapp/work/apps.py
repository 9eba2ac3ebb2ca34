from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "syncapp.work"
    label = "work"
