-- :find
SELECT wanted.value AS id, c.position FROM json_each(:ids) wanted
LEFT JOIN completions c ON c.organization_id = :organization_id AND c.id = wanted.value;

-- :taken
SELECT c.position FROM json_each(:starts) start
JOIN completions c ON c.position >= start.value AND c.position < start.value + :width;

-- :insert_completion
INSERT INTO completions (
    status, kind, model, session_id, failure_kind, file, function, duration, tokens, input_tokens,
    output_tokens, charges, preview_tool, prompt_digest, trace_id, position, organization_id, id
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- :update_completion
UPDATE completions SET
    status = ?, kind = ?, model = ?, session_id = ?, failure_kind = ?, file = ?, function = ?, duration = ?,
    tokens = ?, input_tokens = ?, output_tokens = ?, charges = ?, preview_tool = ?,
    prompt_digest = ?, trace_id = ?
WHERE position = ?;

-- :insert_body
INSERT INTO bodies (head, preview_request, preview_response, skipped, stack, body, position)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- :update_body
UPDATE bodies SET
    head = ?, preview_request = ?, preview_response = ?, skipped = ?, stack = ?, body = ?
WHERE position = ?;

-- :delete_completion
DELETE FROM completions WHERE position = :position;

-- :delete_body
DELETE FROM bodies WHERE position = :position;

-- :insert_tag
INSERT OR IGNORE INTO tags (organization_id, tag, position) VALUES (?, ?, ?);

-- :delete_tag
DELETE FROM tags WHERE organization_id = ? AND tag = ? AND position = ?;

-- :load
SELECT c.position, c.organization_id, c.id, b.head, b.body, s.body AS stack
FROM completions c JOIN bodies b USING (position) LEFT JOIN stacks s ON s.number = b.stack
WHERE c.organization_id = :organization_id AND c.id = :id;

-- :position
SELECT position FROM completions WHERE organization_id = :organization_id AND id = :id;

-- :position_bounds
-- The first and the last position of an organization; each by itself, so that an index tells.
SELECT
    (SELECT min(position) FROM completions INDEXED BY completions_by_time WHERE organization_id = :organization_id),
    (SELECT max(position) FROM completions INDEXED BY completions_by_time WHERE organization_id = :organization_id);

-- :id
SELECT id FROM completions WHERE position = ?;

-- :ids_with_part
-- Those that end with it are found by reading all ids of the organization: a quarter of a second for a million. An index
-- of the ends would be written at random, and the log of a commit would be several times as large.
WITH begins AS (
    SELECT id FROM completions INDEXED BY completions_by_id
    WHERE organization_id = :organization_id AND id >= :id AND id < :id || char(1114111)
    ORDER BY id DESC LIMIT :limit
), ends AS (
    SELECT id FROM completions INDEXED BY completions_by_id
    WHERE organization_id = :organization_id AND substr(id, -length(:id)) = :id
    ORDER BY id DESC LIMIT :limit
)
SELECT id FROM begins UNION SELECT id FROM ends ORDER BY id DESC LIMIT :limit;

-- :load_at
SELECT c.position, c.organization_id, c.id, b.head, b.body, b.skipped, b.stack AS stack_number, s.body AS stack,
    c.model, c.input_tokens, c.output_tokens,
    coalesce(c.charges, b.charges) AS charges
FROM completions c JOIN bodies b USING (position) LEFT JOIN stacks s ON s.number = b.stack
WHERE c.position = :position;

-- :load_many
SELECT c.position, c.organization_id, c.id, b.head, b.body, s.body AS stack
FROM json_each(:positions) wanted
JOIN completions c ON c.position = wanted.value
JOIN bodies b ON b.position = c.position
LEFT JOIN stacks s ON s.number = b.stack
ORDER BY wanted.key;

-- :summaries
SELECT c.position, c.organization_id, c.id, c.model, c.input_tokens, c.output_tokens, b.head,
    b.preview_request, b.preview_response, c.preview_tool, coalesce(c.charges, b.charges) AS charges, s.body AS stack
FROM json_each(:positions) wanted
JOIN completions c ON c.position = wanted.value
JOIN bodies b ON b.position = c.position
LEFT JOIN stacks s ON s.number = b.stack
ORDER BY wanted.key;

-- :summed_facts_at
-- Without charges the model is what a record is charged by.
SELECT c.position, c.status, iif(c.charges IS NULL, c.model, NULL), NULL AS session_id, NULL AS failure_kind,
    NULL AS file, NULL AS function, c.duration, c.input_tokens, c.output_tokens, c.charges, NULL AS head
FROM json_each(:positions) wanted
CROSS JOIN completions c ON c.position = wanted.value AND +c.organization_id = :organization_id;

-- :facts_at
SELECT c.position, c.status, c.model, c.session_id, c.failure_kind, c.file, c.function, c.duration,
    c.input_tokens, c.output_tokens, c.charges, NULL AS head
FROM json_each(:positions) wanted
CROSS JOIN completions c ON c.position = wanted.value AND +c.organization_id = :organization_id;

-- :tagged_facts_at
SELECT c.position, c.status, c.model, c.session_id, c.failure_kind, c.file, c.function, c.duration,
    c.input_tokens, c.output_tokens, c.charges, b.head
FROM json_each(:positions) wanted
CROSS JOIN completions c ON c.position = wanted.value AND +c.organization_id = :organization_id
JOIN bodies b ON b.position = c.position;

-- :session_ends
-- The positions of the first and the last call of some sessions.
SELECT wanted.value AS session_id,
    (SELECT min(position) FROM completions INDEXED BY completions_by_session
     WHERE organization_id = :organization_id AND session_id = wanted.value) AS first,
    (SELECT max(position) FROM completions INDEXED BY completions_by_session
     WHERE organization_id = :organization_id AND session_id = wanted.value) AS last
FROM json_each(:session_ids) AS wanted;

-- :short_bodies
-- The bodies at some positions, but for those that are longer; the length is known without reading them.
SELECT position, skipped, CASE WHEN length(body) <= :max_bytes THEN body END AS body
FROM bodies WHERE position IN (SELECT value FROM json_each(:positions));

-- :body_prefix
SELECT substr(body, 1, :max_bytes) AS body FROM bodies WHERE position = :position;

-- :find_stack
SELECT number FROM stacks WHERE organization_id = :organization_id AND digest = :digest;

-- :insert_stack
INSERT INTO stacks (organization_id, digest, uses, body) VALUES (:organization_id, :digest, 0, :body)
RETURNING number;

-- :use_stacks
UPDATE stacks SET uses = uses + json_extract(used.value, '$[0]')
FROM json_each(?) AS used WHERE number = json_extract(used.value, '$[1]');

-- :delete_unused_stack
DELETE FROM stacks WHERE number = ? AND uses <= 0;

-- :index_words
INSERT INTO search (rowid, organization, request, response) VALUES (?, ?, ?, ?);

-- :forget_words
INSERT INTO search (search, rowid, organization, request, response) VALUES ('delete', ?, ?, ?, ?);

-- :insert_unindexed
INSERT INTO unindexed (position) VALUES (?);

-- :delete_unindexed
DELETE FROM unindexed WHERE position = ?;

-- :delete_unindexed_until
DELETE FROM unindexed WHERE position <= ?;

-- :unindexed
SELECT position FROM unindexed ORDER BY position LIMIT ?;

-- :count_unindexed
SELECT count(*) AS waiting FROM unindexed;

-- :has_text
SELECT 1 FROM search WHERE search MATCH ? LIMIT 1;

-- :is_searchable
SELECT NOT EXISTS (SELECT 1 FROM unindexed) AS is_current,
    NOT EXISTS (SELECT 1 FROM older_unindexed) AS is_complete;

-- :older_unindexed
SELECT position FROM older_unindexed ORDER BY position DESC LIMIT ?;

-- :delete_older_unindexed
DELETE FROM older_unindexed WHERE position = ?;

-- :uncounted
SELECT position FROM uncounted ORDER BY position LIMIT ?;

-- :delete_uncounted_until
DELETE FROM uncounted WHERE position <= ?;

-- :merge_index
INSERT INTO search (search, rank) VALUES ('merge', ?);

-- :merge_even_two
-- A merge of a number of pages that is not negative takes two segments of a level as well.
INSERT INTO search (search, rank) VALUES ('usermerge', 2);

-- :index_structure
SELECT block FROM search_data WHERE id = 10;

-- :put_index_structure
UPDATE search_data SET block = ? WHERE id = 10;

-- :add_deltas
INSERT INTO rollup_deltas (share, organization_id, dimension, start, key, calls, counts, durations)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- :count_deltas
SELECT count(*) AS deltas FROM rollup_deltas;

-- :take_deltas
DELETE FROM rollup_deltas WHERE share = :share
RETURNING organization_id, dimension, start, key, counts, durations;

-- :rollups_at
SELECT r.dimension, r.width, r.start, r.key, r.counts, r.durations FROM json_each(:slots) AS slot
CROSS JOIN rollups AS r ON r.organization_id = :organization_id
    AND r.dimension = json_extract(slot.value, '$[0]') AND r.width = json_extract(slot.value, '$[1]')
    AND r.start = json_extract(slot.value, '$[2]') AND r.key = json_extract(slot.value, '$[3]');

-- :put_rollup
INSERT INTO rollups (organization_id, dimension, width, start, key, calls, cost, counts, durations)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (organization_id, dimension, width, start, key) DO UPDATE SET
    calls = excluded.calls, cost = excluded.cost, counts = excluded.counts, durations = excluded.durations;

-- :delete_rollup
DELETE FROM rollups WHERE organization_id = ? AND dimension = ? AND width = ? AND start = ? AND key = ?;

-- :rollup_bounds
-- The first and the last minute of which there is anything.
SELECT min(start) AS first, max(start) AS last FROM (
    SELECT min(start) AS start FROM rollups
    WHERE organization_id = :organization_id AND dimension = :dimension AND width = 1
    UNION ALL
    SELECT max(start) FROM rollups
    WHERE organization_id = :organization_id AND dimension = :dimension AND width = 1
    UNION ALL
    SELECT min(start) FROM rollup_deltas WHERE organization_id = :organization_id AND dimension = :dimension
    UNION ALL
    SELECT max(start) FROM rollup_deltas WHERE organization_id = :organization_id AND dimension = :dimension
);

-- :delta_bounds
-- The first and the last minute of which something is not folded.
SELECT min(start) AS first, max(start) AS last FROM rollup_deltas WHERE organization_id = :organization_id;

-- :largest_keys
SELECT key, calls FROM rollups INDEXED BY rollups_by_calls
WHERE organization_id = :organization_id AND dimension = :dimension AND width = :width AND start = :start
    AND width IN (0, 1440)
ORDER BY calls DESC LIMIT :limit;

-- :costliest_keys
SELECT key, cost FROM rollups INDEXED BY rollups_by_cost
WHERE organization_id = :organization_id AND dimension = :dimension AND width = :width AND start = :start
    AND width IN (0, 1440) AND cost > 0
ORDER BY cost DESC LIMIT :limit;

-- :has_no_cost
SELECT 1 FROM rollups INDEXED BY rollups_without_cost
WHERE organization_id = :organization_id AND dimension = :dimension AND width IN (0, 1440) AND cost IS NULL LIMIT 1;

-- :rollups_without_cost
SELECT organization_id, dimension, width, start, key, counts FROM rollups INDEXED BY rollups_without_cost
WHERE width IN (0, 1440) AND cost IS NULL LIMIT ?;

-- :put_cost
UPDATE rollups SET cost = ?
WHERE organization_id = ? AND dimension = ? AND width = ? AND start = ? AND key = ?;

-- :calls_of_keys
SELECT key, sum(calls) FROM rollups
WHERE organization_id = :organization_id AND dimension = :dimension AND width = :width
    AND start >= :start AND start < :end
GROUP BY key;

-- :delta_calls_of_keys
SELECT key, sum(calls) FROM rollup_deltas
WHERE organization_id = :organization_id AND dimension = :dimension AND start >= :start AND start < :end
GROUP BY key;

-- :rollups_in
SELECT key, start, counts, durations FROM rollups
WHERE organization_id = :organization_id AND dimension = :dimension AND width = :width
    AND start >= :start AND start < :end;

-- :rollups_of_keys
SELECT key, start, counts, durations FROM rollups
WHERE organization_id = :organization_id AND dimension = :dimension AND width = :width
    AND start IN (SELECT value FROM json_each(:starts)) AND key IN (SELECT value FROM json_each(:keys));

-- :rollups_of_many_keys
-- All groups of the span are passed: + keeps the key from being sought.
SELECT key, start, counts, durations FROM rollups
WHERE organization_id = :organization_id AND dimension = :dimension AND width = :width
    AND start >= :start AND start < :end AND +key IN (SELECT value FROM json_each(:keys));

-- :groups_of_steps
SELECT count(*) FROM (
    SELECT 1 FROM rollups
    WHERE organization_id = :organization_id AND dimension = :dimension AND width = :width
        AND start IN (SELECT value FROM json_each(:some))
    LIMIT :most
);

-- :deltas_of_keys
SELECT key, start, counts, durations FROM rollup_deltas
WHERE organization_id = :organization_id AND dimension = :dimension AND start >= :start AND start < :end
    AND (:keys IS NULL OR key IN (SELECT value FROM json_each(:keys)));

-- :hours_without_tags
-- Hours with a call that may carry none of the tags: no tag has as many calls as the hour, or not all of the hour or
-- of the tags is folded.
SELECT start FROM rollups AS hour
WHERE organization_id = :organization_id AND dimension = 'none' AND width = 60
    AND start >= :first AND start < :end AND NOT EXISTS (
    SELECT 1 FROM json_each(:tags) AS tag CROSS JOIN rollups AS tagged
    ON tagged.organization_id = :organization_id AND tagged.dimension = 'tag' AND tagged.width = 60
        AND tagged.start = hour.start AND tagged.key = tag.value AND tagged.calls = hour.calls
)
UNION
SELECT start - start % 60 FROM rollup_deltas
WHERE organization_id = :organization_id
    AND (dimension = 'none' OR (dimension = 'tag' AND key IN (SELECT value FROM json_each(:tags))))
    AND start >= :first AND start < :end
ORDER BY start;

-- :tags_in_use
SELECT key FROM (
    SELECT key, calls FROM rollups
    WHERE organization_id = :organization_id AND dimension = 'tag' AND width = 0 AND start = 0
        AND key >= :prefix AND substr(key, 1, length(:prefix)) = :prefix
    UNION ALL
    SELECT key, calls FROM rollup_deltas
    WHERE organization_id = :organization_id AND dimension = 'tag'
        AND substr(key, 1, length(:prefix)) = :prefix
)
GROUP BY key HAVING sum(calls) > 0 ORDER BY key LIMIT :limit;

-- :touch_session
INSERT INTO sessions (organization_id, id, first_ms, last_ms) VALUES (?, ?, ?, ?)
ON CONFLICT (organization_id, id) DO UPDATE SET
    first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms);

