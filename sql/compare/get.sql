-- Versions side by side: a row for each reference, in their order, with its current metrics and files as JSON.
-- outcome: found, no_project, no_model, moved, no_version
-- metrics: [{"name", "dataset", "slice", "value", "step", "at"}]; files: [{"path", "sha256", "size", "media_type"}]
-- lane: slow
-- $1 json  references: [{"project", "model", "kind", "keys": [hex or null], "word"}]
SELECT f.outcome, v.id, v.project, v.model, v.model_id, v.version, v.ordinal, v.state, v.params, v.tags, v.description,
       v.reason, v.created_at, v.created_by, v.published_at, v.published_by, v.key_id, v.files, v.bytes,
       v.row_version,
       (SELECT coalesce(json_agg(json_build_object('name', c.name, 'dataset', c.dataset, 'slice', c.slice,
			'value', c.value, 'step', c.step, 'at', utc_text_1(c.at)) ORDER BY c.name, c.dataset, c.slice), '[]')
	  FROM metric_current c WHERE c.version_id = f.version_id) AS metrics,
       (SELECT coalesce(json_agg(json_build_object('path', a.path, 'sha256', encode(a.sha256, 'hex'), 'size', a.size,
			'media_type', a.media_type) ORDER BY a.path), '[]')
	  FROM artifact_document_1 a WHERE a.version_id = f.version_id) AS files_json
  FROM json_array_elements($1) WITH ORDINALITY AS q (ref, place)
 CROSS JOIN LATERAL version_find_1(q.ref ->> 'project', q.ref ->> 'model', q.ref ->> 'kind',
				   reference_keys_1(q.ref -> 'keys'), q.ref ->> 'word') f
  LEFT JOIN version_document_1 v ON v.id = f.version_id
 ORDER BY q.place
