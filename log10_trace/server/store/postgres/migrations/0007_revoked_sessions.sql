-- Sessions of the page that signed out before their cookie expired. A row is deleted once the cookie has expired.

CREATE TABLE revoked_page_sessions (
    organization_id  text COLLATE "C" NOT NULL,
    id               text COLLATE "C" NOT NULL,
    expires_ms       bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX revoked_page_sessions_by_expiry ON revoked_page_sessions (expires_ms);
