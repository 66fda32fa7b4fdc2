-- :deliveries
SELECT id, version, place, skipped, replaces_tags, head, body, stack FROM deliveries
WHERE organization_id = {organization_id:String} AND id IN {ids:Array(String)}
ORDER BY id, version;

-- :versions
SELECT id, groupUniqArray(version) FROM deliveries
WHERE organization_id = {organization_id:String} AND id IN {ids:Array(String)}
GROUP BY id;

-- :places
SELECT id, argMin(place, version) FROM deliveries
WHERE organization_id = {organization_id:String} AND id IN {ids:Array(String)}
GROUP BY id;

-- :tombstones
-- Those of the records, and how far was pruned.
SELECT record, content, version FROM deleted FINAL
WHERE organization_id = {organization_id:String} AND record IN {records:Array(String)}
UNION ALL
SELECT '', '', toUInt64(greatest(max(before_ms), 0)) FROM pruned;

-- :deletion_day
SELECT day FROM deleted FINAL WHERE organization_id = {organization_id:String} AND record = {record:String};

-- :arrived
SELECT source, arrayFilter(number -> bitmapContains(numbers, number), {sequences:Array(UInt64)})
FROM (
    SELECT source, groupBitmapMergeState(numbers) AS numbers FROM arrivals
    WHERE organization_id = {organization_id:String} AND source IN {sources:Array(String)}
    GROUP BY source
);
