-- :tagged
-- Completions with a tag, and whether they have no feedback for the task and no other holder. The limit stands inside,
-- so that the planner reads as many of the tag as are asked for, and looks each up.
SELECT d.place, d.id, NOT EXISTS (
    SELECT FROM feedback_completions AS m
    WHERE m.organization_id = %(organization_id)s AND m.completion_id = d.id AND m.task_id = %(task_id)s
) AND NOT EXISTS (
    SELECT FROM grading_leases AS l
    WHERE l.organization_id = %(organization_id)s AND l.task_id = %(task_id)s AND l.completion_id = d.id
        AND l.expires_ms > %(now_ms)s AND l.holder <> %(holder)s
)
FROM (
    SELECT place, id FROM completion_tags
    WHERE organization_id = %(organization_id)s AND tag = %(tag)s
        AND place <= %(place)s AND (place, id) < (%(place)s, %(id)s)
    ORDER BY place DESC, id DESC LIMIT %(limit)s
) AS d
ORDER BY d.place DESC, d.id DESC;

-- :lease
INSERT INTO grading_leases AS held (organization_id, task_id, completion_id, holder, expires_ms, draft)
SELECT %(organization_id)s, %(task_id)s, %(completion_id)s, %(holder)s, %(expires_ms)s, %(draft)s
WHERE %(take_over)s OR NOT EXISTS (
    SELECT FROM feedback_completions AS m
    WHERE m.organization_id = %(organization_id)s AND m.completion_id = %(completion_id)s
        AND m.task_id = %(task_id)s
)
ON CONFLICT (organization_id, task_id, completion_id) DO UPDATE SET
    holder = excluded.holder, expires_ms = excluded.expires_ms, draft = excluded.draft
WHERE %(take_over)s OR held.expires_ms <= %(now_ms)s
RETURNING completion_id;

-- :give_up_leases
DELETE FROM grading_leases
WHERE organization_id = %(organization_id)s AND task_id = %(task_id)s AND holder = %(holder)s;

-- :delete_expired_leases
-- Those that another server deletes or renews at this moment are left to it.
DELETE FROM grading_leases WHERE (organization_id, task_id, completion_id) IN (
    SELECT organization_id, task_id, completion_id FROM grading_leases WHERE expires_ms <= %(now_ms)s
    FOR UPDATE SKIP LOCKED
);

-- :leases
SELECT completion_id, holder, expires_ms, draft FROM grading_leases
WHERE organization_id = %(organization_id)s AND task_id = %(task_id)s AND expires_ms > %(now_ms)s
ORDER BY expires_ms;

-- :count_graded
SELECT count(*) FROM (
    SELECT DISTINCT completion_id FROM feedback_completions
    WHERE organization_id = %(organization_id)s AND task_id = %(task_id)s LIMIT %(limit)s
) AS graded;

-- :graders
SELECT DISTINCT key_id FROM (
    SELECT key_id FROM feedback WHERE organization_id = %(organization_id)s AND task_id = %(task_id)s
    ORDER BY created_ms DESC LIMIT 100
) AS lately WHERE key_id IS NOT NULL ORDER BY key_id;
