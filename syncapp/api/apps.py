from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "syncapp.api"
    label = "api"
