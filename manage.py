#!/usr/bin/env python
"""Commands of the console; `manage.py up` starts everything."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    if sys.argv[1:2] == ["up"]:
        # Before settings are read: `up` starts what they name, and stays small while it watches.
        from console.management.commands.up import Command

        command = Command()
        command.handle(**vars(command.create_parser("manage.py", "up").parse_args(sys.argv[2:])))
        return
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
