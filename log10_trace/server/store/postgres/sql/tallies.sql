-- :add_deltas
-- Append without looking: no server waits for another.
INSERT INTO rollup_deltas (organization_id, dimension, start, key, calls, counts, durations)
SELECT * FROM unnest(
    %(organization_id)b::text[], %(dimension)b::text[], %(start)b::bigint[], %(key)b::text[], %(calls)b::bigint[],
    %(counts)b::text[], %(durations)b::text[]);

-- :alone
SELECT pg_advisory_xact_lock(%(lock)s);

-- :take
-- Some of what was appended.
DELETE FROM rollup_deltas WHERE ctid = ANY (ARRAY (SELECT ctid FROM rollup_deltas LIMIT %(limit)s))
RETURNING organization_id, dimension, start, key, counts, durations;

-- :standing
-- Roll-ups as they stand.
SELECT dimension, width, start, key, counts, durations FROM rollups
WHERE organization_id = %(organization_id)s AND (dimension, width, start, key)
    IN (SELECT * FROM unnest(%(dimension)b::text[], %(width)b::smallint[], %(start)b::bigint[], %(key)b::text[]));

-- :put
INSERT INTO rollups (organization_id, dimension, width, start, key, calls, counts, durations)
SELECT %(organization_id)s, * FROM unnest(
    %(dimension)b::text[], %(width)b::smallint[], %(start)b::bigint[], %(key)b::text[], %(calls)b::bigint[],
    %(counts)b::text[], %(durations)b::text[])
ON CONFLICT (organization_id, dimension, width, start, key) DO UPDATE SET
    calls = excluded.calls, counts = excluded.counts, durations = excluded.durations;

-- :remove
DELETE FROM rollups
WHERE organization_id = %(organization_id)s AND (dimension, width, start, key)
    IN (SELECT * FROM unnest(%(dimension)b::text[], %(width)b::smallint[], %(start)b::bigint[], %(key)b::text[]));

-- :tags
-- Tags in use, in order; only names that some call still carries.
SELECT key FROM (
    SELECT key, calls FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = 'tag' AND width = 0 AND start = 0
        AND starts_with(key, %(prefix)s) AND key >= %(prefix)s
    UNION ALL
    SELECT key, calls FROM rollup_deltas
    WHERE organization_id = %(organization_id)s AND dimension = 'tag'
        AND starts_with(key, %(prefix)s)
) AS parts
GROUP BY key HAVING sum(calls) > 0 ORDER BY key LIMIT %(limit)s;
