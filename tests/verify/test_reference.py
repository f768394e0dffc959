"""The checker reads a site's own reference data as intake does, with code of its own."""

import shutil

import pytest

from megdt_stream import seed_files
from megdt_stream.data_files import seeds_dir
from megdt_stream.errors import ConfigError
from megdt_stream.verify.reference import load_reference


def agree(folder):
    ours, theirs = seed_files.load_reference(folder), load_reference(folder)
    assert set(theirs.scales) == set(ours.scales)
    assert theirs.competencies == set(ours.competencies)
    for name, scale in ours.scales.items():
        assert theirs.scales[name].holds(scale.min)
        assert theirs.scales[name].level(scale.min) == scale.level(scale.min)
    rule = seed_files.load_rule(folder)
    assert (theirs.rule.version, theirs.rule.grace) == (rule.version, rule.grace_ms)
    return theirs


def test_without_a_site_folder():
    assert agree(None).scales


def test_a_file_of_the_site_replaces_the_shipped_one(tmp_path):
    text = (seeds_dir() / "rules.toml").read_text("utf-8")
    grace = agree(None).rule.grace
    (tmp_path / "rules.toml").write_text(text.replace("grace_days = ", "grace_days = 1"), "utf-8")
    assert agree(tmp_path).rule.grace > grace


def test_a_file_under_extra_adds(tmp_path):
    shipped = (seeds_dir() / "scales.toml").read_text("utf-8")
    first = shipped.index('["mini-cex@1"]')
    table = shipped[first:].split("\n[", 1)[0].replace("mini-cex@1", "ward-note@1")
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "scales.toml").write_text(table, "utf-8")
    assert set(agree(tmp_path).scales) == {*agree(None).scales, "ward-note@1"}


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    shutil.copy(seeds_dir() / "scales.toml", tmp_path)
    (tmp_path / "scales.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"scales\.toml"):
        load_reference(tmp_path)
