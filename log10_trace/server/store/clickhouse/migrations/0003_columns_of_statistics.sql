-- What statistics read of every row they count, as numbers: an array costs twice as much to read. The engine works
-- them out of the rows that there are, as they are read until it has written them in the background.
-- A call has one charge, seldom more; its first says the rate. A bucket is -1 where there is none.
ALTER TABLE completions
    ADD COLUMN IF NOT EXISTS charges UInt8 MATERIALIZED length(rates) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS first_rate LowCardinality(String) MATERIALIZED rates[1],
    ADD COLUMN IF NOT EXISTS first_input Int64 MATERIALIZED charged_input[1] CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS first_output Int64 MATERIALIZED charged_output[1] CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS first_cached Int64 MATERIALIZED charged_cached[1] CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS ended_in Int16
        MATERIALIZED if(arrayExists(bucket -> bucket >= 0, buckets), arrayMax(buckets), -1) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS first_token_in Int16
        MATERIALIZED if(arrayExists(bucket -> bucket < 0, buckets), -1 - arrayMin(buckets), -1) CODEC(T64, ZSTD(1))
SETTINGS mutations_sync = 0
;
ALTER TABLE completions
    MATERIALIZE COLUMN charges,
    MATERIALIZE COLUMN first_rate,
    MATERIALIZE COLUMN first_input,
    MATERIALIZE COLUMN first_output,
    MATERIALIZE COLUMN first_cached,
    MATERIALIZE COLUMN ended_in,
    MATERIALIZE COLUMN first_token_in
SETTINGS mutations_sync = 0
