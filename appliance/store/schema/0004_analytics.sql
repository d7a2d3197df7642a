-- Figures of the last days are read without walking all that was ever said.

CREATE INDEX turns_by_time ON turns (started_at);
CREATE INDEX sessions_by_time ON sessions (started_at);
CREATE INDEX outcomes_by_time ON events (at) WHERE kind IN ('answer', 'error');
