from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "syncapp.demo"
    label = "demo"
