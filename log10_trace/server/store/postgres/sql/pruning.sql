-- :limit_locks
-- Rather try again later than hold up everybody behind a lock.
SELECT set_config('lock_timeout', '500ms', true);

-- :days
SELECT first_ms FROM days WHERE first_ms + 86400000 <= %(end_ms)s ORDER BY first_ms;

-- :count_day
-- Records of a day, and whether one of them has its place at ``kept`` or later.
SELECT count(*), COALESCE(bool_or(place >= %(kept)s), false) FROM completions
WHERE placed_ms >= %(first_ms)s AND placed_ms < %(first_ms)s + 86400000;

-- :note_pruned
INSERT INTO pruned (number, before_ms) VALUES (1, %(before_ms)s)
ON CONFLICT (number) DO UPDATE SET before_ms = GREATEST(pruned.before_ms, excluded.before_ms);

-- :forget_deletions
DELETE FROM deleted WHERE day < %(day)s;

-- :without_sequence
-- Records of a day whose fields do not name a source and a sequence; the first line of the head lists the fields.
SELECT organization_id, id, placed_ms FROM completions
WHERE placed_ms >= %(first_ms)s AND placed_ms < %(first_ms)s + 86400000
    AND NOT (split_part(head, E'\n', 1) LIKE '%%"source", %%' AND split_part(head, E'\n', 1) LIKE '%%"sequence", %%');

-- :forget_day
-- What other tables know of the records of a day that is dropped.
WITH gone AS (
    SELECT organization_id, id FROM completions WHERE placed_ms >= %(first_ms)s AND placed_ms < %(first_ms)s + 86400000
), matches AS (
    DELETE FROM feedback_completions AS f USING gone AS g
    WHERE f.organization_id = g.organization_id AND f.completion_id = g.id
    RETURNING f.organization_id, f.feedback_id, f.completion_id
), texts AS (
    DELETE FROM waiting_texts WHERE placed_ms >= %(first_ms)s AND placed_ms < %(first_ms)s + 86400000
), places AS (
    DELETE FROM placements WHERE placed_ms >= %(first_ms)s AND placed_ms < %(first_ms)s + 86400000
)
DELETE FROM feedback AS f USING (SELECT DISTINCT organization_id, feedback_id FROM matches) AS m
WHERE f.organization_id = m.organization_id AND f.id = m.feedback_id
    AND NOT EXISTS (
        SELECT FROM feedback_completions AS c
        WHERE c.organization_id = f.organization_id AND c.feedback_id = f.id
            AND NOT EXISTS (SELECT FROM matches AS n
                            WHERE n.organization_id = c.organization_id AND n.completion_id = c.completion_id
                              AND n.feedback_id = c.feedback_id));

-- :old_minutes
-- What is left of the sums of minutes of which no record is left.
SELECT organization_id, dimension, start, key, calls, counts, durations FROM rollups
WHERE width = 1 AND start < %(minute)s LIMIT %(limit)s;

-- :forget_sessions
DELETE FROM sessions AS s
WHERE s.last_ms < %(before_ms)s AND NOT EXISTS (
    SELECT FROM completions AS c WHERE c.organization_id = s.organization_id AND c.session_id = s.id);

-- :detach_day
SELECT log10_detach_day(%(first_ms)s);

-- :drop_detached_day
SELECT log10_drop_detached_day(%(first_ms)s);

-- :organizations
SELECT organization_id FROM rollups WHERE dimension = 'none' AND width = 0 AND start = 0
UNION SELECT organization_id FROM rollup_deltas;

-- :parts_before
-- The ends of the names of the partitions that hold records before a place.
SELECT DISTINCT substr(tableoid::regclass::text, length('completions_') + 1) FROM completions
WHERE place < %(before)s;

-- :place_of
-- The place before which the %(count)s oldest records stand.
SELECT max(place) + 1 FROM (SELECT place FROM completions ORDER BY place LIMIT %(count)s) AS oldest;

-- :records
SELECT COALESCE(sum(calls), 0)::bigint FROM (
    SELECT calls FROM rollups WHERE dimension = 'none' AND width = 0 AND start = 0
    UNION ALL
    SELECT calls FROM rollup_deltas WHERE dimension = 'none'
) AS parts;

-- :bytes
-- What the tables of this store take on the disk, indexes included.
SELECT COALESCE(sum(pg_total_relation_size(oid)), 0)::bigint FROM (
    SELECT inhrelid AS oid FROM pg_inherits
    WHERE inhparent = ANY (ARRAY['completions', 'completion_tags', 'completion_words']::regclass[])
    UNION ALL
    SELECT unnest(ARRAY['waiting_texts', 'placements', 'stacks', 'rollups', 'rollup_deltas', 'sessions', 'arrivals',
                        'feedback_tasks', 'feedback', 'feedback_completions', 'grading_leases', 'keys',
                        'deleted']::regclass[])
) AS ours;
