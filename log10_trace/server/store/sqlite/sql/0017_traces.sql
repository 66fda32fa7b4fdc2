-- The OpenTelemetry trace in which a call was made, by which a person comes from a tracing tool to its calls. Few records
-- have one in most installations, so the index holds those alone.

ALTER TABLE completions ADD COLUMN trace_id TEXT;
CREATE INDEX completions_by_trace ON completions (organization_id, trace_id) WHERE trace_id IS NOT NULL;
