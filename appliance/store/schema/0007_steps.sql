-- A conversation of which the deletion has begun for good has deleted_at = 0, and loses its events
-- in steps. Any other keeps all of them.

DROP TRIGGER events_leave_together;
CREATE TRIGGER events_leave_together BEFORE DELETE ON events
WHEN EXISTS (SELECT 1 FROM conversations WHERE id = OLD.conversation_id AND deleted_at IS NOT 0)
BEGIN SELECT RAISE(ABORT, 'events are deleted only with their conversation'); END;
