"""The rows, in the order of the table."""

from tests.campaign.row import Row
from tests.campaign.rows import (
    access,
    copies,
    daemon_kills,
    damage,
    disks,
    malformed_frames,
    resources,
    store_kills,
)

ROWS: tuple[Row, ...] = (
    malformed_frames.GATE,
    malformed_frames.LIVE,
    daemon_kills.ROW,
    store_kills.ROW,
    disks.POWER,
    copies.ROW,
    disks.FULL,
    disks.READ_ONLY,
    damage.PAGES,
    damage.LOG,
    damage.DELETED,
    resources.DESCRIPTORS,
    resources.CLOCK,
    resources.NETWORK,
    access.MATRIX,
    access.TOKENS,
)
