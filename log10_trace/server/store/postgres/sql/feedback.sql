-- :put_task
INSERT INTO feedback_tasks (organization_id, id, name, instruction, json_schema, tags, created_ms)
VALUES (%(organization_id)s, %(id)s, %(name)s, %(instruction)s, %(json_schema)s, %(tags)s::text[], %(created_ms)s)
ON CONFLICT (organization_id, id) DO UPDATE SET
    name = excluded.name, instruction = excluded.instruction, json_schema = excluded.json_schema,
    tags = excluded.tags;

-- :tasks
SELECT id, name, instruction, json_schema, tags, created_ms FROM feedback_tasks
WHERE organization_id = %(organization_id)s ORDER BY created_ms, id;

-- :task
SELECT id, name, instruction, json_schema, tags, created_ms FROM feedback_tasks
WHERE organization_id = %(organization_id)s AND id = %(id)s;

-- :known_ids
-- Those of the ids that stand, held until the commit so that none is deleted under the feedback about it.
SELECT c.id FROM unnest(%(ids)s::text[], %(placed)s::bigint[]) AS wanted (id, placed_ms)
JOIN completions AS c ON c.organization_id = %(organization_id)s AND c.id = wanted.id
    AND c.placed_ms = COALESCE(
        wanted.placed_ms,
        (SELECT p.placed_ms FROM placements AS p
         WHERE p.organization_id = %(organization_id)s AND p.id = wanted.id))
FOR KEY SHARE OF c;

-- :put_feedback
INSERT INTO feedback (organization_id, id, task_id, json_values, comment, created_ms, key_id)
VALUES (%(organization_id)s, %(id)s, %(task_id)s, %(json_values)s, %(comment)s, %(created_ms)s, %(key_id)s)
ON CONFLICT (organization_id, id) DO UPDATE SET
    task_id = excluded.task_id, json_values = excluded.json_values, comment = excluded.comment,
    key_id = excluded.key_id;

-- :delete_matches
DELETE FROM feedback_completions WHERE organization_id = %(organization_id)s AND feedback_id = %(id)s;

-- :put_matches
INSERT INTO feedback_completions (organization_id, completion_id, task_id, feedback_id, position)
SELECT %(organization_id)s, match.id, %(task_id)s, %(id)s, match.position
FROM unnest(%(matched)s::text[]) WITH ORDINALITY AS match (id, position)
ON CONFLICT DO NOTHING;

-- :feedback
SELECT f.id, f.task_id, f.json_values, f.comment, f.created_ms, f.key_id,
    ARRAY (SELECT m.completion_id FROM feedback_completions AS m
           WHERE m.organization_id = f.organization_id AND m.feedback_id = f.id ORDER BY m.position)
FROM feedback AS f
WHERE f.organization_id = %(organization_id)s AND (%(task_id)s::text IS NULL OR f.task_id = %(task_id)s)
ORDER BY f.created_ms DESC, f.id DESC LIMIT %(limit)s OFFSET %(offset)s;

-- :feedback_of_task
SELECT f.id, f.task_id, f.json_values, f.comment, f.created_ms, f.key_id,
    ARRAY (SELECT m.completion_id FROM feedback_completions AS m
           WHERE m.organization_id = f.organization_id AND m.feedback_id = f.id ORDER BY m.position)
FROM feedback AS f
WHERE f.organization_id = %(organization_id)s AND f.task_id = %(task_id)s
    AND (f.created_ms, f.id) < (%(before_ms)s, %(before_id)s)
ORDER BY f.created_ms DESC, f.id DESC LIMIT %(limit)s;

-- :values_of_task
SELECT json_values FROM feedback WHERE organization_id = %(organization_id)s AND task_id = %(task_id)s
ORDER BY created_ms DESC, id DESC LIMIT %(limit)s;

-- :delete_feedback
DELETE FROM feedback WHERE organization_id = %(organization_id)s AND id = %(id)s;

-- :count_feedback
SELECT count(*) FROM feedback AS f
WHERE f.organization_id = %(organization_id)s AND (%(task_id)s::text IS NULL OR f.task_id = %(task_id)s);

-- :feedback_about
SELECT f.id, f.task_id, f.json_values, f.comment, f.created_ms, f.key_id,
    ARRAY (SELECT m.completion_id FROM feedback_completions AS m
           WHERE m.organization_id = f.organization_id AND m.feedback_id = f.id ORDER BY m.position)
FROM feedback_completions AS a
JOIN feedback AS f ON f.organization_id = a.organization_id AND f.id = a.feedback_id
WHERE a.organization_id = %(organization_id)s AND a.completion_id = %(completion_id)s
    AND (%(task_id)s::text IS NULL OR a.task_id = %(task_id)s)
ORDER BY f.created_ms DESC, f.id DESC LIMIT %(limit)s OFFSET %(offset)s;

-- :count_feedback_about
SELECT count(*) FROM feedback_completions AS a
WHERE a.organization_id = %(organization_id)s AND a.completion_id = %(completion_id)s
    AND (%(task_id)s::text IS NULL OR a.task_id = %(task_id)s);

-- :one_feedback
SELECT f.id, f.task_id, f.json_values, f.comment, f.created_ms, f.key_id,
    ARRAY (SELECT m.completion_id FROM feedback_completions AS m
           WHERE m.organization_id = f.organization_id AND m.feedback_id = f.id ORDER BY m.position)
FROM feedback AS f
WHERE f.organization_id = %(organization_id)s AND f.id = %(id)s;

-- :meet_session
INSERT INTO sessions (organization_id, id, first_ms, last_ms)
VALUES (%(organization_id)s, %(id)s, %(now_ms)s, %(now_ms)s) ON CONFLICT DO NOTHING;

-- :sessions
SELECT id, first_ms, last_ms FROM sessions
WHERE organization_id = %(organization_id)s AND (last_ms, id) < (%(last_ms)s, %(last_id)s)
ORDER BY last_ms DESC, id DESC LIMIT %(limit)s;

-- :session
SELECT id, first_ms, last_ms FROM sessions WHERE organization_id = %(organization_id)s AND id = %(id)s;
