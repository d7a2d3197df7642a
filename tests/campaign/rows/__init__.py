"""The rows, in the order of the table."""

from tests.campaign.row import Row
from tests.campaign.rows import access, copies, daemon_kills, malformed_frames, store_kills

ROWS: tuple[Row, ...] = (
    malformed_frames.GATE,
    malformed_frames.LIVE,
    daemon_kills.ROW,
    store_kills.ROW,
    copies.ROW,
    access.MATRIX,
    access.TOKENS,
)
