"""Serves small packages as the Python index (PEP 503, 691) and the npm registry do."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from appliance.models.manifest import Package
from tests.models.server import Hub

PageFormat = Literal["json", "html", "bare html"]


def make_wheel(members: Mapping[str, bytes]) -> bytes:
    """A wheel with these members; compressed, as real ones are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in members.items():
            wheel.writestr(path, content)
    return file.getvalue()


def make_tarball(members: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """An npm tarball; `links` are symbolic links in it."""
    file = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for path, content in members.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for path, target in (links or {}).items():
            info = tarfile.TarInfo(path)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return file.getvalue()


def wheel_package(name: str, content: bytes, version: str = "1.0.0") -> Package:
    digest = hashlib.sha256(content).hexdigest()
    return Package(index="python", name=name, version=version, bytes=len(content), sha256=digest)


def npm_package(name: str, content: bytes, version: str = "1.0.0") -> Package:
    return Package(
        index="npm", name=name, version=version, bytes=len(content), integrity=integrity(content)
    )


def integrity(content: bytes) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


@dataclass
class Registry:
    """Both indexes on one server. `page` is how the Python index answers."""

    hub: Hub
    page: PageFormat = "json"

    @property
    def python_index(self) -> str:
        return f"{self.hub.base}/simple"

    @property
    def npm_registry(self) -> str:
        return f"{self.hub.base}/npm"

    def offer(self, package: Package, content: bytes, *, claimed: bytes | None = None) -> None:
        """Publishes the package; the index states the hash of `claimed` where that is given."""
        stated = content if claimed is None else claimed
        if package.index == "python":
            self._offer_wheel(package, content, stated)
        else:
            self._offer_tarball(package, content, stated)

    def withdraw(self, package: Package) -> None:
        """Removes the package's pages, as an index does with a deleted project."""
        self.hub.files.pop(f"/simple/{package.name}/", None)
        self.hub.files.pop(f"/npm/{package.name}/{package.version}", None)

    def path(self, package: Package) -> str:
        """The path at which the package's file is served."""
        if package.index == "npm":
            return f"/npm/{package.name}/-/{package.name}-{package.version}.tgz"
        stem = package.name.replace("-", "_")
        return f"/packages/{stem}-{package.version}-py3-none-any.whl"

    def _offer_wheel(self, package: Package, content: bytes, claimed: bytes) -> None:
        path, page = self.path(package), f"/simple/{package.name}/"
        filename, digest = path.rpartition("/")[2], hashlib.sha256(claimed).hexdigest()
        self.hub.files[path] = content
        if self.page == "json":
            file = {"filename": filename, "url": f"../..{path}", "hashes": {"sha256": digest}}
            body = {"meta": {"api-version": "1.1"}, "name": package.name, "files": [file]}
            self.hub.files[page] = json.dumps(body).encode()
            self.hub.content_types[page] = "application/vnd.pypi.simple.v1+json"
        else:
            fragment = f"#sha256={digest}" if self.page == "html" else ""
            self.hub.files[page] = f'<a href="../..{path}{fragment}">{filename}</a>'.encode()
            self.hub.content_types[page] = "text/html"

    def _offer_tarball(self, package: Package, content: bytes, claimed: bytes) -> None:
        path, page = self.path(package), f"/npm/{package.name}/{package.version}"
        self.hub.files[path] = content
        dist = {"tarball": f"{self.hub.base}{path}", "integrity": integrity(claimed)}
        self.hub.files[page] = json.dumps({"name": package.name, "dist": dist}).encode()
        self.hub.content_types[page] = "application/json"
