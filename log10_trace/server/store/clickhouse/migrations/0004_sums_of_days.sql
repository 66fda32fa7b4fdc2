-- How many rows were ever written of each day: another number says that the sums of a day are not of its rows.
-- Days of rows that were there before have none, and are not summed before a server has counted them.
CREATE TABLE IF NOT EXISTS day_writes (
    organization_id LowCardinality(String),
    day UInt32,
    written SimpleAggregateFunction(sum, UInt64),
    at SimpleAggregateFunction(max, DateTime)
)
ENGINE = AggregatingMergeTree
ORDER BY (organization_id, day)
SETTINGS fsync_after_insert = 1
;
CREATE MATERIALIZED VIEW IF NOT EXISTS day_writes_of_completions TO day_writes AS
SELECT organization_id, toUInt32(intDiv(place, 90596966400000)) AS day, count() AS written, now() AS at
FROM completions GROUP BY organization_id, day
;
-- Sums of the days that are over, by hour (width 60) and by day (width 1440). A batch is one summing of a day.
CREATE TABLE IF NOT EXISTS day_sums (
    organization_id LowCardinality(String),
    grouping LowCardinality(String),
    width UInt16,
    day UInt32 CODEC(Delta(4), ZSTD(1)),
    key String CODEC(ZSTD(1)),
    minute UInt32 CODEC(Delta(4), ZSTD(1)),
    batch UInt64 CODEC(ZSTD(1)),
    rates Array(LowCardinality(String)),
    calls Array(UInt64) CODEC(T64, ZSTD(1)),
    failed Array(UInt64) CODEC(T64, ZSTD(1)),
    with_usage Array(UInt64) CODEC(T64, ZSTD(1)),
    charged_input Array(Int64) CODEC(T64, ZSTD(1)),
    charged_output Array(Int64) CODEC(T64, ZSTD(1)),
    charged_cached Array(Int64) CODEC(T64, ZSTD(1)),
    ended UInt64 CODEC(T64, ZSTD(1)),
    ends AggregateFunction(quantilesExactWeighted(0.5, 0.95, 0.99), Int16, UInt8),
    streamed UInt64 CODEC(T64, ZSTD(1)),
    first_tokens AggregateFunction(quantilesExactWeighted(0.5, 0.95), Int16, UInt8)
)
ENGINE = MergeTree
PARTITION BY intDiv(day, 30)
ORDER BY (organization_id, grouping, width, key, minute)
SETTINGS index_granularity = 128, min_compress_block_size = 16384, max_compress_block_size = 65536
;
-- Which batches are whole, and how many rows were written of the day when it was summed.
CREATE TABLE IF NOT EXISTS summed_days (
    organization_id LowCardinality(String),
    day UInt32,
    written UInt64,
    batch UInt64
)
ENGINE = MergeTree
ORDER BY (organization_id, day)
