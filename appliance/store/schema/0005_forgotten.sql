-- Conversations that were deleted while words of theirs are still in some file: the search index,
-- the write-ahead log, a backup. A row goes when the last of the words has gone.

CREATE TABLE forgotten (
    conversation_id TEXT PRIMARY KEY,
    at              REAL NOT NULL
) STRICT;