-- :sessions
SELECT id, first_ms, last_ms FROM sessions
WHERE organization_id = :organization_id AND (last_ms, id) < (:last_ms, :id)
ORDER BY last_ms DESC, id DESC LIMIT :limit;

-- :session
SELECT id, first_ms, last_ms FROM sessions WHERE organization_id = :organization_id AND id = :id;

-- :delete_empty_session
DELETE FROM sessions WHERE organization_id = :organization_id AND id = :id AND NOT EXISTS (
    SELECT 1 FROM completions c WHERE c.organization_id = :organization_id AND c.session_id = :id
);

-- :delete_old_sessions
DELETE FROM sessions WHERE last_ms < :before_ms AND NOT EXISTS (
    SELECT 1 FROM completions c
    WHERE c.organization_id = sessions.organization_id AND c.session_id = sessions.id
);

-- :adjoining_ranges
SELECT first, last FROM sequences
WHERE organization_id = :organization_id AND source = :source AND first <= :last + 1 AND last >= :first - 1;

-- :delete_range
DELETE FROM sequences WHERE organization_id = ? AND source = ? AND first = ?;

-- :insert_range
INSERT INTO sequences (organization_id, source, first, last) VALUES (?, ?, ?, ?);

-- :ranges
SELECT source, first, last FROM sequences WHERE organization_id = :organization_id ORDER BY source, first;

