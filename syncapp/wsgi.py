"""The WSGI entry point: `gunicorn syncapp.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncapp.settings")
application = get_wsgi_application()
