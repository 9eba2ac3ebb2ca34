from django.apps import AppConfig


class AdminConfig(AppConfig):
    name = "syncapp.admin"
    label = "syncapp_admin"
