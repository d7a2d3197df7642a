"""What nginx was told, read from the site file that render.sh wrote.

Ports and the place of the certificate stand there and nowhere else, so they are read from there.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ANYWHERE = "0.0.0.0"

# Where distributions' nginx looks for sites; the installer names the file after the appliance.
_SYSTEM = ("sites-enabled", "conf.d", "sites-available")


@dataclass(frozen=True, slots=True)
class Site:
    """`address` is what nginx listens on; the files are the certificate it shows and its CA's.

    `authority` is None where the certificate is not of the appliance's own CA.
    """

    file: Path
    address: str
    port: int
    certificate: Path
    authority: Path | None

    @property
    def hosts(self) -> Path:
        """The names and addresses that it answers to, one a line; written anew as they change."""
        return self.certificate.with_name("hosts")

    @property
    def trust(self) -> Path:
        """What its trust page tells, in JSON. The file itself stands where it was rendered."""
        return self.file.resolve().with_name("trust.json")

    def url(self, host: str) -> str:
        """The page's address by that name or number."""
        shown = f"[{host}]" if ":" in host else host
        return f"https://{shown}" + (f":{self.port}" if self.port != 443 else "")


def find(state: Path, root: Path = Path("/")) -> Site | None:
    """The site of the appliance whose state stands in `state`: its own nginx, or the system's."""
    places = [state / "nginx" / "site.conf"]
    for directory in _SYSTEM:
        places += sorted((root / "etc/nginx" / directory).glob("voice-appliance*"))
    found = (read(place) for place in places if place.is_file())
    return next((site for site in found if site), None)


def read(file: Path) -> Site | None:
    """The site in that file; None where it cannot be read or has no https."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    listening = re.search(r"^\s*listen ([0-9.]+):(\d+) ssl", text, re.MULTILINE)
    shown = re.search(r'^\s*ssl_certificate "?([^";]+)"?;', text, re.MULTILINE)
    if not listening or not shown:
        return None
    certificate = Path(shown[1])
    authority = certificate.with_name("ca.crt")
    # The owner's own is a link; a CA may be left from before it.
    local = authority.is_file() and not certificate.is_symlink()
    return Site(
        file,
        listening[1],
        int(listening[2]),
        certificate,
        authority if local else None,
    )


def dns_names(file: Path) -> list[str]:
    """The names in a file of nginx/certificate.sh, which has `DNS:box.local` and `IP:10.0.0.7` in
    its lines. Raises OSError where it cannot be read."""
    lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    return [line.removeprefix("DNS:").lower() for line in lines if line.startswith("DNS:")]