-- :ranges_of_source
SELECT source, first, last FROM sequences
WHERE organization_id = :organization_id AND source = :source ORDER BY first;

-- :put_task
INSERT INTO feedback_tasks (
    organization_id, id, name, instruction, json_schema, tags_selector, created_at_ms
) VALUES (:organization_id, :id, :name, :instruction, :json_schema, :tags_selector, :created_at_ms)
ON CONFLICT (organization_id, id) DO UPDATE SET
    name = excluded.name, instruction = excluded.instruction, json_schema = excluded.json_schema,
    tags_selector = excluded.tags_selector;

-- :tasks
SELECT id, name, instruction, json_schema, tags_selector, created_at_ms FROM feedback_tasks
WHERE organization_id = :organization_id ORDER BY created_at_ms, id;

-- :task
SELECT id, name, instruction, json_schema, tags_selector, created_at_ms FROM feedback_tasks
WHERE organization_id = :organization_id AND id = :id;

-- :known_ids
-- CROSS JOIN fixes the order: the planner would read all records of the organization, and the ids for each.
SELECT wanted.value AS id FROM json_each(:ids) wanted
CROSS JOIN completions c ON c.organization_id = :organization_id AND c.id = wanted.value;

-- :tagged_with_all
SELECT c.id FROM tags t JOIN completions c USING (position)
WHERE t.organization_id = :organization_id AND t.tag = json_extract(:tags, '$[0]')
    AND NOT EXISTS (
        SELECT 1 FROM json_each(:tags) wanted WHERE NOT EXISTS (
            SELECT 1 FROM tags o
            WHERE o.organization_id = :organization_id AND o.tag = wanted.value AND o.position = t.position
        )
    )
