"""The API's description, as something that answers can be held against."""

import json
import re
from urllib.parse import quote

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from .http import Client

METHODS = ("get", "post", "put", "patch", "delete")
ROOT = "urn:hallmark:openapi"


class Description:
    """An OpenAPI document with its references followed."""

    def __init__(self, document):
        self.document = document
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self.registry = Registry().with_resource(ROOT, resource)
        self.operations = [
            Operation(self, path, method, f"/paths/{escape(path)}/{method}")
            for path, item in document["paths"].items()
            for method in METHODS
            if method in item
        ]

    def at(self, pointer):
        value = self.document
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def resolve(self, pointer):
        """Where a pointer leads when what stands there is a reference."""
        value = self.at(pointer)
        while isinstance(value, dict) and "$ref" in value:
            pointer = value["$ref"].removeprefix("#")
            value = self.at(pointer)
        return pointer, value

    def faults(self, pointer, instance):
        """What is wrong with an instance, by the schema at the pointer."""
        validator = Draft202012Validator(
            {"$ref": f"{ROOT}#{quote(pointer)}"},
            registry=self.registry,
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(instance)]

    def operation(self, method, path):
        """The operation that a request means: the one with most literal text in its path."""
        found = [op for op in self.operations if op.method == method.lower() and op.matches(path)]
        assert found, f"{method} {path} is not described"
        return max(found, key=lambda op: len(re.sub(r"\{.*?\}", "", op.path)))


class Operation:
    def __init__(self, description, path, method, pointer):
        self.description, self.path, self.method, self.pointer = description, path, method, pointer
        self.document = description.at(pointer)
        self.id = self.document["operationId"]
        self.scopes = [scope for words in self.document["security"] for scope in words["token"]]
        self.is_open = self.document["security"] == []
        self.pattern = re.compile(
            "".join(
                ".+" if part == "{path}" else "[^/]+" if part.startswith("{") else re.escape(part)
                for part in re.split(r"(\{.*?\})", path)
            )
        )

    def __repr__(self):
        return self.id

    def matches(self, path):
        return self.pattern.fullmatch(path.partition("?")[0]) is not None

    def parameters(self, where):
        item = f"/paths/{escape(self.path)}/parameters"
        lists = [item] if "parameters" in self.description.document["paths"][self.path] else []
        lists += [f"{self.pointer}/parameters"] if "parameters" in self.document else []
        found = [
            self.description.resolve(f"{at}/{i}")[1]
            for at in lists
            for i in range(len(self.description.at(at)))
        ]
        return [parameter for parameter in found if parameter["in"] == where]

    def sample(self, **values):
        """A path to ask for, from the examples of its parameters or from values."""
        path = self.path
        for parameter in self.parameters("path"):
            value = values.get(parameter["name"], example(parameter))
            path = path.replace(f"{{{parameter['name']}}}", quote(value))
        query = [
            f"{parameter['name']}={quote(text(example(parameter)))}"
            for parameter in self.parameters("query")
            if parameter.get("required")
        ]
        return path + ("?" + "&".join(query) if query else "")

    def body_schema(self, media_type="application/json"):
        """The pointer to what a body must be; None when it takes none."""
        if "requestBody" not in self.document:
            return None
        pointer, body = self.description.resolve(f"{self.pointer}/requestBody")
        return f"{pointer}/content/{escape(media_type)}/schema" if media_type in body["content"] else None

    def check(self, answer, *, without_body=False):
        """What an answer has that the description does not know, and the other way round."""
        responses = self.document["responses"]
        key = str(answer.status) if str(answer.status) in responses else "default"
        pointer, response = self.description.resolve(f"{self.pointer}/responses/{key}")
        faults = []
        if key == "default" and answer.status < 400:
            faults.append(f"{answer.status} is not described")
        for name in response.get("headers", {}):
            faults += self.header_faults(answer, name, f"{pointer}/headers/{name}")
        if not without_body:
            faults += self.body_faults(answer, response.get("content"), f"{pointer}/content")
        assert not faults, f"{self.id} {answer.status}: {faults} in {answer!r}"

    def header_faults(self, answer, name, pointer):
        pointer, header = self.description.resolve(pointer)
        if name not in answer.headers:
            return [f"{name} is missing"] if header.get("required") else []
        value = answer.headers[name]
        if header["schema"].get("type") == "integer":
            value = int(value)
        return [f"{name}: {fault}" for fault in self.description.faults(f"{pointer}/schema", value)]

    def body_faults(self, answer, content, pointer):
        if content is None:
            return ["there is a body"] if answer.body else []
        media_type = answer.headers["Content-Type"].partition(";")[0]
        if media_type not in content:
            return [] if "*/*" in content else [f"{media_type} is not described"]
        if "schema" not in content[media_type]:
            return []
        instance = answer.json if media_type.endswith("json") else answer.text
        return self.description.faults(f"{pointer}/{escape(media_type)}/schema", instance)


class Checked(Client):
    """A client that holds every answer, and every body that was taken, against the description."""

    def __init__(self, client, description):
        super().__init__(client.host, client.port, client.token)
        self.description = description
        self.seen = set()

    def request(self, method, path, **more):
        answer = super().request(method, path, **more)
        operation = self.description.operation("GET" if method == "HEAD" else method, path)
        operation.check(answer, without_body=method == "HEAD")
        schema = operation.body_schema()
        if schema and answer.status < 400 and more.get("json") is not None:
            faults = self.description.faults(schema, more["json"])
            assert not faults, f"{operation} took what it does not describe: {faults}"
        self.seen.add((operation.id, answer.status))
        return answer


def example(parameter):
    if "example" in parameter:
        return parameter["example"]
    return next(iter(parameter["examples"].values()))["value"]


def text(value):
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def escape(part):
    return part.replace("~", "~0").replace("/", "~1")


def load(answer):
    return Description(json.loads(answer.body))
