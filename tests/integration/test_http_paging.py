"""Lists page by page: tokens that belong to one list, and rows that are neither missed nor given twice."""

import base64
import hashlib
import re
import threading
import time

import pytest
from support.registry import BASE, artifact_path, is_problem, make_draft, make_model, make_project, model_path

SIZE = 7


def walk(server, path, size=SIZE, by_link=False):
    """Every item of a list, page by page, the way the token or the Link says."""
    items, target = [], f"{path}{'&' if '?' in path else '?'}page_size={size}"
    first = target
    while target:
        answer = server.get(target)
        assert answer.status == 200, answer
        items += answer.json["items"]
        token = answer.json["next_page_token"]
        link = answer.headers.get("Link")
        assert (token is None) == (link is None)
        if not token:
            return items
        assert len(answer.json["items"]) == size
        target = re.fullmatch(r'<(.*)>; rel="next"', link)[1]
        assert token in target
        if not by_link:
            target = f"{first}&page_token={token}"
    return items


@pytest.fixture(scope="module")
def project(hallmark):
    """40 models with tags, the first of which has 40 versions, aliases, artifacts and metrics."""
    make_project(hallmark, "paged")
    for i in range(40):
        make_model(hallmark, f"m{i:02}", "paged", tags={"odd": str(i % 2)}, description="words, and more")
    for i in range(40):
        metrics = [{"name": "accuracy", "value": i % 5, "step": s} for s in range(2)]
        draft = {"version": f"1.{i}.0", "metrics": metrics}
        made = hallmark.post(f"{model_path('m00', 'paged')}/versions", json=draft)
        assert made.status == 201, made
        for j in range(40 if i == 0 else 1):
            hallmark.put(artifact_path("m00", f"d/{j:02}", f"1.{i}.0", "paged"), body=b"%d" % j)
        assert hallmark.post(f"{model_path('m00', 'paged')}/versions/1.{i}.0/publish", json={}).status == 200
        alias = f"{model_path('m00', 'paged')}/aliases"
        assert hallmark.put(f"{alias}/a{i:02}", json={"version": f"1.{i}.0"}).status == 201
        moved = hallmark.put(
            f"{alias}/mover", json={"version": f"1.{i}.0"}, headers={"If-Match": "*"} if i else {}
        )
        assert moved.status in (200, 201), moved
    return f"{BASE}/paged"


LISTS = {
    "models": ("/models", "name", 40),
    "models by time": ("/models?sort=created_at", "name", 40),
    "models by time, newest first": ("/models?sort=-updated_at", "name", 40),
    "models with a tag": ("/models?tag=odd=1", "name", 20),
    "models by words": ("/models?q=words%2C+more&sort=-name", "name", 40),
    "versions": ("/models/m00/versions", "version", 40),
    "versions by metric": ("/models/m00/versions?sort=-metric%3Aaccuracy", "version", 40),
    "versions with a metric": ("/models/m00/versions?metric=accuracy%3E2", "version", 16),
    "artifacts": ("/models/m00/versions/1.0.0/artifacts", "path", 40),
    "aliases": ("/models/m00/aliases", "alias", 41),
    "history": ("/models/m00/aliases/mover/history", "moved_at", 40),
    "series": ("/models/m00/metrics?names=accuracy", None, 40),
    "events": ("/events", "position", None),
}


@pytest.mark.parametrize(("path", "key", "n"), LISTS.values(), ids=LISTS)
def test_pages_together_are_the_list(service, project, path, key, n):
    whole = walk(service, project + path, 500)
    if n:
        assert len(whole) == n
    if key:
        assert len({item[key] for item in whole}) == len(whole)
    sizes = (1, SIZE, len(whole), len(whole) - 1) if n else (SIZE, 100)
    for size in sizes:
        assert walk(service, project + path, size) == whole
    assert walk(service, project + path, SIZE, by_link=True) == whole


def first_token(server, path):
    return server.get(path).json["next_page_token"]


def test_a_token_belongs_to_its_list(service, project):
    path = f"{project}/models?page_size=5&tag=odd=1"
    token = first_token(service, path)
    assert service.get(f"{path}&page_token={token}").status == 200
    assert service.get(f"{project}/models?tag=odd=1&page_size=9&page_token={token}").status == 200
    for other in (
        f"{project}/models",
        f"{project}/models?tag=odd=0",
        f"{project}/models?tag=odd=1&sort=-name",
        f"{project}/models?tag=odd=1&q=words",
        f"{project}/models/m00/versions",
        f"{BASE}/default/models?tag=odd=1",
        f"{project}/models/m00/aliases",
        BASE,
    ):
        answer = service.get(f"{other}{'&' if '?' in other else '?'}page_token={token}")
        is_problem(answer, 400, "bad-page-token")


def test_a_changed_token_is_refused(service, project):
    path = f"{project}/models?page_size=5"
    token = first_token(service, path)
    for i in range(len(token)):
        changed = token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :]
        if base64.urlsafe_b64decode(changed + "==") == base64.urlsafe_b64decode(token + "=="):
            continue  # bits that encode nothing
        is_problem(service.get(f"{path}&page_token={changed}"), 400, "bad-page-token")
    for odd in (
        "",
        "x",
        token[:-4],
        token + "AAAA",
        token * 100,
        "%00",
        "a" * 6000,
        "=" * 8,
        "../..",
        token + "%3D",
    ):
        assert service.get(f"{path}&page_token={odd}").status == 400, odd


