"""Finds the download addresses of packages in the Python and npm indexes that this machine uses."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from appliance.errors import SourceChanged, SourceMissing, SourceUnreachable
from appliance.models.http_client import (
    HttpSettings,
    connection_error,
    http_session,
    origin,
    without_credentials,
)
from appliance.models.manifest import Package
from appliance.models.package_clients import NpmSettings, PipSettings

_SIMPLE_API = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2,"
    " text/html;q=0.01"
)
_RETRY_SECONDS = 0.5
_LARGEST_PAGE, _CHUNK = 16 * 2**20, 2**18


class PackageIndex(Protocol):
    """Knows the addresses of packages, and how to get there."""

    http: HttpSettings

    async def locate(self, package: Package) -> list[str]:
        """Addresses (http, https, file) to try in turn; at least one.

        Raises SourceMissing, SourceChanged if only other content is offered, and
        SourceUnreachable.
        """


class PythonIndex:
    """Locates wheels by the simple repository API (PEP 503 and 691)."""

    def __init__(self, settings: PipSettings) -> None:
        self.http = settings.http
        self._settings = settings

    async def locate(self, package: Package) -> list[str]:
        """The addresses of the pinned wheel, in pip's order of indexes."""
        offered: list[_Link] = []
        unreachable: SourceUnreachable | None = None
        for page in self._pages(package.name):
            try:
                offered += [link for link in await _links(self.http, page) if link.is_for(package)]
            except SourceUnreachable as error:
                unreachable = error
        addresses = [link.url for link in offered if link.sha256 in ("", package.sha256)]
        if addresses:
            return addresses
        if offered:
            raise SourceChanged(f"{package} has other content than the manifest pins")
        if unreachable:
            raise unreachable
        raise SourceMissing(f"no Python index of this machine has the package {package}")

    def _pages(self, name: str) -> Iterator[str]:
        normal = _normalized(name)
        yield from (f"{index.rstrip('/')}/{normal}/" for index in self._settings.indexes)
        yield from self._settings.find_links


class NpmRegistry:
    """Locates tarballs by the registry's JSON API."""

    def __init__(self, settings: NpmSettings) -> None:
        self.http = settings.http
        self._registry = settings.registry

    async def locate(self, package: Package) -> list[str]:
        """The address of the pinned tarball."""
        if not self._registry:
            raise SourceUnreachable(
                f"no npm registry is known here, for the package {package}",
                advice="Set NPM_CONFIG_REGISTRY to the registry's address, or install npm.",
            )
        name = quote(package.name, safe="@")
        address = f"{self._registry.rstrip('/')}/{name}/{quote(package.version)}"
        try:
            text, _, _ = await _get(self.http, address, "application/json")
            dist = json.loads(text)["dist"]
            url, integrity = str(dist["tarball"]), str(dist.get("integrity", ""))
        except FileNotFoundError:
            raise SourceMissing(f"the npm registry has no package {package}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise SourceUnreachable(
                f"{without_credentials(address)} does not answer as an npm registry does"
            ) from error
        if integrity not in ("", package.integrity):
            raise SourceChanged(f"{package} has other content than the manifest pins")
        return [url]


@dataclass(frozen=True, slots=True)
class _Link:
    """One file that an index offers; `sha256` is "" where the index does not say."""

    filename: str
    url: str
    sha256: str

    def is_for(self, package: Package) -> bool:
        if not self.filename.endswith(".whl") or self.filename.count("-") < 4:
            return False
        name, version = self.filename.split("-")[:2]
        return (_normalized(name), version) == (_normalized(package.name), package.version)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


async def _links(http: HttpSettings, page: str) -> list[_Link]:
    """The files that a page of an index, or a directory of find-links, offers."""
    if (local := local_path(page)) is not None:
        try:
            return _local_links(local)
        except OSError as error:
            raise SourceUnreachable(f"{page} cannot be read: {error.strerror}") from error
    try:
        text, content_type, url = await _get(http, page, _SIMPLE_API)
    except FileNotFoundError:
        return []
    links = _json_links(text, url) if "json" in content_type else _html_links(text, url)
    return [_with_credentials(link, page) for link in links]


def _local_links(path: Path) -> list[_Link]:
    if path.is_dir() and not (path / "index.html").is_file():
        return [_Link(file.name, file.as_uri(), "") for file in path.glob("*.whl")]
    file = path / "index.html" if path.is_dir() else path
    if not file.is_file():
        return []
    return _html_links(file.read_text(encoding="utf-8", errors="replace"), file.as_uri())


def _json_links(text: str, base: str) -> list[_Link]:
    try:
        files = json.loads(text)["files"]
        return [
            _Link(
                str(file["filename"]),
                urljoin(base, str(file["url"])),
                str(file.get("hashes", {}).get("sha256", "")),
            )
            for file in files
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceUnreachable(
            f"{without_credentials(base)} does not answer as a Python index does"
        ) from error


def _html_links(text: str, base: str) -> list[_Link]:
    anchors = _Anchors()
    anchors.feed(text)
    return [_link(urljoin(base, address)) for address in anchors.addresses]


def _link(address: str) -> _Link:
    url, _, fragment = address.partition("#")
    filename = unquote(urlsplit(url).path.rpartition("/")[2])
    return _Link(filename, url, fragment.removeprefix("sha256=") if "sha256=" in fragment else "")


class _Anchors(HTMLParser):
    """Collects the addresses of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.addresses += [value for name, value in attrs if name == "href" and value]


def _with_credentials(link: _Link, page: str) -> _Link:
    """As pip does: a file on the index's own host is asked for with the index's credentials."""
    url, index = urlsplit(link.url), urlsplit(page)
    user, has_user, _ = index.netloc.rpartition("@")
    if not has_user or "@" in url.netloc or url.netloc != index.netloc.rpartition("@")[2]:
        return link
    return _Link(
        link.filename, urlunsplit(url._replace(netloc=f"{user}@{url.netloc}")), link.sha256
    )


def local_path(address: str) -> Path | None:
    """The file or directory that a file address or a plain path means; None for the web."""
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        return None
    return Path(unquote(parts.path) if parts.scheme == "file" else address)


async def _get(settings: HttpSettings, url: str, accept: str) -> tuple[str, str, str]:
    """Text, content type and final address of a page, which is asked for twice if need be.

    Raises FileNotFoundError for 404 and 410, and SourceUnreachable for all else.
    """
    try:
        return await _get_once(settings, url, accept)
    except SourceUnreachable:
        await asyncio.sleep(_RETRY_SECONDS)
        return await _get_once(settings, url, accept)


async def _get_once(settings: HttpSettings, url: str, accept: str) -> tuple[str, str, str]:
    import aiohttp  # here, because it takes long and the other commands do without

    shown = without_credentials(url)
    try:
        async with (
            http_session(settings, url) as http,
            http.get(url, headers={"Accept": accept}) as response,
        ):
            if response.status in (404, 410):
                raise FileNotFoundError(shown)
            if response.status != 200:
                raise SourceUnreachable(f"{shown} answers {response.status} {response.reason}")
            body = b""
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > _LARGEST_PAGE:
                    raise ValueError("its page is too large")
            return body.decode("utf-8", "replace"), response.content_type, str(response.url)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        why = connection_error(error)
        raise SourceUnreachable(f"{origin(shown)} does not answer: {why}") from error
