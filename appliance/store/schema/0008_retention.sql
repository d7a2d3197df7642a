-- Retention: what is older than the settings allow is deleted.

-- By how much the clock leapt since the time in the row was written, in seconds. Together they give
-- the time by the clock of now, so that a clock that was wrong makes nothing old.
ALTER TABLE conversations ADD COLUMN clock_shift REAL NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN clock_shift REAL NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN clock_shift REAL NOT NULL DEFAULT 0;

CREATE TABLE retention_rules (
    kind  TEXT PRIMARY KEY,
    value REAL NOT NULL,  -- days, or megabytes
    grace REAL            -- seconds until it deletes; NULL: it has found nothing to delete yet
) STRICT;

CREATE TABLE retention_state (
    name  TEXT PRIMARY KEY,
    value REAL NOT NULL
) STRICT;

-- Tasks that were deleted, while words of theirs are still in some file; as in `forgotten`.
CREATE TABLE forgotten_tasks (
    task_id TEXT PRIMARY KEY,
    at      REAL NOT NULL
) STRICT;

-- The history of a task leaves with the task, too.
DROP TRIGGER events_leave_together;
CREATE TRIGGER events_leave_together BEFORE DELETE ON events
WHEN EXISTS (SELECT 1 FROM conversations WHERE id = OLD.conversation_id AND deleted_at IS NOT 0)
    AND NOT (OLD.kind = 'task' AND EXISTS (
        SELECT 1 FROM forgotten_tasks WHERE task_id = json_extract(OLD.data, '$.task')))
BEGIN SELECT RAISE(ABORT, 'events are deleted only with their conversation'); END;

DROP TRIGGER audit_never_changes;
CREATE TRIGGER audit_never_changes
BEFORE UPDATE OF id, at, what, client_id, address, detail, who, outcome ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

DROP TRIGGER audit_is_kept;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
WHEN OLD.id > (SELECT max(id) FROM audit) - 10000
    AND OLD.id > coalesce((SELECT value FROM retention_state WHERE name = 'audit_through'), 0)
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
