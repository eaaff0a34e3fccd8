"""What the API server of the checks is built from."""

import re

from deployment.__main__ import REPOSITORY

from .apiserver import MODULE

GO_MOD = (REPOSITORY / "infra" / "local" / "go" / "apiserver" / "go.mod").read_text(encoding="utf-8")


def test_modules_of_kubernetes_are_of_one_version() -> None:
    (version,) = re.findall(rf"^\s*{re.escape(MODULE)} v1\.(\S+)", GO_MOD, re.MULTILINE)
    assert set(re.findall(r"=> k8s\.io/\S+ (v\S+)$", GO_MOD, re.MULTILINE)) == {f"v0.{version}"}
