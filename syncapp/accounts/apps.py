from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "syncapp.accounts"
    label = "accounts"
    verbose_name = "Clients and sign-in"
