"""Reads the site file of nginx that render.sh wrote.

Ports and the path of the certificate are set there and nowhere else.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ANYWHERE = "0.0.0.0"

# The directories in which distributions keep sites; the installer's file there begins with the
# appliance's name.
_SYSTEM_DIRECTORIES = ("sites-enabled", "conf.d", "sites-available")


@dataclass(frozen=True, slots=True)
class Site:
    """The site of the appliance: the address on which nginx listens, and its certificate.

    `authority` is the certificate of the CA; None where it is not the appliance's own.
    """

    file: Path
    address: str
    port: int
    certificate: Path
    authority: Path | None

    @property
    def hosts(self) -> Path:
        """The file of the names and addresses that it answers to, one a line; see `dns_names`."""
        return self.certificate.with_name("hosts")

    @property
    def trust(self) -> Path:
        """The content of its trust page, as JSON, beside the file that render.sh wrote."""
        return self.file.resolve().with_name("trust.json")

    def url(self, host: str) -> str:
        """Returns the URL of the page under a host name or an IP address."""
        name = f"[{host}]" if ":" in host else host
        return f"https://{name}" + (f":{self.port}" if self.port != 443 else "")


def find(state: Path, root: Path = Path("/")) -> Site | None:
    """Returns the site of the appliance with this state, of its own nginx or the system's."""
    files = [state / "nginx" / "site.conf"]
    for directory in _SYSTEM_DIRECTORIES:
        files += sorted((root / "etc/nginx" / directory).glob("voice-appliance*"))
    found = (read(file) for file in files if file.is_file())
    return next((site for site in found if site), None)


def read(file: Path) -> Site | None:
    """Returns the site in a file; None where the file cannot be read or has no https."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    listening = re.search(r"^\s*listen ([0-9.]+):(\d+) ssl", text, re.MULTILINE)
    presented = re.search(r'^\s*ssl_certificate "?([^";]+)"?;', text, re.MULTILINE)
    if not listening or not presented:
        return None
    certificate = Path(presented[1])
    authority = certificate.with_name("ca.crt")
    # A certificate of the owner's is a link; the file of our CA may be left from before.
    local = authority.is_file() and not certificate.is_symlink()
    return Site(
        file,
        listening[1],
        int(listening[2]),
        certificate,
        authority if local else None,
    )


def dns_names(file: Path) -> list[str]:
    """Returns the host names in a file of lines such as `DNS:box.local` and `IP:10.0.0.7`.

    nginx/certificate.sh writes it. Raises OSError where it cannot be read.
    """
    lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    return [line.removeprefix("DNS:").lower() for line in lines if line.startswith("DNS:")]
