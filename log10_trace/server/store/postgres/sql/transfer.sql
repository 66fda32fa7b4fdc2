-- :identity
SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system();

-- :organizations
-- The rows of records are not read: what counts them is.
SELECT organization_id FROM rollups WHERE dimension = 'none' AND width = 0
UNION SELECT organization_id FROM rollup_deltas
UNION SELECT organization_id FROM sessions
UNION SELECT organization_id FROM arrivals
UNION SELECT organization_id FROM feedback_tasks
UNION SELECT organization_id FROM keys
UNION SELECT organization_id FROM deleted
UNION SELECT organization_id FROM revoked_page_sessions
ORDER BY organization_id;

-- :keys_after
-- Keys of records in the order of lists, each with the bytes of the body, which are known without reading it.
SELECT place, id, placed_ms, octet_length(body) FROM completions
WHERE organization_id = %(organization_id)s AND (place, id) > (%(place)s, %(id)s)
ORDER BY place, id LIMIT %(limit)s;

-- :records_at
SELECT c.place, c.id, c.head, c.body, c.stack_body
FROM unnest(%(ids)b::text[], %(placed)b::bigint[]) WITH ORDINALITY AS d (id, placed_ms, number)
CROSS JOIN LATERAL (
    SELECT c.place, c.id, c.head, c.body, s.body AS stack_body
    FROM completions AS c
    LEFT JOIN stacks AS s ON s.organization_id = c.organization_id AND s.hash = c.stack
    WHERE c.organization_id = %(organization_id)s AND c.id = d.id AND c.placed_ms = d.placed_ms
    OFFSET 0
) AS c
ORDER BY d.number;

-- :session_spans
SELECT id, first_ms, last_ms FROM sessions WHERE organization_id = %(organization_id)s AND id > %(after)s
ORDER BY id LIMIT %(limit)s;

-- :deletions
SELECT record, content, day FROM deleted WHERE organization_id = %(organization_id)s AND record > %(after)s
ORDER BY record LIMIT %(limit)s;

-- :arrivals
SELECT source, first, last FROM arrivals
WHERE organization_id = %(organization_id)s AND (source, first, last) > (%(source)s, %(first)s, %(last)s)
ORDER BY source, first, last LIMIT %(limit)s;

-- :revoked_page_sessions
SELECT id, expires_ms FROM revoked_page_sessions WHERE organization_id = %(organization_id)s;

-- :pruned
SELECT before_ms FROM pruned;
