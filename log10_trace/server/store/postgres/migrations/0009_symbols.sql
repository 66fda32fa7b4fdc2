-- Symbols, and characters of scripts without spaces, are words of the text index now (search_text.py). The leading
-- server indexes these records anew, in the background.

CREATE TABLE waiting_records (
    organization_id text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    placed_ms       bigint NOT NULL,
    PRIMARY KEY (organization_id, id, placed_ms)
);
INSERT INTO waiting_records SELECT organization_id, id, placed_ms FROM completions;
