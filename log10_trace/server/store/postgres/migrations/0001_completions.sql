-- The records, their tags and their words. All three are cut into days by placed_ms, the moment that a
-- record's id carries (places.py), so that a day can be dropped as a whole. organization_id leads every key.
-- place is a record's place in every list: the millisecond its call began, and 20 bits to tell neighbours apart.

CREATE TABLE completions (
    organization_id  text COLLATE "C" NOT NULL,
    id               text COLLATE "C" NOT NULL,
    placed_ms        bigint NOT NULL,
    place            bigint NOT NULL,
    status           text COLLATE "C" NOT NULL,
    kind             text COLLATE "C",
    model            text COLLATE "C",
    session_id       text COLLATE "C",
    failure_kind     text COLLATE "C",
    file             text COLLATE "C",
    function         text COLLATE "C",
    duration         double precision,
    input_tokens     bigint,
    output_tokens    bigint,
    tokens           bigint,
    preview_request  text NOT NULL,
    preview_response text NOT NULL,
    skipped          int NOT NULL,
    head             text NOT NULL,
    stack            bytea,
    body             bytea NOT NULL,
    PRIMARY KEY (organization_id, id, placed_ms)
) PARTITION BY RANGE (placed_ms);
-- The bodies are compressed already: kept out of line as they are.
ALTER TABLE completions ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE INDEX completions_by_place ON completions (organization_id, place);
CREATE INDEX completions_by_model ON completions (organization_id, model, place);
CREATE INDEX completions_by_session ON completions (organization_id, session_id, place)
    WHERE session_id IS NOT NULL;
CREATE INDEX completions_by_failure ON completions (organization_id, failure_kind, place)
    WHERE failure_kind IS NOT NULL;
CREATE INDEX completions_by_call_site ON completions (organization_id, function, file, place)
    WHERE function IS NOT NULL;

CREATE INDEX completions_not_finished ON completions (organization_id, status, place) WHERE status <> 'finished';
CREATE INDEX completions_by_stack ON completions (organization_id, stack) WHERE stack IS NOT NULL;

CREATE TABLE completion_tags (
    organization_id text COLLATE "C" NOT NULL,
    tag             text COLLATE "C" NOT NULL,
    place           bigint NOT NULL,
    id              text COLLATE "C" NOT NULL,
    placed_ms       bigint NOT NULL,
    PRIMARY KEY (organization_id, tag, place, id, placed_ms)
) PARTITION BY RANGE (placed_ms);

CREATE TABLE completion_words (
    organization_id text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    placed_ms       bigint NOT NULL,
    place           bigint NOT NULL,
    words           tsvector NOT NULL,
    PRIMARY KEY (organization_id, id, placed_ms)
) PARTITION BY RANGE (placed_ms);
ALTER TABLE completion_words ALTER COLUMN words SET STORAGE EXTERNAL;
CREATE INDEX completion_words_by_place ON completion_words (organization_id, place);
CREATE INDEX completion_words_by_word ON completion_words USING gin (words)
    WITH (gin_pending_list_limit = 8192);

-- Texts that wait for the indexer (search.py), which alone takes from here.
CREATE TABLE waiting_texts (
    number          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    placed_ms       bigint NOT NULL,
    content         text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

ALTER TABLE waiting_texts ALTER COLUMN content SET STORAGE EXTERNAL;

-- Where a record stands whose id carries no time; this also keeps such ids unique.
CREATE TABLE placements (
    organization_id text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    placed_ms       bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX placements_by_place ON placements (placed_ms);

-- Call stacks, which repeat. One that no record names any more is swept away (deleting.py).
CREATE TABLE stacks (
    organization_id text COLLATE "C" NOT NULL,
    hash            bytea NOT NULL,
    body            bytea NOT NULL,
    PRIMARY KEY (organization_id, hash)
);
ALTER TABLE stacks ALTER COLUMN body SET STORAGE EXTERNAL;
