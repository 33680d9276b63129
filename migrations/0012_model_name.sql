-- The index that look-ups of a model by its name use, made anew. Before statistics say how many
-- models a project has, model_created and model_updated are as good to the planner, and among
-- equals it takes the youngest: with one of those a look-up walks over all models of the project.
DROP INDEX model_name;
CREATE UNIQUE INDEX model_name ON model (project, name) WHERE deleted_at IS NULL;
