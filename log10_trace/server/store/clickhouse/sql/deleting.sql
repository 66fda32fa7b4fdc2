-- :delete_completions
-- At these places only: a record that was made anew meanwhile has another.
DELETE FROM completions
WHERE organization_id = {organization_id:String} AND place BETWEEN {first:Int64} AND {last:Int64}
    AND id IN {ids:Array(String)} AND has(arrayZip({places:Array(Int64)}, {ids:Array(String)}), (place, id));

-- :delete_deliveries
DELETE FROM deliveries
WHERE organization_id = {organization_id:String} AND id IN {ids:Array(String)} AND version <= {version:UInt64};

-- :has_dead_deliveries
SELECT 1 FROM deliveries
WHERE organization_id = {organization_id:String} AND id IN {ids:Array(String)} AND version <= {version:UInt64} LIMIT 1;

-- :hidden
-- Of deletions that broke off: the row that hides a record is taken away with the record's own.
SELECT DISTINCT place, id FROM completions
WHERE organization_id = {organization_id:String} AND is_gone AND status = {status:String}
LIMIT {limit:UInt64};

-- :hidden_organizations
SELECT DISTINCT organization_id FROM completions WHERE is_gone AND status = {status:String};

-- :rewrite_completions
-- Rows that are masked leave the disk when their parts are rewritten, which the engine does by and by.
ALTER TABLE completions APPLY DELETED MASK SETTINGS mutations_sync = 0;

-- :rewrite_deliveries
ALTER TABLE deliveries APPLY DELETED MASK SETTINGS mutations_sync = 0;

-- :rewrite_completions_now
ALTER TABLE completions APPLY DELETED MASK;

-- :rewrite_deliveries_now
ALTER TABLE deliveries APPLY DELETED MASK;

-- :empty_sessions
SELECT id, made_ms FROM sessions FINAL
WHERE organization_id = {organization_id:String} AND id IN {ids:Array(String)} AND id NOT IN (
    SELECT assumeNotNull(session_id) FROM completions FINAL
    PREWHERE organization_id = {organization_id:String} AND place IN (
        SELECT place FROM completions
        WHERE organization_id = {organization_id:String} AND session_id IN {ids:Array(String)}
    )
    WHERE session_id IN {ids:Array(String)}
);

-- :feedback_about
SELECT id, task_id, json_values, comment, completion_ids, created_at_ms, key_id FROM feedback FINAL
WHERE organization_id = {organization_id:String} AND hasAny(completion_ids, {ids:Array(String)});

-- :organizations
SELECT DISTINCT organization_id FROM completions FINAL WHERE place < {before_ms:Int64} * 1048576;

-- :count_before
SELECT count() FROM completions FINAL WHERE place < {before_ms:Int64} * 1048576;

-- :has_deliveries_before
SELECT 1 FROM deliveries WHERE place < {before_ms:Int64} * 1048576 LIMIT 1;

-- :without_sequence
SELECT id FROM completions FINAL
WHERE organization_id = {organization_id:String} AND place < {before_ms:Int64} * 1048576 AND NOT has_sequence;

-- :graded_before
SELECT id FROM completions FINAL
WHERE organization_id = {organization_id:String} AND place < {before_ms:Int64} * 1048576 AND id IN (
    SELECT arrayJoin(completion_ids) FROM feedback FINAL WHERE organization_id = {organization_id:String}
);

-- :partitions_before
SELECT DISTINCT partition_id FROM system.parts
WHERE database = currentDatabase() AND table IN ('completions', 'deliveries') AND active
    AND toUInt32(partition_id) < {month:UInt32};

-- :drop_partition_of_completions
ALTER TABLE completions DROP PARTITION ID {partition:String};

-- :drop_partition_of_deliveries
ALTER TABLE deliveries DROP PARTITION ID {partition:String};

-- :delete_completions_before
DELETE FROM completions WHERE place < {before_ms:Int64} * 1048576;

-- :delete_deliveries_before
DELETE FROM deliveries WHERE place < {before_ms:Int64} * 1048576;

-- :old_sessions
SELECT organization_id, id, made_ms FROM sessions FINAL
WHERE made_ms < {before_ms:Int64} AND (organization_id, id) NOT IN (
    SELECT organization_id, assumeNotNull(session_id) FROM completions FINAL WHERE session_id IS NOT NULL
);

-- :forget_deletions
DELETE FROM deleted WHERE day < {day:UInt32};

-- :size
SELECT sum(bytes_on_disk) FROM system.parts WHERE database = currentDatabase() AND active;

-- :records
SELECT count() FROM completions FINAL;

-- :place_of
SELECT began_ms FROM completions FINAL ORDER BY place LIMIT 1 OFFSET {number:UInt64};

-- :schema
SELECT max(number) FROM log10_migrations;

-- :one
SELECT 1;
