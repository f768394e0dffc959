"""Rules about what is not one trainee: sources, assessors, bases, instruments. Pure functions of documents and counts.

Each module has `NAME`, `CODES`, `Terms` (its table in `seeds/rules.toml`) and a function that gives findings; who holds
the documents (docs/entities.md) calls it now and then. Nothing here runs in the mirror, and nothing reads a clock.
"""

from megdt_stream.governance.groups.contract import Group, Terms
from megdt_stream.governance.groups.registry import BY_NAME, Groups, groups

__all__ = ["BY_NAME", "Group", "Groups", "Terms", "groups"]
