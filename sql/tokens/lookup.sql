-- A token and what its principal may do, as JSON [{"project", "role"}].
-- lane: read
-- $1 text  id
SELECT t.id, t.principal, t.kind, t.hash, t.expires_at, t.revoked_at, p.disabled_at,
       (SELECT coalesce(json_agg(json_build_object('project', b.project, 'role', b.role) ORDER BY b.project, b.role), '[]')
	  FROM role_binding b WHERE b.principal = t.principal) AS roles
  FROM token t
  JOIN principal p ON p.name = t.principal
 WHERE t.id = $1
