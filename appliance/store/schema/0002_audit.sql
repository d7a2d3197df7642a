-- The audit trail records actions and their outcomes. It is append-only and bounded.

ALTER TABLE audit ADD COLUMN who TEXT;  -- a client's id, "the command line", or NULL: a stranger
ALTER TABLE audit ADD COLUMN outcome TEXT NOT NULL DEFAULT 'done';  -- or the code of an error

CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

-- 10,000 entries are years of use in a home, and about two megabytes.
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
WHEN OLD.id > (SELECT max(id) FROM audit) - 10000
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TRIGGER audit_is_bounded AFTER INSERT ON audit
BEGIN DELETE FROM audit WHERE id <= NEW.id - 10000; END;
