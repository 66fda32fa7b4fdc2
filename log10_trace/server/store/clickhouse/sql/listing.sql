-- :keys
SELECT place, id FROM completions FINAL @places WHERE;

-- :candidates
-- Rows that match, whether or not a later one of the same record takes their place.
SELECT place, id FROM completions WHERE;

-- :summaries
SELECT place, id, head, model, input_tokens, output_tokens, preview_request, preview_response, preview_tool, site,
    rates, charged_input, charged_output, charged_cached
FROM completions FINAL @places WHERE;

-- :count
SELECT count() FROM completions FINAL @of_few WHERE;

-- :are_few
SELECT count() <= {limit:UInt64} FROM (
    SELECT place FROM completions WHERE @where LIMIT {limit:UInt64} + 1
);

-- :of_few
-- FINAL then reads the records alone of which a row matches, whether or not it stands. They are all on the shard.
PREWHERE organization_id = {organization_id:String} AND place IN (SELECT place FROM completions WHERE @condition)

-- :any
SELECT 1 FROM completions WHERE;

-- :newest
ORDER BY place DESC, id DESC LIMIT {limit:UInt64};

-- :oldest
ORDER BY place, id LIMIT {limit:UInt64};

-- :after_newest
(place, id) < ({after:Int64}, {after_id:String}) AND place <= {after:Int64};

-- :after_oldest
(place, id) > ({after:Int64}, {after_id:String}) AND place >= {after:Int64};

-- :at_places
-- All rows of a record have these columns alike, so that the others are read of these records alone.
PREWHERE organization_id = {organization_id:String} AND place IN {places:Array(Int64)} AND id IN {ids:Array(String)};

-- :body_prefixes
-- Of the delivery with the longest body: an update of a few fields holds none of the text.
SELECT id, argMax((skipped, leftUTF8(body, {max_bytes:UInt64})), length(body)) FROM deliveries
WHERE organization_id = {organization_id:String} AND id IN {ids:Array(String)}
GROUP BY id;

-- :session_ends
SELECT session_id, argMin((place, id), (place, id)), argMax((place, id), (place, id))
FROM completions FINAL
PREWHERE organization_id = {organization_id:String} AND place IN (
    SELECT place FROM completions
    WHERE organization_id = {organization_id:String} AND session_id IN {session_ids:Array(String)}
)
WHERE session_id IN {session_ids:Array(String)}
GROUP BY session_id;

-- :is_there
SELECT 1 FROM deliveries WHERE organization_id = {organization_id:String} AND id = {part:String} LIMIT 1;

-- :ids_with_part
SELECT DISTINCT id FROM deliveries
WHERE organization_id = {organization_id:String} AND (startsWith(id, {part:String}) OR endsWith(id, {part:String}))
ORDER BY id DESC LIMIT {limit:UInt64};


-- :condemned
SELECT place, id, has_sequence, session_id FROM completions FINAL WHERE;

-- :first
LIMIT {limit:UInt64};
