-- Conversations, what was said in them, and who may talk. Every file in this directory is one
-- migration, applied once, in the order of the names; a file that was released never changes.

CREATE TABLE conversations (
    id         TEXT PRIMARY KEY,
    title      TEXT,               -- the first words of the user
    client_id  TEXT,               -- whose it is: the client that started it
    created_at REAL NOT NULL,      -- this and every other *at: seconds since the epoch
    updated_at REAL NOT NULL,
    language   TEXT
) STRICT;
CREATE INDEX conversations_by_use ON conversations (updated_at, id);

CREATE TABLE sessions (
    id              TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    client_id       TEXT,
    route           TEXT,          -- the route in force, or at the end
    started_at      REAL NOT NULL,
    ended_at        REAL,          -- NULL: live, or cut off with the process
    reason          TEXT
) STRICT;
CREATE INDEX sessions_by_conversation ON sessions (conversation_id);

-- The truth. The id gives the order: clocks jump, ids do not.
CREATE TABLE events (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    session_id      TEXT NOT NULL,
    turn            INTEGER NOT NULL,
    kind            TEXT NOT NULL,
    at              REAL NOT NULL,
    data            TEXT NOT NULL  -- JSON
) STRICT;
CREATE INDEX events_by_conversation ON events (conversation_id);

CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

-- While its conversation is there, an event cannot be deleted; the cascade deletes it afterwards.
CREATE TRIGGER events_leave_together BEFORE DELETE ON events
WHEN EXISTS (SELECT 1 FROM conversations WHERE id = OLD.conversation_id)
BEGIN SELECT RAISE(ABORT, 'events are deleted only with their conversation'); END;

-- What the events of a turn add up to, kept by the writer in the transaction of each event.
CREATE TABLE turns (
    id              INTEGER PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    session_id      TEXT NOT NULL,
    number          INTEGER NOT NULL,
    started_at      REAL NOT NULL,
    ended_at        REAL NOT NULL,
    user_text       TEXT NOT NULL DEFAULT '',
    answer          TEXT NOT NULL DEFAULT '',   -- as heard
    route           TEXT,
    engines         TEXT,                       -- JSON
    left_the_box    INTEGER NOT NULL DEFAULT 0, -- 1: some of it went to another machine
    timings         TEXT,                       -- JSON
    UNIQUE (conversation_id, session_id, number)
) STRICT;

-- The words of user transcripts and answers; the rowid is the id of the event.
CREATE VIRTUAL TABLE spoken USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2');

CREATE TRIGGER spoken_forgets AFTER DELETE ON events
BEGIN DELETE FROM spoken WHERE rowid = OLD.id; END;

CREATE TABLE timers (
    id              TEXT PRIMARY KEY,
    name            TEXT NOT NULL,
    due_at          REAL NOT NULL,
    seconds         REAL NOT NULL,
    created_at      REAL NOT NULL,
    -- A timer outlives its conversation: it still rings when the words are deleted.
    conversation_id TEXT REFERENCES conversations (id) ON DELETE SET NULL
) STRICT;
CREATE INDEX timers_by_conversation ON timers (conversation_id);

CREATE TABLE clients (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    role         TEXT NOT NULL,
    token_sha256 TEXT NOT NULL UNIQUE,
    created_at   REAL NOT NULL,
    seen_at      REAL NOT NULL,
    revoked_at   REAL
) STRICT;

CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        REAL NOT NULL,
    what      TEXT NOT NULL,
    client_id TEXT,
    address   TEXT,
    detail    TEXT NOT NULL
) STRICT;
