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
-- The keys with most calls over pieces of time (each of one width), with what is not folded yet. LATERAL and OFFSET 0,
-- here and below, because the planner would take pieces that it does not know for most of the table, and read it all.
SELECT key FROM (
    SELECT r.key, r.calls
    FROM unnest(%(widths)b::smallint[], %(starts)b::bigint[], %(ends)b::bigint[]) AS piece (width, start, "end")
    CROSS JOIN LATERAL (
        SELECT key, calls FROM rollups
        WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s
            AND width = piece.width AND start >= piece.start AND start < piece."end"
        OFFSET 0
    ) AS r
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
CROSS JOIN LATERAL (
    SELECT key, start, counts, durations FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s
        AND width = piece.width AND start >= piece.start AND start < piece."end"
        AND key || '' = ANY (%(keys)s)  -- not for the index, which would be read once for each key
    OFFSET 0
) AS r
UNION ALL
SELECT key, start, counts, durations FROM rollup_deltas
WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND key = ANY (%(keys)s)
    AND start >= %(start)s AND start < %(end)s;

-- :steps
-- What is counted of some keys in each of the latest steps of time of one width, with what is not folded yet.
WITH latest AS (
    SELECT GREATEST(%(start)s, max(start) - %(length)s + %(width)s) AS start, max(start) AS last FROM (
        SELECT max(start) AS start FROM rollups
        WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width = %(width)s
            AND start >= %(start)s AND start < %(end)s
        UNION ALL
        SELECT max(start - mod(start, %(width)s)) FROM rollup_deltas
        WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s
            AND start >= %(start)s AND start < %(end)s
    ) AS ends
)
SELECT r.key, r.start, r.counts, r.durations
FROM latest
CROSS JOIN LATERAL generate_series(latest.start, latest.last, %(width)s::bigint) AS step (start)
CROSS JOIN unnest(%(keys)s::text[]) AS wanted (key)
CROSS JOIN LATERAL (
    SELECT key, start, counts, durations FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width = %(width)s
        AND start = step.start AND key = wanted.key
    OFFSET 0
) AS r
UNION ALL
SELECT key, start, counts, durations FROM rollup_deltas
WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND key = ANY (%(keys)s)
    AND start >= (SELECT start FROM latest) AND start < %(end)s;

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
