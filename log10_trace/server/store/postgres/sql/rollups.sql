-- :bounds
-- The first and the last minute of which there is anything.
SELECT min(start), max(start) FROM (
    SELECT min(start) AS start FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width = 1
    UNION ALL
    SELECT max(start) FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width = 1
    UNION ALL
    SELECT min(start) FROM rollup_deltas
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s
    UNION ALL
    SELECT max(start) FROM rollup_deltas
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s
) AS ends;

-- :delta_bounds
-- The first and the last minute of which something is not folded.
SELECT min(start), max(start) FROM rollup_deltas WHERE organization_id = %(organization_id)s;

-- :largest
-- The largest groups of each of some roll-ups. LATERAL and OFFSET 0, here and below, because the planner would take
-- starts that it does not know for most of the table, and read it all.
SELECT r.key, r.calls::bigint
FROM unnest(%(starts)b::bigint[]) AS step (start)
CROSS JOIN LATERAL (
    SELECT key, calls FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width = %(width)s
        AND width IN (0, 1440) AND start = step.start
    ORDER BY calls DESC LIMIT %(limit)s
) AS r;

-- :costliest
-- The groups of each of some roll-ups that cost most.
SELECT r.key, r.cost
FROM unnest(%(starts)b::bigint[]) AS step (start)
CROSS JOIN LATERAL (
    SELECT key, cost FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width = %(width)s
        AND width IN (0, 1440) AND start = step.start AND cost > 0
    ORDER BY cost DESC LIMIT %(limit)s
) AS r;

-- :has_no_cost
SELECT 1 FROM rollups
WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width IN (0, 1440) AND cost IS NULL
LIMIT 1;

-- :calls
SELECT key, sum(calls)::bigint FROM rollups
WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width = %(width)s
    AND start >= %(start)s AND start < %(end)s
GROUP BY key;

-- :delta_calls
SELECT key, sum(calls)::bigint FROM rollup_deltas
WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s
    AND start >= %(start)s AND start < %(end)s
GROUP BY key;

-- :rollups
SELECT key, start, counts, durations FROM rollups
WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width = %(width)s
    AND start >= %(start)s AND start < %(end)s;

-- :rollups_of_keys
-- Of each step its few groups are all read, or each key is looked up, which takes several times as long as to pass a
-- group. IS TRUE keeps the keys a table that is looked into. The width is not a value, so that the planner does not take
-- the index of the largest groups of a day: it is smaller than the primary key, but reads all groups of the day for each
-- key. Steps and keys that belong together have one number.
WITH steps AS MATERIALIZED (
    SELECT step.*, (
        SELECT count(*) FROM (
            SELECT FROM rollups
            WHERE organization_id = %(organization_id)s AND dimension = step.dimension
                AND width = step.width AND start = step.start
            LIMIT 4 * step.groups
        ) AS groups
    ) < 4 * step.groups AS has_few
    FROM unnest(
        %(numbers)b::int[], %(dimensions)s::text[], %(groups)b::int[], %(widths)b::smallint[], %(starts)b::bigint[]
    ) AS step (number, dimension, groups, width, start)
)
SELECT steps.number, steps.width, r.key, r.start, r.counts, r.durations
FROM steps
CROSS JOIN LATERAL (
    SELECT key, start, counts, durations FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = steps.dimension
        AND width = steps.width AND start = steps.start
        AND ((steps.number, key) IN (
            SELECT * FROM unnest(%(key_numbers)b::int[], %(keys)s::text[]))) IS TRUE
    OFFSET 0
) AS r
WHERE has_few
UNION ALL
SELECT steps.number, steps.width, r.key, r.start, r.counts, r.durations
FROM steps
JOIN unnest(%(key_numbers)b::int[], %(keys)s::text[]) AS wanted (number, key) ON wanted.number = steps.number
CROSS JOIN LATERAL (
    SELECT key, start, counts, durations FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = steps.dimension
        AND width = steps.width AND start = steps.start AND key = wanted.key
    OFFSET 0
) AS r
WHERE NOT has_few;

-- :deltas
SELECT key, start, counts, durations FROM rollup_deltas
WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s
    AND start >= %(start)s AND start < %(end)s;

-- :deltas_of_keys
SELECT key, start, counts, durations FROM rollup_deltas
WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND key = ANY (%(keys)s)
    AND start >= %(start)s AND start < %(end)s;

-- :hours_without_tags
-- Hours with a call that may carry none of the tags: no tag has as many calls as the hour, or not all of the hour or
-- of the tags is folded.
SELECT hour.start FROM rollups AS hour
WHERE organization_id = %(organization_id)s AND dimension = 'none' AND width = 60
    AND start >= %(first)s AND start < %(end)s
    AND NOT EXISTS (
        SELECT FROM unnest(%(tags)s::text[]) AS wanted (key)
        CROSS JOIN LATERAL (
            SELECT calls FROM rollups AS tagged
            WHERE tagged.organization_id = %(organization_id)s AND tagged.dimension = 'tag' AND tagged.width = 60
                AND tagged.start = hour.start AND tagged.key = wanted.key
            OFFSET 0
        ) AS tagged
        WHERE tagged.calls = hour.calls)
UNION
SELECT start - mod(start, 60) FROM rollup_deltas
WHERE organization_id = %(organization_id)s
    AND (dimension = 'none' OR (dimension = 'tag' AND key = ANY (%(tags)s)))
    AND start >= %(first)s AND start < %(end)s
ORDER BY start;
