-- concurrently
-- The drafts of a model, by version (0014_version_lists).
CREATE INDEX CONCURRENTLY IF NOT EXISTS version_draft ON version (model_id, precedence) WHERE state = 'draft';
