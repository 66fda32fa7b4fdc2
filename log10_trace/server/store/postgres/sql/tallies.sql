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
INSERT INTO rollups (organization_id, dimension, width, start, key, calls, cost, counts, durations)
SELECT %(organization_id)s, * FROM unnest(
    %(dimension)b::text[], %(width)b::smallint[], %(start)b::bigint[], %(key)b::text[], %(calls)b::bigint[],
    %(cost)b::bigint[], %(counts)b::text[], %(durations)b::text[])
ON CONFLICT (organization_id, dimension, width, start, key) DO UPDATE SET
    calls = excluded.calls, cost = excluded.cost, counts = excluded.counts, durations = excluded.durations;

-- :without_cost
-- Some of the roll-ups whose cost is not known yet.
SELECT organization_id, dimension, width, start, key, counts FROM rollups
WHERE width IN (0, 1440) AND cost IS NULL LIMIT %(limit)s;

-- :put_costs
UPDATE rollups AS r SET cost = priced.cost
FROM unnest(
    %(organization_id)b::text[], %(dimension)b::text[], %(width)b::smallint[], %(start)b::bigint[], %(key)b::text[],
    %(cost)b::bigint[]) AS priced (organization_id, dimension, width, start, key, cost)
WHERE r.organization_id = priced.organization_id AND r.dimension = priced.dimension AND r.width = priced.width
    AND r.start = priced.start AND r.key = priced.key;

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
