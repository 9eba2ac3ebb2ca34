"""The project's settings plus an app whose handlers the tests of background work drive."""

import os
import sys
import time

from syncapp.settings import *  # noqa: F403
from syncapp.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.work.handlers"]

if "--cluster" in sys.argv:  # a host so busy that imports take long
    time.sleep(float(os.environ.get("SYNCAPP_TEST_START_S", "0")))
