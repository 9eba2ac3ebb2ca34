from django.apps import AppConfig
from django.contrib.admin import apps as django_admin


class AdminConfig(AppConfig):
    """Our templates and static files."""

    name = "syncapp.admin"
    label = "syncapp_admin"
    default = True


class SiteConfig(django_admin.AdminConfig):
    """django.contrib.admin, with our site as `admin.site`."""

    default = False
    default_site = "syncapp.admin.site.TenantSite"
