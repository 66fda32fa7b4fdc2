-- :version
SELECT version();

-- :tables
SELECT name, engine_full FROM system.tables WHERE database = {database:String};

-- :create_migrations
CREATE TABLE IF NOT EXISTS log10_migrations (
    number UInt32, name String, checksum String, applied_at DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree ORDER BY number;

-- :migrations
SELECT number, any(checksum) FROM log10_migrations WHERE number > 0 GROUP BY number;
