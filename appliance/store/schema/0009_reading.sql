-- Reading costs by what is read: the last turns of a long conversation, the outcome of each turn.

CREATE INDEX turns_by_conversation ON turns (conversation_id);
CREATE INDEX outcomes_by_turn ON events (conversation_id, session_id, turn)
WHERE kind IN ('answer', 'error');
