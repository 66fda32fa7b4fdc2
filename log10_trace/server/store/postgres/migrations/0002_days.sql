-- The days that the partitioned tables are cut into. Whatever has no day of its own goes to *_older (before the
-- first day) or to *_rest (clocks that run ahead, late records of a day already dropped), so that a write never
-- waits for a partition to be made.

CREATE TABLE days (first_ms bigint PRIMARY KEY);

CREATE FUNCTION log10_partition(parent text, first_ms bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT parent || to_char(to_timestamp(first_ms / 1000) AT TIME ZONE 'UTC', '"_"YYYYMMDD')
$$;

-- Makes the partitions of one day, and moves there what *_rest held of it. False when the day was there.
CREATE FUNCTION log10_add_day(first bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    part   text;
    next   bigint := first + 86400000;
BEGIN
    IF EXISTS (SELECT FROM days WHERE first_ms = first) THEN
        RETURN false;
    END IF;
    FOREACH parent IN ARRAY ARRAY['completions', 'completion_tags', 'completion_words'] LOOP
        part := log10_partition(parent, first);
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_rest');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING STORAGE)', part, parent);
        EXECUTE format(
            'WITH moved AS (DELETE FROM %I WHERE placed_ms >= %s AND placed_ms < %s RETURNING *)'
            ' INSERT INTO %I SELECT * FROM moved', parent || '_rest', first, next, part);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', parent, part, first, next);
    END LOOP;
    INSERT INTO days VALUES (first);
    RETURN true;
END $$;

-- Takes one day out of the tables, an instant's work; what was taken out is dropped after the commit.
CREATE FUNCTION log10_detach_day(first bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
BEGIN
    DELETE FROM days WHERE first_ms = first;
    FOREACH parent IN ARRAY ARRAY['completions', 'completion_tags', 'completion_words'] LOOP
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, log10_partition(parent, first));
    END LOOP;
END $$;

CREATE FUNCTION log10_drop_detached_day(first bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['completions', 'completion_tags', 'completion_words'] LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I', log10_partition(parent, first));
    END LOOP;
END $$;

DO $$
DECLARE
    parent text;
    today  bigint := floor(extract(epoch FROM now()) / 86400) * 86400000;
BEGIN
    FOREACH parent IN ARRAY ARRAY['completions', 'completion_tags', 'completion_words'] LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (MINVALUE) TO (%s)', parent || '_older', parent, today);
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', parent || '_rest', parent);
    END LOOP;
    PERFORM log10_add_day(today + n * 86400000) FROM generate_series(0, 3) AS n;
END $$;
