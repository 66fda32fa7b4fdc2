-- :find_key
SELECT organization_id, id, max(name), max(scopes), max(secret_hash), max(created_at_ms), max(expires_at_ms),
    min(revoked_at_ms), max(last_used_at_ms)
FROM keys WHERE id = {id:String}
GROUP BY organization_id, id HAVING max(secret_hash) <> '';

-- :list_keys
SELECT organization_id, id, max(name), max(scopes), max(secret_hash), max(created_at_ms) AS made_ms, max(expires_at_ms),
    min(revoked_at_ms), max(last_used_at_ms)
FROM keys WHERE {organization_id:String} = '' OR organization_id = {organization_id:String}
GROUP BY organization_id, id HAVING max(secret_hash) <> ''
ORDER BY made_ms, id;

-- :delete_expired_page_sessions
DELETE FROM revoked_page_sessions WHERE expires_at_ms <= {now_ms:Int64};

-- :has_expired_page_sessions
SELECT 1 FROM revoked_page_sessions WHERE expires_at_ms <= {now_ms:Int64} LIMIT 1;

-- :is_page_session_revoked
SELECT 1 FROM revoked_page_sessions
WHERE organization_id = {organization_id:String} AND id = {id:String} LIMIT 1;