ORDER BY t.position DESC LIMIT :limit;

-- :insert_feedback
INSERT INTO feedback (organization_id, id, task_id, json_values, comment, created_at_ms, key_id)
VALUES (:organization_id, :id, :task_id, :json_values, :comment, :created_at_ms, :key_id)
ON CONFLICT (organization_id, id) DO UPDATE SET
    task_id = excluded.task_id, json_values = excluded.json_values, comment = excluded.comment,
    key_id = excluded.key_id;

-- :delete_matches
DELETE FROM feedback_completions WHERE organization_id = :organization_id AND feedback_id = :id;

-- :insert_match
INSERT OR IGNORE INTO feedback_completions (organization_id, completion_id, task_id, feedback_id, ordinal)
VALUES (?, ?, ?, ?, ?);

-- :feedback
SELECT id, task_id, json_values, comment, created_at_ms, key_id FROM feedback
WHERE organization_id = :organization_id AND (:task_id IS NULL OR task_id = :task_id)
ORDER BY created_at_ms DESC, id DESC LIMIT :limit OFFSET :offset;

-- :feedback_of_task
SELECT id, task_id, json_values, comment, created_at_ms, key_id FROM feedback
WHERE organization_id = :organization_id AND task_id = :task_id AND (created_at_ms, id) < (:before_ms, :before_id)
ORDER BY created_at_ms DESC, id DESC LIMIT :limit;

