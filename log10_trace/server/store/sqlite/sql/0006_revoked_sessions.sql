-- Sessions of the page that signed out before their cookie expired. A row is deleted once the cookie has expired.

CREATE TABLE revoked_page_sessions (
    organization_id TEXT NOT NULL,
    id              TEXT NOT NULL,
    expires_at_ms   INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITHOUT ROWID, STRICT;
CREATE INDEX revoked_page_sessions_by_expiry ON revoked_page_sessions (expires_at_ms);
