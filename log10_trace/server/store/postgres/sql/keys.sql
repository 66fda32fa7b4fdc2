-- :add
-- Keep a key; the same key again changes nothing.
INSERT INTO keys (id, organization_id, name, scopes, secret_hash, created_ms, expires_ms, revoked_ms, used_ms)
VALUES (%(id)s, %(organization_id)s, %(name)s, %(scopes)s, %(secret_hash)s, %(created_ms)s, %(expires_ms)s,
        %(revoked_ms)s, %(used_ms)s)
ON CONFLICT (id) DO NOTHING;

-- :find
SELECT id, organization_id, name, scopes, secret_hash, created_ms, expires_ms, revoked_ms, used_ms
FROM keys WHERE id = %(id)s;

-- :list
-- The keys of one organization, or of all.
SELECT id, organization_id, name, scopes, secret_hash, created_ms, expires_ms, revoked_ms, used_ms
FROM keys WHERE %(organization_id)s::text IS NULL OR organization_id = %(organization_id)s
ORDER BY created_ms, id;

-- :revoke
UPDATE keys SET revoked_ms = %(now_ms)s
WHERE organization_id = %(organization_id)s AND id = %(id)s AND revoked_ms IS NULL
  AND (expires_ms IS NULL OR expires_ms > %(now_ms)s)
RETURNING id;

-- :used
UPDATE keys SET used_ms = %(now_ms)s
WHERE organization_id = %(organization_id)s AND id = %(id)s AND (used_ms IS NULL OR used_ms < %(now_ms)s);

-- :revoke_page_session
-- Rows of expired cookies are deleted on the way.
WITH expired AS (DELETE FROM revoked_page_sessions WHERE expires_ms <= %(now_ms)s)
INSERT INTO revoked_page_sessions (organization_id, id, expires_ms)
VALUES (%(organization_id)s, %(id)s, %(expires_at_ms)s)
ON CONFLICT DO NOTHING;

-- :is_page_session_revoked
SELECT 1 FROM revoked_page_sessions WHERE organization_id = %(organization_id)s AND id = %(id)s;
