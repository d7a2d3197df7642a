-- Work given to agents. A task is forgotten with the conversation in which it was asked for.

CREATE TABLE tasks (
    id              TEXT PRIMARY KEY,
    agent           TEXT NOT NULL,
    request         TEXT NOT NULL,
    state           TEXT NOT NULL,
    conversation_id TEXT REFERENCES conversations (id) ON DELETE CASCADE,
    session_id      TEXT NOT NULL,
    client_id       TEXT NOT NULL,
    created_at      REAL NOT NULL,
    updated_at      REAL NOT NULL,
    progress        TEXT NOT NULL,
    result          TEXT NOT NULL,
    cost            REAL,                -- US dollars; NULL: unknown
    agent_session   TEXT NOT NULL,       -- by which the agent resumes the work
    announced       INTEGER NOT NULL     -- 1: a user heard how it ended
) STRICT;
CREATE INDEX tasks_by_conversation ON tasks (conversation_id);
CREATE INDEX tasks_by_age ON tasks (created_at);
