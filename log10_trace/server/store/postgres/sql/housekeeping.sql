-- :lead
SELECT pg_try_advisory_lock(%(lock)s);

-- :index
-- Take the oldest texts that wait and make them findable, as far as their records still stand.
WITH taken AS (
    DELETE FROM waiting_texts
    WHERE number IN (SELECT number FROM waiting_texts ORDER BY number LIMIT %(limit)s)
    RETURNING number, organization_id, id, placed_ms, content
), latest AS (
    SELECT DISTINCT ON (organization_id, id, placed_ms) organization_id, id, placed_ms, content
    FROM taken ORDER BY organization_id, id, placed_ms, number DESC
), standing AS (
    SELECT l.organization_id, l.id, l.placed_ms, c.place, l.content
    FROM latest AS l
    JOIN completions AS c ON c.organization_id = l.organization_id AND c.id = l.id AND c.placed_ms = l.placed_ms
    FOR KEY SHARE OF c
), indexed AS (
    INSERT INTO completion_words (organization_id, id, placed_ms, place, words)
    SELECT organization_id, id, placed_ms, place, to_tsvector('simple', content) FROM standing
    ON CONFLICT (organization_id, id, placed_ms) DO UPDATE SET words = excluded.words
)
SELECT count(*) FROM taken;

-- :take_records
-- Some of the records whose words have to be worked out anew, the newest first.
DELETE FROM waiting_records
WHERE ctid = ANY (ARRAY (SELECT ctid FROM waiting_records ORDER BY placed_ms DESC LIMIT %(limit)s))
RETURNING organization_id, id, placed_ms;

-- :take_counts
-- Some of the records that have to be counted anew.
DELETE FROM waiting_counts WHERE ctid = ANY (ARRAY (SELECT ctid FROM waiting_counts LIMIT %(limit)s))
RETURNING organization_id, id, placed_ms;

-- :skip
-- A text that PostgreSQL cannot index; its record stays, and is found by everything but its words.
DELETE FROM waiting_texts WHERE number = (SELECT min(number) FROM waiting_texts);

-- :waiting
SELECT EXISTS (SELECT FROM waiting_texts) OR EXISTS (SELECT FROM waiting_records);

-- :merge_words
-- New words lie in a list that every search reads through; merge it into the index.
SELECT sum(gin_clean_pending_list(inhrelid)) FROM pg_inherits
WHERE inhparent = 'completion_words_by_word'::regclass;

-- :limit_locks
-- Rather try again later than hold up everybody behind a lock.
SELECT set_config('lock_timeout', '500ms', true);

-- :add_day
SELECT log10_add_day(%(first_ms)s);

-- :description
SELECT current_setting('server_version'), (SELECT max(number) FROM log10_migrations);
