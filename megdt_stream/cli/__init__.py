"""The command line `megdt`: one module a group of commands.

Here live arguments, output and exit codes. What a command does lives elsewhere and is imported when the
command runs, so that `megdt --help` answers at once and a command loads what it needs.
"""

from megdt_stream.cli.app import main

__all__ = ["main"]
