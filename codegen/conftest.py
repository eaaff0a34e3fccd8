"""Lets tests below this folder import the package of the same name.

pytest calls this file codegen.conftest, after its path, and takes the member's folder for the package `codegen`: the
package has to be in its place before anything imports from it.
"""

# ruff: noqa: INP001 - a conftest is not in a package

import sys

if getattr(sys.modules.get("codegen"), "__file__", None) is None:
    sys.modules.pop("codegen", None)

import codegen  # noqa: F401 - see above
