-- :tags
SELECT DISTINCT arrayJoin(tags) AS tag FROM completions FINAL
WHERE organization_id = {organization_id:String} AND startsWith(tag, {prefix:String})
ORDER BY tag LIMIT {limit:UInt64};

-- :ranges
-- Numbers that came, as ranges: one begins where the number before is missing, and ends where the next one is.
SELECT source, numbers_from, numbers_to FROM (
    SELECT source, arraySort(bitmapToArray(groupBitmapMergeState(numbers))) AS came, arrayDifference(came) AS steps,
        arrayFilter((n, step) -> step <> 1, came, steps) AS begins,
        arrayFilter((n, step) -> step <> 1, came, arrayPushBack(arrayPopFront(steps), 0)) AS ends
    FROM arrivals
    WHERE organization_id = {organization_id:String} AND ({source:String} = '' OR source = {source:String})
    GROUP BY source
) ARRAY JOIN begins AS numbers_from, ends AS numbers_to
ORDER BY source, numbers_from;

-- :sessions
SELECT name, min(began), max(ended) AS latest FROM (
    SELECT assumeNotNull(session_id) AS name, min(began_ms) AS began, max(began_ms) AS ended FROM completions FINAL
    WHERE organization_id = {organization_id:String} AND session_id <> '' GROUP BY session_id
    UNION ALL
    SELECT id AS name, made_ms AS began, made_ms AS ended FROM sessions FINAL
    WHERE organization_id = {organization_id:String}
) GROUP BY name HAVING (latest, name) < ({last_ms:Int64}, {id:String})
ORDER BY latest DESC, name DESC LIMIT {limit:UInt64};

-- :latest_sessions
-- Those of the latest calls, whether or not a later row of a call takes the place of the one that is read.
SELECT assumeNotNull(session_id) AS name, max(place) AS latest FROM (
    SELECT session_id, place FROM completions
    WHERE organization_id = {organization_id:String} AND place < {before:Int64}
    ORDER BY place DESC LIMIT {calls:UInt64}
) WHERE session_id <> '' GROUP BY name ORDER BY latest DESC LIMIT {sessions:UInt64};

-- :sessions_among
SELECT name, min(began), max(ended) AS latest FROM (
    SELECT assumeNotNull(session_id) AS name, min(began_ms) AS began, max(began_ms) AS ended FROM completions FINAL
    WHERE organization_id = {organization_id:String} AND session_id IN {among:Array(String)} GROUP BY session_id
    UNION ALL
    SELECT id AS name, made_ms AS began, made_ms AS ended FROM sessions FINAL
    WHERE organization_id = {organization_id:String} AND (id IN {among:Array(String)} OR made_ms > {above_ms:Int64})
) GROUP BY name HAVING latest > {above_ms:Int64} AND (latest, name) < ({last_ms:Int64}, {id:String})
ORDER BY latest DESC, name DESC LIMIT {limit:UInt64};

-- :session
SELECT name, min(began), max(ended) FROM (
    SELECT assumeNotNull(session_id) AS name, began_ms AS began, began_ms AS ended FROM completions FINAL
    WHERE organization_id = {organization_id:String} AND session_id = {id:String} AND session_id <> ''
    UNION ALL
    SELECT id AS name, made_ms AS began, made_ms AS ended FROM sessions FINAL
    WHERE organization_id = {organization_id:String} AND id = {id:String}
) GROUP BY name;

-- :last_minute
-- Of the calls that have a group: a series ends with it. A group has a name, however short.
SELECT max(@start), count() FROM completions FINAL WHERE @where AND length(@group) >= 0;

-- :rates
SELECT DISTINCT arrayJoin(rates) FROM completions FINAL WHERE;

-- :counts_of_groups
-- No query within the query: each shard of a cluster sums its own rows.
SELECT @group AS key, @start AS start, rates, count(), countIf(status = 'failed'), countIf(tokens IS NOT NULL),
    sumForEach(charged_input), sumForEach(charged_output), sumForEach(charged_cached)
FROM completions FINAL WHERE @where AND @keys GROUP BY key, start, rates;

-- :durations_of_groups
SELECT @group AS key, @start AS start, bucket, count()
FROM completions FINAL ARRAY JOIN buckets AS bucket WHERE @where AND @keys GROUP BY key, start, bucket;

-- :leading_groups
SELECT @group AS key FROM completions FINAL WHERE @where
GROUP BY key ORDER BY @figure DESC, count() DESC, key LIMIT {limit:UInt64};

-- :cost
sum(arraySum(
    (rate, given, made, cached) -> greatest(given - cached, 0) * transform(rate, {rates:Array(String)}, {fresh:Array(Float64)}, 0.)
        + cached * transform(rate, {rates:Array(String)}, {cached:Array(Float64)}, 0.)
        + made * transform(rate, {rates:Array(String)}, {made:Array(Float64)}, 0.),
    rates, charged_input, charged_output, charged_cached
));
