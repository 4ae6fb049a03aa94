"""Program: check the settings, apply migrations, and print the first administrator's link.

Run by `up` before the web process, and by hand before a release: `python -m console.prepare`. The
last line of its output is a JSON object: `{"link": "https://…"}`, null when a user exists already.
"""

from __future__ import annotations

import json
import os

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from console.lib.env import BadSetting


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    try:
        django.setup()
        # Ours first: the others may need the database that ours find to be named wrongly.
        call_command("check", tags=["console"])
        call_command("check", databases=["default"])
        call_command("migrate", interactive=False, verbosity=1)
    except (CommandError, ImproperlyConfigured, BadSetting) as error:
        raise SystemExit(str(error)) from error
    from django.conf import settings

    from console.accounts.invitations import first_admin_link

    # WhiteNoise warns at every start where the folder of collected files is missing.
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    print(json.dumps({"link": first_admin_link(settings.SITE_URL)}))


if __name__ == "__main__":
    main()
