-- The tables of an export, as Datasette and the sqlite3 shell show them. Keys lead from every row to its call.
-- A change of a table is another user_version, so that an export of before is not gone on with.

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    title TEXT,                -- what its first call asked; Datasette shows it in the place of the id
    first_call_at TEXT
);

CREATE TABLE calls (
    id TEXT PRIMARY KEY,
    created_at TEXT,           -- UTC, ISO 8601
    status TEXT NOT NULL,      -- started, finished, failed
    model TEXT,                -- as it was asked for
    answered_by TEXT,          -- as the provider names it
    question TEXT,             -- the last message of the user
    answer TEXT,
    input_tokens INTEGER,
    cached_tokens INTEGER,     -- of the input
    output_tokens INTEGER,
    reasoning_tokens INTEGER,  -- of the output
    cost REAL,                 -- US dollars; NULL where the price is not known
    duration REAL,             -- seconds
    time_to_first_token REAL,  -- seconds
    finish_reason TEXT,
    failure_kind TEXT,
    failure_reason TEXT,
    file TEXT,                 -- the line of the program that made the call
    line INTEGER,
    function TEXT,
    code TEXT,
    session_id TEXT REFERENCES sessions (id),
    tags TEXT NOT NULL,        -- JSON array
    metadata TEXT,             -- JSON object
    kind TEXT,                 -- chat, prompt
    endpoint TEXT,
    base_url TEXT,
    request_id TEXT,
    retries INTEGER,
    interrupted INTEGER NOT NULL,
    prompt_digest TEXT,        -- calls with the same one asked the same
    trace_id TEXT,
    span_id TEXT,
    source TEXT,
    sequence INTEGER
);
CREATE INDEX calls_by_time ON calls (created_at);
CREATE INDEX calls_by_model ON calls (model);
CREATE INDEX calls_by_session ON calls (session_id);
CREATE INDEX calls_by_call_site ON calls (file, function);
CREATE INDEX calls_by_prompt ON calls (prompt_digest);

CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    call_id TEXT NOT NULL REFERENCES calls (id),
    position INTEGER NOT NULL, -- 1, 2, 3, ... within the call: the request, then the answers
    part TEXT NOT NULL,        -- request, response
    choice INTEGER,            -- of an answer: 0, 1, 2, ...
    role TEXT,
    name TEXT,
    content TEXT,
    reasoning TEXT,
    refusal TEXT,
    tool_call_id TEXT,         -- the tool call that it is the result of
    finish_reason TEXT,
    json TEXT                  -- the whole message, where the columns do not say all of it
);
CREATE INDEX messages_by_call ON messages (call_id, position);
CREATE INDEX messages_by_tool_call ON messages (tool_call_id) WHERE tool_call_id IS NOT NULL;

CREATE TABLE tool_calls (
    id INTEGER PRIMARY KEY,
    call_id TEXT NOT NULL REFERENCES calls (id),
    message_id INTEGER NOT NULL REFERENCES messages (id),
    part TEXT NOT NULL,        -- response: asked for by this call; request: sent again with the history
    tool_call_id TEXT,
    name TEXT,
    arguments TEXT             -- as a rule JSON
);
CREATE INDEX tool_calls_by_call ON tool_calls (call_id);
CREATE INDEX tool_calls_by_message ON tool_calls (message_id);
CREATE INDEX tool_calls_by_name ON tool_calls (name);

CREATE TABLE tags (
    call_id TEXT NOT NULL REFERENCES calls (id),
    tag TEXT NOT NULL,
    PRIMARY KEY (call_id, tag)
);
CREATE INDEX tags_by_tag ON tags (tag);

CREATE TABLE metadata (
    call_id TEXT NOT NULL REFERENCES calls (id),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (call_id, key)
);
CREATE INDEX metadata_by_value ON metadata (key, value);

CREATE VIRTUAL TABLE messages_fts USING fts5 (
    content, reasoning, content="messages", content_rowid="id", tokenize="unicode61 remove_diacritics 2"
);

-- A question, a view. Calls without a price are counted apart; their cost is not zero.

CREATE VIEW cost_by_day AS
SELECT date(created_at) AS day, count(*) AS calls, sum(status = 'failed') AS failed,
    sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, round(sum(cost), 6) AS cost,
    sum(cost IS NULL AND coalesce(input_tokens, output_tokens) IS NOT NULL) AS calls_without_price
FROM calls GROUP BY day ORDER BY day DESC;

CREATE VIEW cost_by_model AS
SELECT model, count(*) AS calls, sum(status = 'failed') AS failed, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, round(sum(cost), 6) AS cost, round(avg(duration), 3) AS mean_duration,
    sum(cost IS NULL AND coalesce(input_tokens, output_tokens) IS NOT NULL) AS calls_without_price
FROM calls GROUP BY model ORDER BY cost DESC;

CREATE VIEW cost_by_call_site AS
SELECT file, function, count(*) AS calls, sum(status = 'failed') AS failed, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, round(sum(cost), 6) AS cost, round(avg(duration), 3) AS mean_duration,
    sum(cost IS NULL AND coalesce(input_tokens, output_tokens) IS NOT NULL) AS calls_without_price
FROM calls GROUP BY file, function ORDER BY cost DESC;

CREATE VIEW cost_by_tag AS
SELECT tag, count(*) AS calls, sum(status = 'failed') AS failed, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, round(sum(cost), 6) AS cost,
    sum(cost IS NULL AND coalesce(input_tokens, output_tokens) IS NOT NULL) AS calls_without_price
FROM tags JOIN calls ON calls.id = tags.call_id GROUP BY tag ORDER BY cost DESC;

CREATE VIEW cost_by_session AS
SELECT session_id, min(created_at) AS first_call_at, max(created_at) AS last_call_at, count(*) AS calls,
    sum(status = 'failed') AS failed, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    round(sum(cost), 6) AS cost, sum(cost IS NULL AND coalesce(input_tokens, output_tokens) IS NOT NULL) AS calls_without_price
FROM calls GROUP BY session_id ORDER BY cost DESC;

CREATE VIEW failures AS
SELECT failure_kind, model, file, line, count(*) AS calls, max(created_at) AS last_call_at, max(id) AS last_call_id,
    failure_reason AS last_reason
FROM calls WHERE status = 'failed' GROUP BY failure_kind, model, file, line ORDER BY calls DESC;

CREATE VIEW slowest_calls AS
SELECT id, created_at, duration, time_to_first_token, output_tokens, model, question, file, line
FROM calls WHERE duration IS NOT NULL ORDER BY duration DESC;

CREATE VIEW repeated_prompts AS
SELECT prompt_digest, count(*) AS calls, round(sum(cost), 6) AS cost, max(question) AS question, max(id) AS last_call_id
FROM calls WHERE prompt_digest IS NOT NULL GROUP BY prompt_digest HAVING count(*) > 1 ORDER BY calls DESC;

CREATE VIEW tool_use AS
SELECT name, count(*) AS tool_calls, count(DISTINCT call_id) AS calls
FROM tool_calls WHERE part = 'response' GROUP BY name ORDER BY tool_calls DESC;

CREATE VIEW conversations AS
SELECT calls.id AS call_id, calls.created_at, calls.session_id, messages.position, messages.role, messages.content
FROM calls JOIN messages ON messages.call_id = calls.id ORDER BY calls.created_at, calls.id, messages.position;
