-- concurrently
-- What was made from a version, by its id: lineage_edge_node finds it too, by a text of 44 bytes.
CREATE INDEX CONCURRENTLY IF NOT EXISTS lineage_edge_parent ON lineage_edge (parent_id, version_id)
	WHERE parent_id IS NOT NULL;
