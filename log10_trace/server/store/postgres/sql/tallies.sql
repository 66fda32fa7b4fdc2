-- :add_deltas
-- Append without looking: no server waits for another.
INSERT INTO rollup_deltas (organization_id, dimension, start, key, model, bucket, calls, failed, metered,
                           input_tokens, output_tokens, cached_tokens)
SELECT * FROM unnest(
    %(organization_id)b::text[], %(dimension)b::text[], %(start)b::bigint[], %(key)b::text[], %(model)b::text[],
    %(bucket)b::smallint[], %(calls)b::bigint[], %(failed)b::bigint[], %(metered)b::bigint[],
    %(input_tokens)b::bigint[], %(output_tokens)b::bigint[], %(cached_tokens)b::bigint[]);

-- :alone
SELECT pg_advisory_xact_lock(%(lock)s);

-- :fold
-- Take some of what was appended and add it to the sums of its minute, hour, day and of all time.
WITH taken AS (
    DELETE FROM rollup_deltas WHERE ctid = ANY (ARRAY (SELECT ctid FROM rollup_deltas LIMIT %(limit)s)) RETURNING *
), folded AS (
    INSERT INTO rollups (organization_id, dimension, width, start, key, model, bucket, calls, failed, metered,
                         input_tokens, output_tokens, cached_tokens)
    SELECT organization_id, dimension, width, CASE width WHEN 0 THEN 0 ELSE start - mod(start, width) END AS begin,
           key, model, bucket, sum(calls), sum(failed), sum(metered), sum(input_tokens), sum(output_tokens),
           sum(cached_tokens)
    FROM taken, unnest(ARRAY[0, 1, 60, 1440]) AS width
    GROUP BY organization_id, dimension, width, begin, key, model, bucket
    ON CONFLICT (organization_id, dimension, width, start, key, model, bucket) DO UPDATE SET
        calls = rollups.calls + excluded.calls,
        failed = rollups.failed + excluded.failed,
        metered = rollups.metered + excluded.metered,
        input_tokens = rollups.input_tokens + excluded.input_tokens,
        output_tokens = rollups.output_tokens + excluded.output_tokens,
        cached_tokens = rollups.cached_tokens + excluded.cached_tokens
)
SELECT count(*) FROM taken;

-- :sweep
-- What came to nothing, its last call deleted, is not even a name any more.
DELETE FROM rollups WHERE calls = 0;

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
-- The sums of some keys over pieces of time (each of one width), with what is not folded yet.
SELECT key, model, 0::bigint, bucket, sum(calls)::bigint, sum(failed)::bigint, sum(metered)::bigint,
       sum(input_tokens)::bigint, sum(output_tokens)::bigint, sum(cached_tokens)::bigint
FROM (
    SELECT r.key, r.model, r.bucket, r.calls, r.failed, r.metered, r.input_tokens, r.output_tokens,
           r.cached_tokens
    FROM unnest(%(widths)b::smallint[], %(starts)b::bigint[], %(ends)b::bigint[]) AS piece (width, start, "end")
    JOIN rollups AS r ON r.organization_id = %(organization_id)s AND r.dimension = %(dimension)s
        AND r.width = piece.width AND r.start >= piece.start AND r.start < piece."end" AND r.key = ANY (%(keys)s)
    UNION ALL
    SELECT key, model, bucket, calls, failed, metered, input_tokens, output_tokens, cached_tokens
    FROM rollup_deltas
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND key = ANY (%(keys)s)
        AND start >= %(start)s AND start < %(end)s
) AS parts
GROUP BY key, model, bucket;

-- :steps
-- The sums of some keys in each of the latest steps of time of one width, with what is not folded yet.
WITH parts AS (
    SELECT start, key, model, bucket, calls, failed, metered, input_tokens, output_tokens, cached_tokens
    FROM rollups
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND width = %(width)s
        AND key = ANY (%(keys)s) AND start >= %(start)s AND start < %(end)s
    UNION ALL
    SELECT start - mod(start, %(width)s), key, model, bucket, calls, failed, metered, input_tokens,
           output_tokens, cached_tokens
    FROM rollup_deltas
    WHERE organization_id = %(organization_id)s AND dimension = %(dimension)s AND key = ANY (%(keys)s)
        AND start >= %(start)s AND start < %(end)s
)
SELECT key, model, start, bucket, sum(calls)::bigint, sum(failed)::bigint, sum(metered)::bigint,
       sum(input_tokens)::bigint, sum(output_tokens)::bigint, sum(cached_tokens)::bigint
FROM parts
WHERE start > (SELECT max(start) FROM parts) - %(steps)s::bigint * %(width)s
GROUP BY key, model, start, bucket;

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