def page_key(server):
    """What registry/secret.h derives for pages from the secret file."""
    secret = (server.state / "secret").read_bytes()
    if len(secret) != 32:
        secret = bytes.fromhex(secret.decode())
    salt, context = (2).to_bytes(16, "little"), b"hallmark".ljust(16, b"\0")
    return hashlib.blake2b(key=secret, salt=salt, person=context, digest_size=32).digest()


def test_a_token_of_yesterday_is_refused(service, project):
    path, query = f"{project}/models", {"tag": "odd=1"}
    real = base64.urlsafe_b64decode(first_token(service, f"{path}?page_size=5&tag=odd=1") + "==")

    def made(expiry):
        payload = expiry.to_bytes(8, "big") + real[8:-16]
        mac = hashlib.blake2b(key=page_key(service), digest_size=16)
        for word in (path, *sum(query.items(), ()), payload):
            word = word if isinstance(word, bytes) else word.encode()
            mac.update(len(word).to_bytes(4, "big") + word)
        return base64.urlsafe_b64encode(payload + mac.digest()).decode().rstrip("=")

    now = time.time_ns() // 1000
    expiry = int.from_bytes(real[:8], "big")
    assert abs(expiry - now - 24 * 3600 * 10**6) < 60 * 10**6
    assert service.get(f"{path}?tag=odd=1&page_token={made(now + 10**7)}").status == 200
    document = is_problem(service.get(f"{path}?tag=odd=1&page_token={made(now - 1)}"), 400, "bad-page-token")
    assert "older than a day" in document["detail"]


def test_sizes_of_pages(service, project):
    assert len(service.get(f"{project}/models").json["items"]) == 40
    assert len(service.get(f"{project}/models?page_size=501").json["items"]) == 40
    assert len(service.get(f"{project}/models?page_size=99999999999999999999").json["items"]) == 40
    events = service.get(f"{project}/events?page_size=10000").json["items"]
    assert len(events) <= 500


def test_a_link_keeps_what_was_asked(service, project):
    answer = service.get(f"{project}/models?page_size=3&tag=odd%3D1&q=%77ords+and&page%5Ftoken=&sort=name")
    is_problem(answer, 400, "bad-page-token")
    asked = f"{project}/models?tag=odd%3D1&q=%77ords+more&%70age_size=3&sort=name"
    answer = service.get(asked)
    link = answer.headers["Link"]
    assert "tag=odd%3D1" in link
    assert "page_size=3" in link
    assert len(walk(service, asked.replace("&%70age_size=3", ""), 3, by_link=True)) == 20
    second = service.get(re.fullmatch(r"<(.*)>.*", link)[1])
    assert second.headers["Link"].count("page_token=") == 1


def test_nothing_is_missed_or_repeated_while_others_insert(service, name):
    """What was there before the walk began comes exactly once; what comes meanwhile at most once."""
    make_project(service, name)
    before = {f"k{i:03}" for i in range(0, 120, 2)}
    for model in before:
        make_model(service, model, name)
    stop = threading.Event()

    def insert():
        for i in range(1, 120, 2):
            if stop.is_set():
                return
            make_model(service, f"k{i:03}", name)

    for sort in ("name", "-name", "created_at", "-created_at"):
        writer = threading.Thread(target=insert) if sort == "name" else None
        if writer:
            writer.start()
        got = [item["name"] for item in walk(service, f"{BASE}/{name}/models?sort={sort}", 4)]
        assert len(set(got)) == len(got), "a row came twice"
        assert before <= set(got), "a row was missed"
        if writer:
            stop.set()
            writer.join()


def test_a_page_that_ends_at_a_deleted_row_goes_on(service, name):
    make_project(service, name)
    for i in range(6):
        make_model(service, f"k{i}", name)
    page = service.get(f"{BASE}/{name}/models?page_size=3").json
    deleted = service.delete(model_path("k2", name), headers={"If-Match": "*"})
    assert deleted.status == 204
    after = service.get(f"{BASE}/{name}/models?page_size=3&page_token={page['next_page_token']}").json
    assert [item["name"] for item in after["items"]] == ["k3", "k4", "k5"]


def test_names_that_need_care_are_paged(service, name):
    make_project(service, name)
    names = ["a", 'a"b', "a%b", "a&b=c", "a'b", "a+b", "a,b", "a<b>", "a?b", "aß", "a日本", "a🙂", "ä"]
    for model in names:
        make_model(service, model, name)
    got = [item["name"] for item in walk(service, f"{BASE}/{name}/models", 1)]
    assert got == sorted(names, key=str.encode)
    make_draft(service, "files", project=name)
    for model in names:
        assert service.put(artifact_path("files", f"x/{model}", project=name), body=b"").status == 201
    listed = walk(service, f"{model_path('files', name)}/versions/1.0.0/artifacts", 1)
    assert [item["path"] for item in listed] == [f"x/{model}" for model in sorted(names, key=str.encode)]
