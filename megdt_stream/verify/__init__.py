"""The independent checker: what must the twins and alerts be, from the logs alone, and what differs.

Written from docs/records.md, `schemas/` and `seeds/`; of the project it uses only the error tree and the
place of the data files. Nothing here may import the pipeline, and nothing of the pipeline may import this:
two implementations that agree are evidence, one that is called twice is not. Clarity goes before speed.
"""

from megdt_stream.verify.checker import verify
from megdt_stream.verify.judge import judge
from megdt_stream.verify.report import Report

__all__ = ["Report", "judge", "verify"]
