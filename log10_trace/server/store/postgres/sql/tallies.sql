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

-- :busiest
-- The keys with most calls over pieces of time (each of one width), with what is not folded yet.
SELECT key FROM (
    SELECT r.key, r.calls
    FROM unnest(%(widths)b::smallint[], %(starts)b::bigint[], %(ends)b::bigint[]) AS piece (width, start, "end")
    JOIN rollups AS r ON r.organization_id = %(organization_id)s AND r.dimension = %(dimension)s
        AND r.width = piece.width AND r.start >= piece.start AND r.start < piece."end"
    UNION ALL
    SELECT key, calls FROM rollup_deltas
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s
        AND start >= %(start)s AND start < %(end)s
) AS parts
GROUP BY key HAVING sum(calls) > 0 ORDER BY sum(calls) DESC, key LIMIT %(limit)s;

-- :totals
-- What is counted of some keys in pieces of time (each of one width), with what is not folded yet.
SELECT r.key, r.start, r.counts, r.durations
FROM unnest(%(widths)b::smallint[], %(starts)b::bigint[], %(ends)b::bigint[]) AS piece (width, start, "end")
JOIN rollups AS r ON r.organization_id = %(organization_id)s AND r.dimension = %(dimension)s
    AND r.width = piece.width AND r.start >= piece.start AND r.start < piece."end" AND r.key = ANY (%(keys)s)
UNION ALL
SELECT key, start, counts, durations FROM rollup_deltas
WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND key = ANY (%(keys)s)
    AND start >= %(start)s AND start < %(end)s;

-- :steps
-- What is counted of some keys in each of the latest steps of time of one width, with what is not folded yet.
WITH parts AS (
    SELECT key, start, counts, durations FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width = %(width)s
        AND key = ANY (%(keys)s) AND start >= %(start)s AND start < %(end)s
    UNION ALL
    SELECT key, start - mod(start, %(width)s), counts, durations FROM rollup_deltas
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND key = ANY (%(keys)s)
        AND start >= %(start)s AND start < %(end)s
)
SELECT key, start, counts, durations FROM parts
WHERE start > (SELECT max(start) FROM parts) - %(length)s;

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
