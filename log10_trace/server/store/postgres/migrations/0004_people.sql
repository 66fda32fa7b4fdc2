-- What people add: feedback, and the keys they use.

CREATE TABLE feedback_tasks (
    organization_id text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    name            text NOT NULL,
    instruction     text NOT NULL,
    json_schema     text NOT NULL,
    tags            text[] NOT NULL,
    created_ms      bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE TABLE feedback (
    organization_id text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    task_id         text COLLATE "C" NOT NULL,
    json_values     text NOT NULL,
    comment         text,
    created_ms      bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX feedback_by_time ON feedback (organization_id, created_ms, id);
CREATE INDEX feedback_by_task ON feedback (organization_id, task_id, created_ms, id);

CREATE TABLE feedback_completions (
    organization_id text COLLATE "C" NOT NULL,
    completion_id   text COLLATE "C" NOT NULL,
    task_id         text COLLATE "C" NOT NULL,
    feedback_id     text COLLATE "C" NOT NULL,
    position        int NOT NULL,
    PRIMARY KEY (organization_id, completion_id, task_id, feedback_id)
);
CREATE INDEX feedback_completions_by_feedback ON feedback_completions (organization_id, feedback_id, position);

CREATE TABLE keys (
    id              text COLLATE "C" PRIMARY KEY,
    organization_id text COLLATE "C" NOT NULL,
    name            text NOT NULL,
    scopes          text[] NOT NULL,
    secret_hash     bytea NOT NULL,
    created_ms      bigint NOT NULL,
    expires_ms      bigint,
    revoked_ms      bigint,
    used_ms         bigint
);
CREATE INDEX keys_by_organization ON keys (organization_id, created_ms);
