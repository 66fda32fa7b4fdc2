-- Who grades which completion, and the key that feedback was given with.

ALTER TABLE feedback ADD COLUMN key_id text COLLATE "C";
CREATE INDEX feedback_completions_by_task ON feedback_completions (organization_id, task_id, completion_id);

-- A completion that waits for feedback is leased to one holder (a browser's tab) at a time, until it expires.
CREATE TABLE grading_leases (
    organization_id text COLLATE "C" NOT NULL,
    task_id         text COLLATE "C" NOT NULL,
    completion_id   text COLLATE "C" NOT NULL,
    holder          text COLLATE "C" NOT NULL,
    expires_ms      bigint NOT NULL,
    draft           text NOT NULL,        -- JSON: what the form is filled in with
    PRIMARY KEY (organization_id, task_id, completion_id)
);
CREATE INDEX grading_leases_by_expiry ON grading_leases (expires_ms);
