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
    PREWHERE organization_id = {organization_id:String} AND place IN (
        SELECT place FROM completions
        WHERE organization_id = {organization_id:String} AND session_id IN {among:Array(String)}
    )
    WHERE session_id IN {among:Array(String)} GROUP BY session_id
    UNION ALL
    SELECT id AS name, made_ms AS began, made_ms AS ended FROM sessions FINAL
    WHERE organization_id = {organization_id:String} AND (id IN {among:Array(String)} OR made_ms > {above_ms:Int64})
) GROUP BY name HAVING latest > {above_ms:Int64} AND (latest, name) < ({last_ms:Int64}, {id:String})
ORDER BY latest DESC, name DESC LIMIT {limit:UInt64};

-- :session
SELECT name, min(began), max(ended) FROM (
    SELECT assumeNotNull(session_id) AS name, began_ms AS began, began_ms AS ended FROM completions FINAL
    PREWHERE organization_id = {organization_id:String} AND place IN (
        SELECT place FROM completions WHERE organization_id = {organization_id:String} AND session_id = {id:String}
    )
    WHERE session_id = {id:String} AND session_id <> ''
    UNION ALL
    SELECT id AS name, made_ms AS began, made_ms AS ended FROM sessions FINAL
    WHERE organization_id = {organization_id:String} AND id = {id:String}
) GROUP BY name;

-- :rates
-- Of rows that do not stand any more as well: a price too many does nothing.
SELECT toString(first_rate), max(charges) FROM completions WHERE @where GROUP BY first_rate
@sums;

-- :all_rates
SELECT DISTINCT arrayJoin(rates), toUInt8(1) FROM completions WHERE @where
@sums;

-- :sums_of_groups
-- The rows are read once: summed by rate, and these sums by group and by step. Each shard of a cluster sums its own.
SELECT key, step, sumMap(rates, calls, failed, with_usage, input, output, cached), max(most),
    sum(ended), quantilesExactWeightedMerge(@shares_of_durations)(ends),
    sum(streamed), quantilesExactWeightedMerge(@shares_of_first_tokens)(first_tokens)
FROM (
    SELECT key, arrayJoin(if(step = @no_step, [@no_step], [@no_step, step])) AS step, [toString(first_rate)] AS rates,
        [calls] AS calls, [failed] AS failed, [with_usage] AS with_usage,
        [input] AS input, [output] AS output, [cached] AS cached, most, ended, ends, streamed, first_tokens
    FROM (
        SELECT @group AS key, @step AS step, first_rate, count() AS calls, countIf(status = 'failed') AS failed,
            countIf(tokens IS NOT NULL) AS with_usage, sum(first_input) AS input, sum(first_output) AS output,
            sum(first_cached) AS cached, max(charges) AS most,
            countIf(ended_in >= 0) AS ended,
            quantilesExactWeightedStateIf(@shares_of_durations)(ended_in, 1, ended_in >= 0) AS ends,
            countIf(first_token_in >= 0) AS streamed,
            quantilesExactWeightedStateIf(@shares_of_first_tokens)(first_token_in, 1, first_token_in >= 0) AS first_tokens
        FROM completions FINAL @of_few WHERE @where AND @keys GROUP BY key, step, first_rate
    )
    @sums
) GROUP BY key, step;

-- :further_charges
SELECT @group AS key, @step AS step, rate, sum(input), sum(output), sum(cached)
FROM completions FINAL
ARRAY JOIN arraySlice(rates, 2) AS rate, arraySlice(charged_input, 2) AS input,
    arraySlice(charged_output, 2) AS output, arraySlice(charged_cached, 2) AS cached
@of_few WHERE @where AND charges > 1 AND @keys GROUP BY key, step, rate;

-- :leading_groups
SELECT @group AS key FROM completions FINAL @of_few WHERE @where
GROUP BY key ORDER BY @figure DESC, count() DESC, key LIMIT {limit:UInt64};

-- :leading_groups_with_sums
SELECT key FROM (
    SELECT @group AS key, @figure AS figure, count() AS number FROM completions FINAL @of_few WHERE @where
    GROUP BY key
    @sums
) GROUP BY key ORDER BY sum(figure) DESC, sum(number) DESC, key LIMIT {limit:UInt64};

-- :cost_of_first_charges
sum(greatest(first_input - first_cached, 0) * transform(first_rate, {rates_@piece:Array(String)}, {fresh_@piece:Array(Float64)}, 0.)
    + first_cached * transform(first_rate, {rates_@piece:Array(String)}, {cached_@piece:Array(Float64)}, 0.)
    + first_output * transform(first_rate, {rates_@piece:Array(String)}, {made_@piece:Array(Float64)}, 0.));

-- :cost_of_charges
arraySum(
    (rate, given, made, cached) -> greatest(given - cached, 0) * transform(rate, {rates_@piece:Array(String)}, {fresh_@piece:Array(Float64)}, 0.)
        + cached * transform(rate, {rates_@piece:Array(String)}, {cached_@piece:Array(Float64)}, 0.)
        + made * transform(rate, {rates_@piece:Array(String)}, {made_@piece:Array(Float64)}, 0.),
    rates, charged_input, charged_output, charged_cached
);
