from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "syncapp.notices"
    label = "notices"
    verbose_name = "Notifications"
