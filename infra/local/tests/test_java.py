from pathlib import Path

import pytest

from stack.errors import StackError
from stack.java import find_jdk, major_version


def jdk(home: Path, version: str, *, compiler: bool = True) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    if compiler:
        (home / "bin" / "javac").touch(mode=0o755)
    return home


def test_takes_the_first_home_that_is_new_enough(tmp_path: Path) -> None:
    old, new, newer = jdk(tmp_path / "17", "17.0.15"), jdk(tmp_path / "25", "25"), jdk(tmp_path / "26", "26.0.1")
    assert find_jdk([tmp_path / "absent", old, new, newer]) == new


def test_a_runtime_without_compiler_is_not_a_jdk(tmp_path: Path) -> None:
    assert major_version(jdk(tmp_path / "jre", "25.0.1", compiler=False)) is None


def test_says_what_to_install_when_there_is_no_jdk(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"JDK 25 or newer was not found.*JAVA_HOME"):
        find_jdk([jdk(tmp_path / "17", "17.0.15")])
