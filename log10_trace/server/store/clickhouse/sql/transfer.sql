-- :identity
SELECT toString(uuid) FROM system.tables WHERE database = currentDatabase() AND name = 'completions';

-- :all_organizations
SELECT DISTINCT organization_id FROM (
    SELECT organization_id FROM completions FINAL
    UNION ALL SELECT organization_id FROM sessions FINAL
    UNION ALL SELECT organization_id FROM feedback_tasks
    UNION ALL SELECT organization_id FROM feedback FINAL
    UNION ALL SELECT organization_id FROM keys
    UNION ALL SELECT organization_id FROM deleted
    UNION ALL SELECT organization_id FROM arrivals
    UNION ALL SELECT organization_id FROM revoked_page_sessions
) ORDER BY organization_id;

-- :sizes
SELECT id, sum(length(body)) FROM deliveries
WHERE organization_id = {organization_id:String} AND id IN {ids:Array(String)} GROUP BY id;

-- :session_spans
SELECT name, min(began), max(ended) FROM (
    SELECT assumeNotNull(session_id) AS name, began_ms AS began, began_ms AS ended FROM completions FINAL
    WHERE organization_id = {organization_id:String} AND session_id <> ''
    UNION ALL
    SELECT id AS name, made_ms AS began, made_ms AS ended FROM sessions FINAL
    WHERE organization_id = {organization_id:String}
) GROUP BY name ORDER BY name;

-- :deletions
SELECT record, content, day FROM deleted FINAL WHERE organization_id = {organization_id:String};

-- :pruned
SELECT max(before_ms) FROM pruned;

-- :page_sessions
SELECT id, expires_at_ms FROM revoked_page_sessions FINAL WHERE organization_id = {organization_id:String};

-- :add_arrival
INSERT INTO arrivals
SELECT {organization_id:String}, {source:String}, groupBitmapState(number)
FROM numbers({first:UInt64}, {last:UInt64} - {first:UInt64} + 1);
