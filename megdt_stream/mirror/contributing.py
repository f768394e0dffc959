"""What trainees contribute to entities, after they were touched (docs/records.md, section 7).

Apart from the step: when images are sent decides nothing, since the latest wins. So they are made in the wake of ticks
and not at each record, and a replay makes those of its end alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from megdt_stream.evidence import topics
from megdt_stream.mirror.state import Changes, Message, Partition
from megdt_stream.twin.entities import image
from megdt_stream.twin.entities.state import NOTHING

LIVE, REBUILT = 0, 1


def contribute(
    partition: Partition,
    trainees: Iterable[str],
    sent: Mapping[str, Mapping[str, bytes]],
    end: int,
    by: int = LIVE,
) -> Changes:
    """Make the images of touched trainees, whose twins are in the partition, and take them for untouched.

    `sent`: what each has sent, as digests by the entity's name. `end`: the next offset to apply. A rebuild's images
    win over a live worker's of the same offset, since they correct them.
    """
    changes = Changes(partition.now)
    revision = 2 * end + by
    for trainee in trainees:
        changed: dict[str, bytes | None] = {}
        for entity, part in image.differing(sent.get(trainee, {}), image.images(trainee, partition.twins[trainee])):
            key, value = image.key_of(entity, trainee).encode(), image.encode(revision, part)
            changes.messages.append(Message(end, len(changes.messages), topics.CONTRIBUTIONS.name, key, value, ()))
            changed[image.name_of(entity)] = None if part is NOTHING else image.digest(part)
        changes.contributed[trainee] = changed
        partition.touched.pop(trainee, None)
    return changes