-- :values_of_task
SELECT json_values FROM feedback WHERE organization_id = :organization_id AND task_id = :task_id
ORDER BY created_at_ms DESC, id DESC LIMIT :limit;

-- :delete_feedback
DELETE FROM feedback WHERE organization_id = :organization_id AND id = :id;

-- :count_feedback
SELECT count(*) AS total FROM feedback
WHERE organization_id = :organization_id AND (:task_id IS NULL OR task_id = :task_id);

-- :feedback_for
SELECT f.id, f.task_id, f.json_values, f.comment, f.created_at_ms, f.key_id
FROM feedback_completions m
JOIN feedback f ON f.organization_id = m.organization_id AND f.id = m.feedback_id
WHERE m.organization_id = :organization_id AND m.completion_id = :completion_id
    AND (:task_id IS NULL OR m.task_id = :task_id)
ORDER BY f.created_at_ms DESC, f.id DESC LIMIT :limit OFFSET :offset;

-- :count_feedback_for
SELECT count(*) AS total FROM feedback_completions
WHERE organization_id = :organization_id AND completion_id = :completion_id
    AND (:task_id IS NULL OR task_id = :task_id);

-- :one_feedback
SELECT id, task_id, json_values, comment, created_at_ms, key_id FROM feedback
WHERE organization_id = :organization_id AND id = :id;

-- :matches
SELECT completion_id FROM feedback_completions
WHERE organization_id = :organization_id AND feedback_id = :id ORDER BY ordinal;

