#!/usr/bin/env python3
"""Every command of the project. `demo` and `test` need only Python and git: the rest is set up on the way."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  # before any newer syntax is read
    sys.exit(
        f"This project needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}.\n"
        "Install a newer one and name it, as in: python3.12 manage.py demo"
    )

from syncapp import bootstrap


def main() -> None:
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    bootstrap.enter_environment(command)
    if command == "test":  # the whole check instead of Django's own runner
        from syncapp import verify

        sys.exit(verify.main(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncapp.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from syncapp.database.errors import EmbeddedServerError

    try:
        execute_from_command_line(sys.argv)
    except (EmbeddedServerError, ImproperlyConfigured) as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
