-- :summed_days
-- Those whose sums are of the rows that there are, and that no pruning reaches.
SELECT day, max(batch) FROM summed_days LEFT JOIN (
    SELECT day, sum(written) AS ever_written FROM day_writes
    WHERE organization_id = {organization_id:String} GROUP BY day
) AS writes USING day
WHERE organization_id = {organization_id:String} AND day >= {first:UInt32} AND day < {end:UInt32}
    AND written = ever_written AND day >= (SELECT intDiv(greatest(max(before_ms), 0) + 86399999, 86400000) FROM pruned)
GROUP BY day ORDER BY day DESC LIMIT {limit:UInt64};

-- :sums_where
organization_id = {organization_id:String} AND grouping = {grouping:String};

-- :add_sums_of_groups
UNION ALL
SELECT key, toInt64(-1), CAST(rates, 'Array(String)'), calls, failed, with_usage, charged_input, charged_output, charged_cached,
    toUInt8(1), ended, ends, streamed, first_tokens
FROM day_sums WHERE @sums_where AND @totals AND @keys;

-- :add_sums_of_steps
UNION ALL
SELECT key, toInt64(@step_of_sums), CAST(rates, 'Array(String)'), calls, failed, with_usage, charged_input, charged_output, charged_cached,
    toUInt8(1), ended, ends, streamed, first_tokens
FROM day_sums WHERE @sums_where AND @rows_of_sums AND minute >= @first_of_sums AND @stepped_of_sums;

-- :add_sums_of_leading_groups
UNION ALL
SELECT key, @figure AS figure, arraySum(calls) AS number
FROM day_sums WHERE @sums_where AND @totals;

-- :add_summed_rates
-- Of all calls of these times, which are few rows.
UNION ALL
SELECT DISTINCT arrayJoin(rates), toUInt8(1) FROM day_sums
WHERE organization_id = {organization_id:String} AND grouping = 'none' AND @totals;

-- :summed_calls
SELECT sum(arraySum(calls)) FROM day_sums WHERE @sums_where AND @totals;

-- :note_days
-- Days of many rows that were all there before rows were counted.
INSERT INTO day_writes
SELECT organization_id, toUInt32(intDiv(place, 90596966400000)) AS day, count() AS written, toDateTime(0)
FROM completions
WHERE (organization_id, day) NOT IN (SELECT organization_id, day FROM day_writes)
GROUP BY organization_id, day HAVING written >= {least:UInt64};

-- :count_removals
INSERT INTO day_writes
SELECT {organization_id:String}, toUInt32(intDiv(arrayJoin({places:Array(Int64)}), 90596966400000)) AS day, count(), now()
GROUP BY day;

-- :days_to_sum
-- Over, quiet and not summed since a row was written.
SELECT organization_id, day, sum(written) AS ever_written FROM day_writes
WHERE day < {before:UInt32} AND day >= (SELECT intDiv(greatest(max(before_ms), 0) + 86399999, 86400000) FROM pruned)
GROUP BY organization_id, day
HAVING ever_written >= {least:UInt64} AND max(at) <= now() - {quiet_s:UInt32}
    AND (organization_id, day, ever_written) NOT IN (SELECT organization_id, day, written FROM summed_days)
ORDER BY day DESC, organization_id LIMIT {limit:UInt64};

-- :written_of_day
SELECT sum(written) FROM day_writes WHERE organization_id = {organization_id:String} AND day = {day:UInt32};

-- :deletions_of_rows
-- Their rows leave one part after the other. Other mutations change no row that is read.
SELECT hostName(), mutation_id, is_done FROM system.mutations
WHERE database = currentDatabase() AND table IN ('completions')
    AND NOT match(command, '^.?(APPLY DELETED MASK|MATERIALIZE )')
ORDER BY ALL;

-- :add_sums
INSERT INTO day_sums
SELECT {organization_id:String}, '@name', @width, {day:UInt32}, key, minute, {batch:UInt64},
    sums.1, sums.2, sums.3, sums.4, sums.5, sums.6, sums.7, ended_calls, ends, streamed_calls, first_tokens
FROM (
    SELECT key, minute, sumMap([toString(rate)], [calls], [failed], [with_usage], [input], [output], [cached]) AS sums,
        sum(ended) AS ended_calls, quantilesExactWeightedMergeState(@shares_of_durations)(ends) AS ends,
        sum(streamed) AS streamed_calls, quantilesExactWeightedMergeState(@shares_of_first_tokens)(first_tokens) AS first_tokens
    FROM (
        SELECT @group AS key, intDiv(intDiv(place, 62914560000), @width) * @width AS minute, rate,
            countIf(number < 2) AS calls, countIf(number < 2 AND status = 'failed') AS failed,
            countIf(number < 2 AND tokens IS NOT NULL) AS with_usage,
            sum(input) AS input, sum(output) AS output, sum(cached) AS cached,
            countIf(number < 2 AND ended_in >= 0) AS ended,
            quantilesExactWeightedStateIf(@shares_of_durations)(ended_in, 1, number < 2 AND ended_in >= 0) AS ends,
            countIf(number < 2 AND first_token_in >= 0) AS streamed,
            quantilesExactWeightedStateIf(@shares_of_first_tokens)(first_token_in, 1, number < 2 AND first_token_in >= 0)
                AS first_tokens
        FROM completions FINAL
        LEFT ARRAY JOIN rates AS rate, arrayEnumerate(rates) AS number, charged_input AS input,
            charged_output AS output, charged_cached AS cached
        WHERE organization_id = {organization_id:String} AND place >= {first:Int64} AND place < {end:Int64}
            AND @where
        GROUP BY key, minute, rate
    ) GROUP BY key, minute
);

-- :add_sums_of_days
INSERT INTO day_sums
SELECT organization_id, grouping, 1440, day, key, day * 1440, batch,
    sums.1, sums.2, sums.3, sums.4, sums.5, sums.6, sums.7, ended_calls, ends, streamed_calls, first_tokens
FROM (
    SELECT organization_id, grouping, day, key, batch,
        sumMap(CAST(rates, 'Array(String)'), calls, failed, with_usage, charged_input, charged_output, charged_cached) AS sums,
        sum(ended) AS ended_calls, quantilesExactWeightedMergeState(@shares_of_durations)(ends) AS ends,
        sum(streamed) AS streamed_calls, quantilesExactWeightedMergeState(@shares_of_first_tokens)(first_tokens) AS first_tokens
    FROM day_sums
    WHERE organization_id = {organization_id:String} AND day = {day:UInt32} AND batch = {batch:UInt64} AND width = 60
    GROUP BY organization_id, grouping, day, key, batch
);

-- :stale_batches
-- Not at once: a query may have taken them before the day changed.
SELECT batch FROM summed_days LEFT JOIN (
    SELECT organization_id, day, sum(written) AS ever_written, max(at) AS last_at
    FROM day_writes GROUP BY organization_id, day
) AS writes USING (organization_id, day)
WHERE written <> ever_written AND last_at <= now() - {quiet_s:UInt32}
    OR day < (SELECT intDiv(greatest(max(before_ms), 0) + 86399999, 86400000) FROM pruned)
LIMIT {limit:UInt64};

-- :forget_batches
DELETE FROM summed_days WHERE batch IN {batches:Array(UInt64)};

-- :unread_batches
SELECT DISTINCT batch FROM day_sums
WHERE batch < {before:UInt64} AND batch NOT IN (SELECT batch FROM summed_days) LIMIT {limit:UInt64};

-- :delete_sums
DELETE FROM day_sums WHERE batch IN {batches:Array(UInt64)};
