-- :now
SELECT toUnixTimestamp64Micro(now64(6));

-- :changes_since
-- In the order of the servers' commits. A row may become visible after a later one: those of some seconds are read again.
SELECT toUnixTimestamp64Micro(at), server, number, organization_id, id, status, session_id FROM changes
WHERE at > fromUnixTimestamp64Micro({since_us:Int64}) AND server <> {server:String}
ORDER BY at, server, number;
