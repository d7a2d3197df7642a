"""Writes a history of very many events at once, as years of use leave it."""

import contextlib
import sqlite3
from pathlib import Path

from appliance.store.database import open_for_writing

LONG = "long"  # the id of one conversation of LONG_EVENTS events
LONG_EVENTS = 20_000
SHORT_EVENTS = 200  # of every other conversation; four events make a turn

NUMBERED = """
WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :events),
named AS (SELECT i, CASE WHEN i < :long THEN 'long' ELSE 'c' || (i / :short) END AS conversation,
          1 + CASE WHEN i < :long THEN i ELSE i % :short END / 4 AS turn, i % 4 AS part,
          :begin + i * :step AS at,
          'the word' || (i * 7919 % 5003) || ' and the word' || (i * 104729 % 4999) AS said
          FROM numbers)"""

CONVERSATIONS = f"""{NUMBERED}
INSERT INTO conversations (id, title, client_id, created_at, updated_at)
SELECT conversation, 'Conversation ' || conversation, 'anybody', min(at), max(at)
FROM named GROUP BY conversation"""

EVENTS = f"""{NUMBERED}
INSERT INTO events (id, conversation_id, session_id, turn, kind, at, data)
SELECT i + 1, conversation, 'session of ' || conversation, turn,
       CASE part WHEN 0 THEN 'user_transcript' WHEN 1 THEN 'answer' WHEN 2 THEN 'turn_timings'
                 ELSE 'turn_trace' END, at,
       CASE part WHEN 0 THEN json_object('text', said, 'source', 'voice')
                 WHEN 1 THEN json_object('text', said, 'interrupted', json('false'))
                 WHEN 2 THEN json_object('milliseconds', json_object('first_audio', 800 + i % 999))
                 ELSE json_object('spans', json_array(said, said, said)) END
FROM named"""

TURNS = """
INSERT INTO turns (conversation_id, session_id, number, started_at, ended_at, user_text, answer,
                   route, engines, timings)
SELECT e.conversation_id, e.session_id, e.turn, e.at, e.at + 3, e.data ->> 'text',
       a.data ->> 'text', 'local', '{"stt": "whisper", "llm": "small"}', t.data
FROM events AS e JOIN events AS a ON a.id = e.id + 1 JOIN events AS t ON t.id = e.id + 2
WHERE e.kind = 'user_transcript'"""

SESSIONS = """
INSERT INTO sessions (id, conversation_id, client_id, route, started_at, ended_at)
SELECT 'session of ' || id, id, client_id, 'local', created_at, updated_at FROM conversations"""

TASKS = """
WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < 200)
INSERT INTO tasks (id, agent, request, state, session_id, client_id, created_at, updated_at,
                   progress, result, agent_session, announced)
SELECT 'task' || i, 'claude', 'write a book', 'done', '', 'anybody', i, i, '',
       printf('%.*c', 200000, 'x'), '', 1 FROM numbers"""

SPOKEN = """
INSERT INTO spoken (rowid, text) SELECT id, data ->> 'text' FROM events
WHERE kind IN ('user_transcript', 'answer')"""


def write_history(path: Path, events: int, end: float, days: float = 300.0) -> None:
    """Creates a database with so many events, the last at `end`, over the days before."""
    opened = open_for_writing(path)
    opened.db.close()
    opened.release(clean=True)
    values = {
        **{"events": events, "long": LONG_EVENTS, "short": SHORT_EVENTS},
        **{"begin": end - days * 86_400, "step": days * 86_400 / events},
    }
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous = OFF")
        with db:
            for statement in (CONVERSATIONS, EVENTS):
                db.execute(statement, values)
            for statement in (TURNS, SESSIONS, TASKS, SPOKEN):
                db.execute(statement)
