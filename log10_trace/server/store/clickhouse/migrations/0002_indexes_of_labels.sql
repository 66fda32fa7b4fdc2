-- Every statement does nothing where it was run before, as servers that start together run them.
-- The indexes have other names than before, so that no server drops the one that another has added. The engine
-- indexes the rows that there are in the background, and reads them without an index until then.
ALTER TABLE completions
    DROP INDEX IF EXISTS by_tag,
    DROP INDEX IF EXISTS by_metadata,
    ADD INDEX IF NOT EXISTS by_each_tag tags TYPE text(tokenizer = array) AFTER by_prompt,
    ADD INDEX IF NOT EXISTS by_each_pair metadata TYPE text(tokenizer = array) AFTER by_each_tag
SETTINGS mutations_sync = 0
;
ALTER TABLE completions
    MATERIALIZE INDEX IF EXISTS by_each_tag,
    MATERIALIZE INDEX IF EXISTS by_each_pair
SETTINGS mutations_sync = 0
;
-- Lists read few rows from many places: a small block is what a row costs to read.
ALTER TABLE completions MODIFY SETTING min_compress_block_size = 16384, max_compress_block_size = 65536
