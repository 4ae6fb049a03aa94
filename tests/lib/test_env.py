"""Settings are read from variables and from the files that they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.lib import env


def test_it_reads_a_variable_or_the_file_that_it_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "secret"))
    assert env.text("A_SECRET") == "from a file"
    monkeypatch.setenv("A_SECRET", "direct")
    assert env.text("A_SECRET") == "direct"


def test_a_file_that_is_not_there_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_FILE", "/nowhere/secret")
    with pytest.raises(env.BadSetting, match="A_SECRET_FILE names /nowhere/secret"):
        env.text("A_SECRET")


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("off", False)])
def test_it_reads_flags(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("A_FLAG", text)
    assert env.flag("A_FLAG", default=not value) is value


def test_wrong_text_says_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SETTING", "maybe")
    with pytest.raises(env.BadSetting, match="true or false"):
        env.flag("A_SETTING", default=True)
    with pytest.raises(env.BadSetting, match="whole number"):
        env.integer("A_SETTING", 1)
    monkeypatch.setenv("A_SETTING", "3")
    assert env.integer("A_SETTING", 1, least=3) == 3
    with pytest.raises(env.BadSetting, match="A_SETTING is 3; use 4 or more"):
        env.integer("A_SETTING", 20, least=4)


def test_it_reads_lists_without_empty_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_LIST", "a, b,,c ,")
    assert env.words("A_LIST") == ["a", "b", "c"]
    assert env.words("ANOTHER_LIST", ("x",)) == ["x"]
