"""Rows about many rows: lists, look-ups and lineage of a registry of a million versions.

Both registries are made by bulk.sql on the bench's PostgreSQL, and each has a hallmarkd. They are
asked in turn, kind by kind, over keep-alive connections, each time something else: another page,
model, word, threshold or range. What is held against each other is the 99th percentile of the
answers' times, of one turn; the ratio is the median of the turns'.
"""

import random
import time
from statistics import median
from urllib.parse import quote, urlencode

from measure import HERE, Row, latencies, say
from support.postgres import psql, rows
from support.server import Hallmark

ROWS = ("lists", "model", "lineage")
LARGE = {"versions": 1_000_000, "models": 20_000, "giant": 200_000, "lineage": 10_000, "seed": 1}
SMALL = {"versions": 10_000, "models": 200, "giant": 0, "lineage": 0, "seed": 1}
CONNECTIONS = 4
PATHS = 200  # of a kind, at most
PAGE = 20
WEB_DEPTH = 20


class Registry(Hallmark):
    """A hallmarkd over a database that bulk.sql filled."""

    def __init__(self, folder, database, sizes):
        folder.mkdir()
        super().__init__(folder, database=database)
        self.command("migrate")
        began = time.monotonic()
        fill(database, sizes)
        say(f"  {sizes['versions']} versions in {sizes['models']} models: {time.monotonic() - began:.0f} s")
        self.start()

    @property
    def url(self):
        return f"http://{self.host}:{self.port}/"

    def chosen(self, query, count=PATHS):
        """Rows of a query, the same ones in every run."""
        found = rows(self.database, query)
        return random.Random(1).sample(found, min(count, len(found)))

    def keys(self, path, far, **query):
        """Tokens of pages of a list: the next one, and others until so many rows are behind."""
        tokens, size = [], min(500, max(PAGE, far // 8))
        behind, token = 0, None
        while behind < far:
            words = {
                **query,
                "page_size": size if token else PAGE,
                **({"page_token": token} if token else {}),
            }
            page = self.get(f"{path}?{urlencode(words)}").json
            token = page["next_page_token"]
            if not token:
                break
            behind += len(page["items"])
            tokens.append(token)
        return tokens


def fill(database, sizes):
    settings = "".join(f"SET bulk.{name} = '{value}';" for name, value in sizes.items())
    psql(database, settings + (HERE / "bulk.sql").read_text())
    psql(database, "VACUUM ANALYZE")
    psql(database, "CHECKPOINT")


def asked(path, **query):
    return f"{path}?{urlencode({'page_size': PAGE, **query})}"


def paged(registry, path, far, **query):
    """The first page, and those whose tokens are found on the way to a far one."""
    tokens = registry.keys(path, far, **query)
    return [asked(path, **query)] + [asked(path, **query, page_token=token) for token in tokens]


def model_path(model, project="fleet"):
    return f"/api/v1/projects/{project}/models/{quote(model)}"


FLEET = "/api/v1/projects/fleet/models"
MODEL_SORTS = [sign + name for name in ("name", "created_at", "updated_at") for sign in ("", "-")]
VERSION_SORTS = [sign + name for name in ("version", "created_at", "published_at") for sign in ("", "-")]
METRIC_SORTS = ["metric:accuracy", "-metric:accuracy", "-metric:loss"]


def crossed(path, sorts, *filters):
    return [asked(path, **one, sort=sort) for sort in sorts for one in filters]


def thresholds(digits=3):
    return [f"accuracy>{random.Random(i).uniform(0.55, 0.95):.{digits}f}" for i in range(30)]


# ---- a project's models ------------------------------------------------------------------


def model_pages(registry):
    return [path for sort in MODEL_SORTS for path in paged(registry, FLEET, 10_000, sort=sort)]


def model_texts(registry):
    crews = registry.chosen(
        "SELECT substr(description, strpos(description, 'crew')) AS word FROM model WHERE project = 'fleet'",
        30,
    )
    words = ["model", "ranking", "visi", "for ranking", "apollo", "nothing", *(row["word"] for row in crews)]
    return crossed(FLEET, MODEL_SORTS, *({"q": word} for word in words))


def model_tags(_):
    tags = ["task", "team=fleet", "task=task-1", "tier=standard", "flagship", "flagship=yes", "flagship=no"]
    return crossed(FLEET, MODEL_SORTS, *({"tag": tag} for tag in tags))


def model_metrics(_):
    rare = ["accuracy>=1", "accuracy=1", "accuracy>2", "loss<0", "latency_ms@prod>1e9"]
    common = [*thresholds(), "loss<2", "latency_ms@prod<500", "accuracy@>0.6"]
    return crossed(FLEET, MODEL_SORTS, *({"metric": one} for one in rare + common))


# ---- versions of models of like size ---------------------------------------------------------

# Models that have 60 to 200 versions, in either registry: it is their number that differs.
ALIKE = """SELECT m.name FROM model m JOIN version_counter c ON c.model_id = m.id
    WHERE m.project = 'fleet' AND c.last BETWEEN 60 AND 200 ORDER BY m.name"""


def over_models(registry, *queries):
    models = [row["name"] for row in registry.chosen(ALIKE, 40)]
    turns = len(queries) * max(1, PATHS // len(queries))
    return [
        asked(model_path(models[i % len(models)]) + "/versions", **queries[i % len(queries)])
        for i in range(turns)
    ]


def sorted_by(*filters, sorts=(*VERSION_SORTS, *METRIC_SORTS)):
    return [{**one, "sort": sort} for sort in sorts for one in filters]


def version_pages(registry):
    models = [row["name"] for row in registry.chosen(ALIKE, 8)]
    paths = []
    for i, sort in enumerate([*VERSION_SORTS, *METRIC_SORTS] * 2):
        paths += paged(registry, model_path(models[i % len(models)]) + "/versions", 60, sort=sort)
    return paths


def version_states_and_tags(registry):
    filters = [{"state": word} for word in ("draft", "published", "deprecated", "yanked", "draft,published")]
    filters += [{"tag": tag} for tag in ("framework", "framework=fw-1", "data=set-7", "nothing")]
    return over_models(registry, *sorted_by(*filters, sorts=VERSION_SORTS))


def version_metrics(registry):
    return over_models(
        registry, *sorted_by(*({"metric": one} for one in [*thresholds()[:8], "loss<0.1", "accuracy>=1"]))
    )


def version_ranges(registry):
    ranges = ["^1.4", "~1.4.0", "^1", "1.x", ">=1.2.0 <1.9.0", ">=1.5.0-rc.1 <2", "^9"]
    return over_models(registry, *sorted_by(*({"range": one} for one in ranges), sorts=VERSION_SORTS))


def version_times(registry):
    times = [f"2025-{month:02}-15T00:00:00Z" for month in range(1, 13, 2)]
    filters = [{name: at} for at in times for name in ("created_after", "created_before", "published_after")]
    return over_models(registry, *sorted_by(*filters, sorts=VERSION_SORTS))


def references(registry):
    refs = ["latest", "newest", "@champion", "v7", "^1", "^1.4", "~1.2.0", ">=1.1.0 <1.9.0", "1.0.0"]
    fit = [row["name"] for row in registry.chosen(ALIKE, 40) if all_found(registry, row["name"], refs)]
    return [f"{model_path(name)}/versions/{quote(ref, safe='')}" for name in fit for ref in refs]


def all_found(registry, name, refs):
    return all(
        registry.get(f"{model_path(name)}/versions/{quote(ref, safe='')}").status == 200 for ref in refs
    )


def events(registry):
    models = [row["name"] for row in registry.chosen(ALIKE, 20)]
    path = "/api/v1/projects/fleet/events"
    paths = [
        asked(path, model=f"fleet/{name}", sort=sort) for name in models for sort in ("position", "-position")
    ]
    paths += crossed(path, ("position", "-position"), {}, {"kind": "version.published"}, {"actor": "release"})
    return paths + crossed("/api/v1/events", ("position", "-position"), {}, {"kind": "version.created"})


LISTS = [
    ("list of a project's models, all sorts, first to far pages", model_pages),
    ("its models by text, common and rare words", model_texts),
    ("its models by tag, common and rare", model_tags),
    ("its models by metric, common and rare", model_metrics),
    ("list of a model's versions, all sorts, all pages", version_pages),
    ("its versions by state and tag", version_states_and_tags),
    ("its versions by metric, sorts by metric included", version_metrics),
    ("its versions by range", version_ranges),
    ("its versions by time", version_times),
    ("references: latest, newest, alias, ordinal, range, exact", references),
    ("events of models, of the project and of all, newest and oldest", events),
]


def turns_of(pairs, seconds, times, what):
    """The percentiles of each of two sides, [(p50, p99) …] a side; the first turn warms up."""
    results = [[] for _ in pairs]
    for turn in range(-1, times):
        for found, (registry, paths) in zip(results, pairs, strict=True):
            took = latencies(registry.url, seconds if turn >= 0 else 1, paths, CONNECTIONS, registry.token)
            if turn >= 0:
                found.append(took)
    middle = [[median(column) for column in zip(*found, strict=True)] for found in results]
    say(f"  {what}: " + ", ".join(f"p50 {p50:.2f} p99 {p99:.2f} ms" for p50, p99 in middle))
    return results


def compared(what, yardstick, pairs, seconds, times, ratio_most):
    got, yard = turns_of(pairs, seconds, times, what)
    return Row(
        what, yardstick, "ms", [p99 for _, p99 in got], [p99 for _, p99 in yard], ratio_most=ratio_most
    )


def lists(large, small, seconds, times):
    yardstick = f"the same of {SMALL['versions']:,} versions in {SMALL['models']} models"
    return [
        compared(f"p99: {what}", yardstick, [(r, paths_of(r)) for r in (large, small)], seconds, times, 1.3)
        for what, paths_of in LISTS
    ]


# ---- one model with many versions ---------------------------------------------------------------


def giant_pages(registry, name):
    path = model_path(name) + "/versions"
    far = 20_000 if name == "giant" else 80
    return [one for sort in [*VERSION_SORTS, *METRIC_SORTS] for one in paged(registry, path, far, sort=sort)]


def giant_ranges(_, name):
    path = model_path(name) + "/versions"
    ranges = ["^1.4", "~1.4.0", "^1", "1.x", ">=1.2.0 <1.9.0", ">=1.5.0-rc.1 <1.9.0"]
    return crossed(path, VERSION_SORTS, *({"range": one} for one in ranges))


def giant_references(_, name):
    refs = [
        "latest",
        "newest",
        "@champion",
        "v7",
        "v60",
        "^1",
        "^1.4",
        "~1.2.0",
        ">=1.1.0 <1.9.0",
        "1.x",
        "1.0.0",
    ]
    return [f"{model_path(name)}/versions/{quote(ref, safe='')}" for ref in refs]


def giant_compare(registry, name):
    found = rows(
        registry.database,
        f"""SELECT v.semver FROM version_counter c JOIN model m ON m.id = c.model_id
            JOIN version v ON v.model_id = m.id
            WHERE m.project = 'fleet' AND m.name = '{name}' AND v.state = 'published'
              AND v.ordinal % greatest(1, c.last / 500) = 0
            ORDER BY v.ordinal""",
    )
    words = [row["semver"] for row in found]
    picks = [random.Random(i).sample(words, 20) for i in range(50)]
    return [f"{model_path(name)}/compare?{urlencode({'versions': ','.join(pick)})}" for pick in picks]


def giant_series(registry, name):
    path, far = model_path(name) + "/metrics", 10_000 if name == "giant" else 80
    return [one for names in ("accuracy", "accuracy,loss") for one in paged(registry, path, far, names=names)]


ONE_MODEL = [
    ("pages of its versions, all sorts", giant_pages),
    ("its versions by range", giant_ranges),
    ("latest, newest, alias, ordinal, range, exact", giant_references),
    ("compare of 20 versions", giant_compare),
    ("series of metrics", giant_series),
]


def model(large, seconds, times):
    rows_ = []
    for what, paths_of in ONE_MODEL:
        pairs = [(large, paths_of(large, name)) for name in ("giant", "hundred")]
        what = f"p99, a model of {LARGE['giant']:,} versions: {what}"
        rows_.append(compared(what, "the same of a model of 100", pairs, seconds, times, 2))
    return rows_


# ---- lineage -----------------------------------------------------------------------------------


def lineage(large, seconds, times):
    last = rows(
        large.database,
        """SELECT v.semver FROM version v WHERE v.model_id = (SELECT id FROM model WHERE name = 'web')
           AND v.id = (SELECT e.version_id FROM lineage_edge e JOIN version w ON w.id = e.version_id
                        WHERE w.model_id = v.model_id ORDER BY w.ordinal DESC LIMIT 1)""",
    )[0]["semver"]
    found = []
    for direction, version in (("up", last), ("down", "1.0.0")):
        path = f"{model_path('web')}/versions/{version}/lineage?direction={direction}&depth={WEB_DEPTH}"
        edges = large.get(path).json["edges"]
        ends = {(e["from"]["version"], e["to"]["version"]) for e in edges if e["kind"] == "parent"}
        nodes = len({name for pair in ends for name in pair})
        took = [latencies(large.url, seconds, [path], 1, large.token) for _ in range(times)]
        size = f"{nodes:,} lineage nodes with {len(edges):,} edges {direction}"
        say(f"  {size}: p50 {took[0][0]:.1f} p99 {took[0][1]:.1f} ms")
        what = f"p99: {size}, depth {WEB_DEPTH}, one connection"
        found.append(Row(what, "", "ms", [p99 for _, p99 in took], most=50))
    return found


def measure(wanted, postgres, folder, seconds, times):
    """Rows of lists, model and lineage, whichever are wanted."""
    if not set(ROWS) & set(wanted):
        return []
    large = Registry(folder / "large", postgres.create_database(), LARGE)
    small = Registry(folder / "small", postgres.create_database(), SMALL) if "lists" in wanted else None
    try:
        found = lists(large, small, seconds, times) if small else []
        found += model(large, seconds, times) if "model" in wanted else []
        found += lineage(large, seconds, times) if "lineage" in wanted else []
        for registry in filter(None, (large, small)):
            registry.close()
    finally:
        for registry in filter(None, (large, small)):
            registry.sweep()
    return found