-- :tagged
-- Completions with a tag, and whether they have no feedback for the task and no other holder.
SELECT t.position, c.id, NOT EXISTS (
    SELECT 1 FROM feedback_completions m
    WHERE m.organization_id = :organization_id AND m.completion_id = c.id AND m.task_id = :task_id
) AND NOT EXISTS (
    SELECT 1 FROM grading_leases l
    WHERE l.organization_id = :organization_id AND l.task_id = :task_id AND l.completion_id = c.id
        AND l.expires_at_ms > :now_ms AND l.holder <> :holder
) AS is_waiting
FROM tags t JOIN completions c USING (position)
WHERE t.organization_id = :organization_id AND t.tag = :tag AND t.position < :before
ORDER BY t.position DESC LIMIT :limit;

-- :lease
INSERT INTO grading_leases (organization_id, task_id, completion_id, holder, expires_at_ms, draft)
SELECT :organization_id, :task_id, :completion_id, :holder, :expires_at_ms, :draft
WHERE :take_over OR NOT EXISTS (
    SELECT 1 FROM feedback_completions
    WHERE organization_id = :organization_id AND completion_id = :completion_id AND task_id = :task_id
)
ON CONFLICT (organization_id, task_id, completion_id) DO UPDATE SET
    holder = excluded.holder, expires_at_ms = excluded.expires_at_ms, draft = excluded.draft
WHERE :take_over OR expires_at_ms <= :now_ms;

-- :give_up_leases
DELETE FROM grading_leases
WHERE organization_id = :organization_id AND task_id = :task_id AND holder = :holder;

-- :delete_expired_leases
DELETE FROM grading_leases WHERE expires_at_ms <= :now_ms;

-- :leases
SELECT completion_id, holder, expires_at_ms, draft FROM grading_leases
WHERE organization_id = :organization_id AND task_id = :task_id AND expires_at_ms > :now_ms
ORDER BY expires_at_ms;

-- :count_graded
SELECT count(*) AS graded FROM (
    SELECT DISTINCT completion_id FROM feedback_completions
    WHERE organization_id = :organization_id AND task_id = :task_id LIMIT :limit
);

-- :graders
SELECT DISTINCT key_id FROM (
    SELECT key_id FROM feedback WHERE organization_id = :organization_id AND task_id = :task_id
    ORDER BY created_at_ms DESC LIMIT 100
) WHERE key_id IS NOT NULL ORDER BY key_id;

-- :feedback_of_completion
SELECT feedback_id FROM feedback_completions
WHERE organization_id = :organization_id AND completion_id = :id;

-- :delete_matches_of_completion
DELETE FROM feedback_completions WHERE organization_id = :organization_id AND completion_id = :id;

-- :delete_feedback_about_nothing
DELETE FROM feedback WHERE organization_id = :organization_id AND id = :id AND NOT EXISTS (
    SELECT 1 FROM feedback_completions WHERE organization_id = :organization_id AND feedback_id = :id
);

-- :insert_key
INSERT INTO keys (
    organization_id, id, name, scopes, secret_hash, created_at_ms, expires_at_ms, revoked_at_ms, last_used_at_ms
) VALUES (
    :organization_id, :id, :name, :scopes, :secret_hash, :created_at_ms, :expires_at_ms, :revoked_at_ms,
    :last_used_at_ms
);

-- :find_key
SELECT organization_id, id, name, scopes, secret_hash, created_at_ms, expires_at_ms, revoked_at_ms,
    last_used_at_ms
FROM keys WHERE id = :id;

-- :keys
SELECT organization_id, id, name, scopes, secret_hash, created_at_ms, expires_at_ms, revoked_at_ms,
    last_used_at_ms
FROM keys WHERE :organization_id IS NULL OR organization_id = :organization_id ORDER BY created_at_ms, id;

-- :revoke_key
UPDATE keys SET revoked_at_ms = :now_ms
WHERE organization_id = :organization_id AND id = :id AND revoked_at_ms IS NULL;

-- :use_key
UPDATE keys SET last_used_at_ms = max(coalesce(last_used_at_ms, 0), :now_ms)
WHERE organization_id = :organization_id AND id = :id;

-- :revoke_page_session
INSERT INTO revoked_page_sessions (organization_id, id, expires_at_ms) VALUES (:organization_id, :id, :expires_at_ms)
ON CONFLICT DO NOTHING;

-- :delete_expired_page_sessions
DELETE FROM revoked_page_sessions WHERE expires_at_ms <= :now_ms;

-- :is_page_session_revoked
SELECT 1 FROM revoked_page_sessions WHERE organization_id = :organization_id AND id = :id;

