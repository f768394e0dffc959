"""Models in force: are partitions told the same, and is what they name on the topic, whole (docs/records.md, 8)?"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from megdt_stream.verify.log import Log
from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.names import MODELS, full_name
from megdt_stream.verify.report import Report


def check_models(log: Log, mirrors: list[Mirror], report: Report) -> None:
    """Compare activations over partitions, and look for every version that they name.

    The latest one may be under way: records go to all partitions at once, but not in one piece.
    """
    said = {one for mirror in mirrors for one in mirror.activations}
    latest = {kind: max(at for known, _, at in said if known == kind) for kind, _, _ in said}
    for kind, version, at in sorted(said):
        lacking = [mirror.partition for mirror in mirrors if (kind, version, at) not in mirror.activations]
        if lacking and at < latest[kind]:
            report.differ("activation", f"{kind}/{version}", missing_in=lacking)
    if log.partitions(MODELS):
        values = _values(log, {f"{kind}/{version}" for kind, version, _ in said})
        for kind, version, at in sorted(said):
            problem = _problem(values, f"{kind}/{version}", at)
            if problem:
                report.differ("model", f"{full_name(MODELS)}: {kind}/{version}", problem=problem)


def _values(log: Log, starts: set[str]) -> dict[str, bytes]:
    """Give the latest value under each key of these versions."""
    found = {}
    for partition in log.partitions(MODELS).values():
        for record in partition.records:
            key = (record.key or b"").decode("utf-8", "replace")
            if "/".join(key.split("/", 2)[:2]) in starts:
                found[key] = record.value or b""
    return found


def _problem(values: dict[str, bytes], start: str, at: int) -> str | None:
    try:
        manifest: dict[str, Any] = msgspec.json.decode(values[start])
        if manifest["at"] != at:
            return "learnt up to another time than its activation says"
        for name, part in manifest["parts"].items():
            whole = b"".join(values[f"{start}/{name}/{number}"] for number in range(part["pieces"]))
            if blake2b(whole, digest_size=8).hexdigest() != part["digest"]:
                return f"the part {name} is altered"
    except KeyError as missing:
        return f"{missing} is missing"
    except (msgspec.DecodeError, TypeError, AttributeError):
        return "no manifest"
    return None
