"""The rows, in the order of the table."""

from tests.campaign.row import Row
from tests.campaign.rows import (
    access,
    addresses,
    copies,
    daemon_kills,
    damage,
    disks,
    malformed_frames,
    resources,
    sessions,
    store_kills,
    suites,
    surroundings,
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
    *suites.ROWS,
    surroundings.ROW,
    sessions.ROW,
    access.MATRIX,
    access.TOKENS,
    addresses.ROW,
)
