-- concurrently
-- Versions of a model in one state, by version (0014_version_lists).
CREATE INDEX CONCURRENTLY IF NOT EXISTS version_state ON version (model_id, state, precedence)
	WHERE state IN ('published', 'deprecated', 'yanked');
