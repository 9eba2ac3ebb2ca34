from django.apps import AppConfig


class DatabaseConfig(AppConfig):
    name = "syncapp.database"
    label = "database"
