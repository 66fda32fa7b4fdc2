-- The digest of a request's text, by which calls that asked the same are found. Records of earlier versions get theirs
-- when they are counted anew.

ALTER TABLE completions ADD COLUMN prompt_digest text;
CREATE INDEX completions_by_prompt ON completions (organization_id, prompt_digest, place) WHERE prompt_digest IS NOT NULL;
