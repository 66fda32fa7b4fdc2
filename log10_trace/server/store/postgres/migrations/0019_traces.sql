-- The OpenTelemetry trace in which a call was made, by which a person comes from a tracing tool to its calls. Few records
-- have one in most installations, so the index holds those alone.

ALTER TABLE completions ADD COLUMN trace_id text;
CREATE INDEX completions_by_trace ON completions (organization_id, trace_id, place) WHERE trace_id IS NOT NULL;
