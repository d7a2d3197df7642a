-- Timers belong to a client and can be paused; conversations have a name, and a deletion can be
-- undone; a client says whether its conversations are kept.

ALTER TABLE timers ADD COLUMN client_id TEXT NOT NULL DEFAULT '';
ALTER TABLE timers ADD COLUMN paused_left REAL;  -- seconds left while it is paused; NULL: it runs

-- When the conversation was deleted; it is gone for good once that can no longer be undone.
ALTER TABLE conversations ADD COLUMN deleted_at REAL;

-- "anybody" is a client too, with open access, so this is no column of clients.
CREATE TABLE preferences (
    client_id          TEXT PRIMARY KEY,
    keep_conversations INTEGER NOT NULL
) STRICT;
