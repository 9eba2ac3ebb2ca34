"""The project's settings; workers of a chaos run can also be crashed between a request and its answer."""

import os

from syncapp.settings import *  # noqa: F403
from syncapp.work import crashing

if os.environ.get(crashing.VARIABLE):
    from tests.chaos import wire

    wire.tap()