-- :oldest
SELECT position FROM completions WHERE position < :before ORDER BY position LIMIT :limit;

-- :count_all
SELECT count(*) AS calls FROM completions;

-- :size
SELECT page_count, page_size FROM pragma_page_count, pragma_page_size;

-- :contents
SELECT
    (SELECT count(*) FROM completions) AS calls,
    (SELECT count(*) FROM feedback_tasks) AS tasks,
    (SELECT count(*) FROM feedback) AS feedback,
    (SELECT count(*) FROM keys WHERE name <> :own) AS keys;

-- :put_chore
INSERT OR IGNORE INTO chores (name) VALUES (?);

-- :delete_chore
DELETE FROM chores WHERE name = ?;

-- :chores
SELECT name FROM chores;

-- :create_migrations
CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at_ms INTEGER NOT NULL
) STRICT;

-- :migrations
SELECT number, name, checksum FROM migrations ORDER BY number;

-- :insert_migration
INSERT INTO migrations (number, name, checksum, applied_at_ms) VALUES (?, ?, ?, ?);

-- :find_deleted
SELECT d.record, d.content FROM json_each(:records) wanted
JOIN deleted d ON d.organization_id = :organization_id AND d.record = wanted.value;

-- :remember_deleted
INSERT INTO deleted (organization_id, record, content, day) VALUES (?, ?, ?, ?)
ON CONFLICT (organization_id, record) DO UPDATE SET content = excluded.content, day = excluded.day;

-- :deletion_day
SELECT day FROM deleted WHERE organization_id = ? AND record = ?;

-- :forget_deletions
DELETE FROM deleted WHERE (organization_id, record) IN (
    SELECT organization_id, record FROM deleted WHERE day < ? LIMIT ?
);

-- :pruned
SELECT before_ms FROM pruned;

-- :note_pruned
INSERT INTO pruned (number, before_ms) VALUES (1, ?)
ON CONFLICT (number) DO UPDATE SET before_ms = max(before_ms, excluded.before_ms);

-- :has_arrived
SELECT 1 FROM sequences
WHERE organization_id = ? AND source = ? AND first <= ? AND last >= ? LIMIT 1;

-- :organizations
-- Each index is asked for the next one, and not read through.
WITH RECURSIVE found (organization_id) AS (
    SELECT ''
    UNION
    SELECT (
        SELECT min(organization_id) FROM (
            SELECT min(organization_id) AS organization_id FROM completions
            WHERE organization_id > found.organization_id
            UNION ALL SELECT min(organization_id) FROM sessions WHERE organization_id > found.organization_id
            UNION ALL SELECT min(organization_id) FROM sequences WHERE organization_id > found.organization_id
            UNION ALL SELECT min(organization_id) FROM feedback_tasks WHERE organization_id > found.organization_id
            UNION ALL SELECT min(organization_id) FROM keys WHERE organization_id > found.organization_id
            UNION ALL SELECT min(organization_id) FROM deleted WHERE organization_id > found.organization_id
            UNION ALL
            SELECT min(organization_id) FROM revoked_page_sessions WHERE organization_id > found.organization_id
        )
    ) FROM found WHERE organization_id IS NOT NULL
)
SELECT organization_id FROM found WHERE organization_id <> '' ORDER BY organization_id;

-- :positions_after
-- Positions of an organization in order, each with the length of the body, which is known without reading it.
SELECT c.position, length(b.body) AS bytes
FROM completions c INDEXED BY completions_by_time JOIN bodies b ON b.position = c.position
WHERE c.organization_id = :organization_id AND c.position > :after
ORDER BY c.position LIMIT :limit;

-- :session_spans
SELECT id, first_ms, last_ms FROM sessions WHERE organization_id = :organization_id AND id > :after
ORDER BY id LIMIT :limit;

-- :deletions
SELECT record, content, day FROM deleted WHERE organization_id = :organization_id AND record > :after
ORDER BY record LIMIT :limit;

-- :arrivals
SELECT source, first, last FROM sequences
WHERE organization_id = :organization_id AND (source, first) > (:source, :first)
ORDER BY source, first LIMIT :limit;

-- :revoked_page_sessions
SELECT id, expires_at_ms FROM revoked_page_sessions WHERE organization_id = :organization_id;
