-- :clusters
SELECT DISTINCT cluster FROM system.clusters ORDER BY cluster;

-- :cluster_hosts
-- Each host once, in the order in which it is numbered below.
SELECT min(shard_num) FROM system.clusters WHERE cluster = {cluster:String}
GROUP BY host_name, port ORDER BY min((shard_num, replica_num));

-- :shards
SELECT uniqExact(shard_num) FROM system.clusters WHERE cluster = {cluster:String};

-- :shards_then
-- No migration has the number 0: its row tells for how many shards the tables were made.
SELECT name FROM log10_migrations FINAL WHERE number = 0;

-- :answering_hosts
SELECT _shard_num, hostName() FROM clusterAllReplicas({cluster:String}, system.one)
SETTINGS skip_unavailable_shards = 1;

-- :macros
SELECT _shard_num, macro, substitution FROM clusterAllReplicas({cluster:String}, system.macros)
SETTINGS skip_unavailable_shards = 1;

-- :databases
SELECT _shard_num, engine FROM clusterAllReplicas({cluster:String}, system.databases)
WHERE name = {database:String} SETTINGS skip_unavailable_shards = 1;

-- :hosts_with_tables
SELECT uniqExact(_shard_num) FROM clusterAllReplicas({cluster:String}, system.tables)
WHERE database = {database:String} AND name = 'completions' SETTINGS skip_unavailable_shards = 1;

-- :statements_of_tables
-- As some host has them: those with rows, then what fills them.
SELECT any(create_table_query) FROM clusterAllReplicas({cluster:String}, system.tables)
WHERE database = {database:String} AND engine <> 'Distributed'
GROUP BY name ORDER BY any(engine) LIKE '%View', name SETTINGS skip_unavailable_shards = 1;

-- :keeper
SELECT name FROM system.zookeeper WHERE path = '/' LIMIT 1;
