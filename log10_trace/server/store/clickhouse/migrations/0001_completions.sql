-- Statements are separated by a line that holds a semicolon alone.

-- What came, delivery by delivery. A record is its deliveries, merged in the order of their versions.
CREATE TABLE IF NOT EXISTS deliveries (
    organization_id LowCardinality(String),
    id String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta(8), ZSTD(1)),
    place Int64 CODEC(Delta(8), ZSTD(1)),
    skipped UInt32 CODEC(T64, ZSTD(1)),
    replaces_tags Bool,
    source LowCardinality(String),
    sequence UInt64 CODEC(Delta(8), ZSTD(1)),
    head String CODEC(ZSTD(1)),
    body String CODEC(ZSTD(3)),
    stack String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(intDiv(place, 1048576), 'UTC'))
ORDER BY (organization_id, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 1000
;
-- A place is the millisecond in which a call began, and 20 bits that tell the calls of a millisecond apart.
-- What lists, filters, searches and statistics read: a record as it stands after so many deliveries.
CREATE TABLE IF NOT EXISTS completions (
    organization_id LowCardinality(String),
    place Int64 CODEC(Delta(8), ZSTD(1)),
    began_ms Int64 ALIAS intDiv(place, 1048576),
    id String CODEC(ZSTD(1)),
    deliveries UInt32 CODEC(T64, ZSTD(1)),
    is_gone UInt8,
    server LowCardinality(String),
    status LowCardinality(String),
    kind LowCardinality(Nullable(String)),
    model LowCardinality(Nullable(String)),
    session_id Nullable(String) CODEC(ZSTD(1)),
    failure_kind LowCardinality(Nullable(String)),
    file LowCardinality(Nullable(String)),
    function LowCardinality(Nullable(String)),
    site String CODEC(ZSTD(1)),
    duration Nullable(Float64) CODEC(ZSTD(1)),
    input_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
    output_tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
    tokens Nullable(Int64) CODEC(T64, ZSTD(1)),
    tags Array(LowCardinality(String)),
    metadata Array(String) CODEC(ZSTD(1)),
    rates Array(LowCardinality(String)),
    charged_input Array(Int64) CODEC(T64, ZSTD(1)),
    charged_output Array(Int64) CODEC(T64, ZSTD(1)),
    charged_cached Array(Int64) CODEC(T64, ZSTD(1)),
    buckets Array(Int16) CODEC(ZSTD(1)),
    prompt_digest Nullable(String) CODEC(ZSTD(1)),
    trace_id Nullable(String) CODEC(ZSTD(1)),
    has_sequence Bool,
    skipped UInt32 CODEC(T64, ZSTD(1)),
    preview_request String CODEC(ZSTD(1)),
    preview_response String CODEC(ZSTD(1)),
    preview_tool Nullable(String) CODEC(ZSTD(1)),
    head String CODEC(ZSTD(1)),
    request_words String CODEC(ZSTD(3)),
    response_words String CODEC(ZSTD(3)),
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_prompt prompt_digest TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_tag tags TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_metadata metadata TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_request_word request_words TYPE text(tokenizer = splitByNonAlpha),
    INDEX by_response_word response_words TYPE text(tokenizer = splitByNonAlpha)
)
ENGINE = ReplacingMergeTree(deliveries, is_gone)
PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(intDiv(place, 1048576), 'UTC'))
ORDER BY (organization_id, place, id)
SETTINGS index_granularity = 8192, fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 1000
;
-- Which sequence numbers came from each process, deleted and pruned records included.
CREATE TABLE IF NOT EXISTS arrivals (
    organization_id LowCardinality(String),
    source String,
    numbers AggregateFunction(groupBitmap, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (organization_id, source)
SETTINGS fsync_after_insert = 1
;
CREATE MATERIALIZED VIEW IF NOT EXISTS arrivals_of_deliveries TO arrivals AS
SELECT organization_id, source, groupBitmapState(sequence) AS numbers
FROM deliveries WHERE source <> '' AND sequence > 0
GROUP BY organization_id, source
;
-- What the commits of each server changed lately, for the other servers.
CREATE TABLE IF NOT EXISTS changes (
    at DateTime64(6) DEFAULT now64(6),
    server LowCardinality(String),
    number UInt64,
    organization_id LowCardinality(String),
    id String,
    status LowCardinality(String),
    session_id Nullable(String)
)
ENGINE = MergeTree
ORDER BY at
TTL toDateTime(at) + INTERVAL 1 HOUR
;
CREATE TABLE IF NOT EXISTS deleted (
    organization_id LowCardinality(String),
    record String,
    content String,
    day UInt32,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (organization_id, record)
SETTINGS fsync_after_insert = 1
;
CREATE TABLE IF NOT EXISTS pruned (
    number UInt8,
    before_ms SimpleAggregateFunction(max, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1
;
CREATE TABLE IF NOT EXISTS sessions (
    organization_id LowCardinality(String),
    id String,
    made_ms Int64,
    version UInt64,
    is_gone UInt8
)
ENGINE = ReplacingMergeTree(version, is_gone)
ORDER BY (organization_id, id, made_ms)
SETTINGS fsync_after_insert = 1
;
CREATE TABLE IF NOT EXISTS feedback_tasks (
    organization_id LowCardinality(String),
    id String,
    name String,
    instruction String,
    json_schema String,
    tags_selector Array(String),
    created_at_ms Int64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (organization_id, id)
SETTINGS fsync_after_insert = 1
;
CREATE TABLE IF NOT EXISTS feedback (
    organization_id LowCardinality(String),
    id String,
    task_id String,
    json_values String CODEC(ZSTD(1)),
    comment Nullable(String) CODEC(ZSTD(1)),
    completion_ids Array(String) CODEC(ZSTD(1)),
    created_at_ms Int64,
    key_id Nullable(String),
    version UInt64,
    is_gone UInt8
)
ENGINE = ReplacingMergeTree(version, is_gone)
ORDER BY (organization_id, id)
SETTINGS fsync_after_insert = 1
;
CREATE TABLE IF NOT EXISTS grading_claims (
    organization_id LowCardinality(String),
    task_id String,
    completion_id String,
    claim String,
    holder String,
    is_held Bool,
    expires_at_ms Int64,
    draft String,
    version UInt64,
    is_gone UInt8
)
ENGINE = ReplacingMergeTree(version, is_gone)
ORDER BY (organization_id, task_id, completion_id, claim)
SETTINGS fsync_after_insert = 1
;
CREATE TABLE IF NOT EXISTS keys (
    organization_id LowCardinality(String),
    id String,
    name SimpleAggregateFunction(max, String),
    scopes SimpleAggregateFunction(max, String),
    secret_hash SimpleAggregateFunction(max, String),
    created_at_ms SimpleAggregateFunction(max, Int64),
    expires_at_ms SimpleAggregateFunction(max, Nullable(Int64)),
    revoked_at_ms SimpleAggregateFunction(min, Nullable(Int64)),
    last_used_at_ms SimpleAggregateFunction(max, Nullable(Int64))
)
ENGINE = AggregatingMergeTree
ORDER BY (organization_id, id)
SETTINGS fsync_after_insert = 1
;
CREATE TABLE IF NOT EXISTS revoked_page_sessions (
    organization_id LowCardinality(String),
    id String,
    expires_at_ms Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (organization_id, id)
SETTINGS fsync_after_insert = 1
