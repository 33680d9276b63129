"""A registry client of one page: the HTTP API of Hallmark with the standard library alone."""

import base64
import hashlib
import json
import os
import urllib.error
import urllib.parse
import urllib.request


class Refused(Exception):
    """The registry said no. It says why in a problem document (RFC 9457)."""

    def __init__(self, status, problem):
        reasons = [f"{e.get('pointer', '')} {e['detail']}" for e in problem.get("errors", [])]
        super().__init__("; ".join([problem.get("detail", f"status {status}"), *reasons]))
        self.status = status


class Registry:
    """One model in one project. The token is read anew each time: Kubernetes renews it."""

    def __init__(self, model, project="default", url=None, token_file=None):
        self.url = (url or os.environ.get("HALLMARK_URL", "http://127.0.0.1:8080")).rstrip("/")
        self.token_file = token_file or os.environ.get("HALLMARK_TOKEN_FILE")
        parts = (urllib.parse.quote(part, safe="") for part in (project, model))
        self.model = "/api/v1/projects/{}/models/{}".format(*parts)

    def _token(self):
        if not self.token_file:
            return os.environ["HALLMARK_TOKEN"]
        with open(self.token_file, encoding="ascii") as file:
            return file.read().strip()

    def send(self, method, path, body=b"", **headers):
        """Sends bytes, or anything else as JSON; returns the JSON of the answer."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["Authorization"] = f"Bearer {self._token()}"
        if not isinstance(body, bytes):
            body = json.dumps(body, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, body or None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            try:
                problem = json.load(error)
            except ValueError:
                problem = {}
            raise Refused(error.code, problem) from None

    def create_model(self, description, card, tags):
        """Creates the model unless it is there: then it stays as it is."""
        body = {"description": description, "card": card, "tags": tags}
        try:
            self.send("PUT", self.model, body, If_None_Match="*")
        except Refused as refused:
            if refused.status != 412:
                raise

    def create_version(self, **body):
        """Creates a draft; body is version= or bump=, params=, metrics=, lineage=, tags=."""
        return self.send("POST", f"{self.model}/versions", body)["version"]

    def upload(self, version, path, content):
        """Stores one file in the draft; the registry refuses bytes of another digest."""
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        return self.send(
            "PUT",
            f"{self._version(version)}/artifacts/{urllib.parse.quote(path)}",
            content,
            Content_Type="application/octet-stream",
            Repr_Digest=f"sha-256=:{digest}:",
        )

    def publish(self, version):
        """Signs the version; nothing in it changes from here on."""
        return self.send("POST", f"{self._version(version)}/publish")

    def _version(self, version):
        return f"{self.model}/versions/{urllib.parse.quote(version, safe='')}"
