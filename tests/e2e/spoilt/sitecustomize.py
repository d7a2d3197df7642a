"""Python imports this before anything else where PYTHONPATH names this folder.

It spoils the libraries (tests/faulty.py) of a daemon that somebody else starts: the installer.
"""

import sys

if "run" in sys.orig_argv:
    from tests import faulty

    faulty.install_faults()
