-- :find
SELECT placed_ms FROM completions WHERE organization_id = %(organization_id)s AND id = %(id)s
    AND placed_ms = COALESCE(
        %(placed_ms)s::bigint,
        (SELECT placed_ms FROM placements WHERE organization_id = %(organization_id)s AND id = %(id)s));

-- :delete
DELETE FROM completions
WHERE (organization_id, id, placed_ms)
    IN (SELECT %(organization_id)s, * FROM unnest(%(ids)s::text[], %(placed)s::bigint[]));

-- :remember
INSERT INTO deleted (organization_id, record, content, day)
SELECT * FROM unnest(%(organization_ids)s::text[], %(records)s::text[], %(contents)s::text[], %(days)s::int[])
ON CONFLICT (organization_id, record) DO UPDATE SET content = excluded.content, day = excluded.day;

-- :delete_words
DELETE FROM completion_words
WHERE (organization_id, id, placed_ms)
    IN (SELECT %(organization_id)s, * FROM unnest(%(ids)s::text[], %(placed)s::bigint[]));

-- :delete_texts
DELETE FROM waiting_texts WHERE organization_id = %(organization_id)s AND id = ANY (%(ids)s);

-- :delete_placements
DELETE FROM placements WHERE organization_id = %(organization_id)s AND id = ANY (%(ids)s);

-- :delete_feedback
-- Feedback is no longer about these; what is then about nothing goes with them.
WITH gone AS (
    DELETE FROM feedback_completions
    WHERE organization_id = %(organization_id)s AND completion_id = ANY (%(ids)s)
    RETURNING feedback_id
)
DELETE FROM feedback AS f USING (SELECT DISTINCT feedback_id FROM gone) AS g
WHERE f.organization_id = %(organization_id)s AND f.id = g.feedback_id
    AND NOT EXISTS (
        SELECT FROM feedback_completions AS c
        WHERE c.organization_id = f.organization_id AND c.feedback_id = f.id
            AND NOT c.completion_id = ANY (%(ids)s));

-- :delete_sessions
DELETE FROM sessions AS s
WHERE s.organization_id = %(organization_id)s AND s.id = ANY (%(sessions)s)
    AND NOT EXISTS (
        SELECT FROM completions AS c WHERE c.organization_id = s.organization_id AND c.session_id = s.id);

-- :sweep_stacks
DELETE FROM stacks AS s
WHERE s.organization_id = %(organization_id)s AND s.hash = ANY (%(hashes)s)
    AND NOT EXISTS (SELECT FROM completions AS c WHERE c.organization_id = s.organization_id AND c.stack = s.hash);

-- :sweep_all_stacks
DELETE FROM stacks AS s
WHERE NOT EXISTS (SELECT FROM completions AS c WHERE c.organization_id = s.organization_id AND c.stack = s.hash);

-- :alone_with_stacks
-- Waits for the writers under way, and holds the next ones up until the commit.
SELECT pg_advisory_xact_lock(%(lock)s);
