"""The project's settings plus an app whose handlers the tests of background work drive."""

from syncapp.settings import *  # noqa: F403
from syncapp.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.work.handlers"]
