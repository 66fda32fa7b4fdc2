-- :tasks
SELECT id, name, instruction, json_schema, tags_selector, created_at_ms FROM feedback_tasks FINAL
WHERE organization_id = {organization_id:String} ORDER BY created_at_ms, id;

-- :task
SELECT id, name, instruction, json_schema, tags_selector, created_at_ms FROM feedback_tasks FINAL
WHERE organization_id = {organization_id:String} AND id = {id:String};

-- :existing
SELECT DISTINCT id FROM deliveries
WHERE organization_id = {organization_id:String} AND id IN {ids:Array(String)};

-- :feedback
SELECT id, task_id, json_values, comment, completion_ids, created_at_ms, key_id FROM feedback FINAL
WHERE organization_id = {organization_id:String}
    AND ({task_id:String} = '' OR task_id = {task_id:String})
    AND ({completion_id:String} = '' OR has(completion_ids, {completion_id:String}))
ORDER BY created_at_ms DESC, id DESC LIMIT {limit:UInt64} OFFSET {offset:UInt64};

-- :count_feedback
SELECT count() FROM feedback FINAL
WHERE organization_id = {organization_id:String}
    AND ({task_id:String} = '' OR task_id = {task_id:String})
    AND ({completion_id:String} = '' OR has(completion_ids, {completion_id:String}));

-- :feedback_of_task
SELECT id, task_id, json_values, comment, completion_ids, created_at_ms, key_id FROM feedback FINAL
WHERE organization_id = {organization_id:String} AND task_id = {task_id:String}
    AND (created_at_ms, id) < ({before_ms:Int64}, {before_id:String})
ORDER BY created_at_ms DESC, id DESC LIMIT {limit:UInt64};

-- :values_of_task
SELECT json_values FROM feedback FINAL
WHERE organization_id = {organization_id:String} AND task_id = {task_id:String}
ORDER BY created_at_ms DESC, id DESC LIMIT {limit:UInt64};

-- :one_feedback
SELECT id, task_id, json_values, comment, completion_ids, created_at_ms, key_id FROM feedback FINAL
WHERE organization_id = {organization_id:String} AND id = {id:String};

-- :ungraded
id NOT IN (
    SELECT arrayJoin(completion_ids) FROM feedback FINAL
    WHERE organization_id = {organization_id:String} AND task_id = {task_id:String}
);

-- :not_leased
id NOT IN (
    SELECT completion_id FROM grading_claims FINAL
    WHERE organization_id = {organization_id:String} AND task_id = {task_id:String} AND is_held
        AND expires_at_ms > {now_ms:Int64} AND holder <> {holder:String}
);

-- :graded
SELECT DISTINCT arrayJoin(arrayIntersect(completion_ids, {ids:Array(String)})) FROM feedback FINAL
WHERE organization_id = {organization_id:String} AND task_id = {task_id:String}
    AND hasAny(completion_ids, {ids:Array(String)});

-- :count_graded
SELECT count() FROM (
    SELECT DISTINCT arrayJoin(completion_ids) FROM feedback FINAL
    WHERE organization_id = {organization_id:String} AND task_id = {task_id:String} LIMIT {limit:UInt64}
);

-- :graders
SELECT DISTINCT assumeNotNull(key_id) AS grader FROM (
    SELECT key_id FROM feedback FINAL
    WHERE organization_id = {organization_id:String} AND task_id = {task_id:String}
    ORDER BY created_at_ms DESC LIMIT 100
) WHERE key_id IS NOT NULL ORDER BY grader;

-- :claims
SELECT completion_id, claim, holder, is_held, expires_at_ms, draft FROM grading_claims FINAL
WHERE organization_id = {organization_id:String} AND task_id = {task_id:String} AND expires_at_ms > {now_ms:Int64}
ORDER BY expires_at_ms, completion_id;

-- :claims_on
SELECT completion_id, claim, holder, is_held, expires_at_ms, draft FROM grading_claims FINAL
WHERE organization_id = {organization_id:String} AND task_id = {task_id:String}
    AND completion_id = {completion_id:String} AND expires_at_ms > {now_ms:Int64};

-- :delete_expired_claims
DELETE FROM grading_claims WHERE expires_at_ms <= {now_ms:Int64};

-- :has_expired_claims
SELECT 1 FROM grading_claims WHERE expires_at_ms <= {before_ms:Int64} LIMIT 1;
