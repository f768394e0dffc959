"""Reference data is read, and a bad file is named with the field."""

import shutil

import pytest

from megdt_stream.data_files import seeds_dir
from megdt_stream.errors import ConfigError
from megdt_stream.runtime.seeds import load_reference, load_rule


@pytest.fixture
def folder(tmp_path):
    for name in ("scales.toml", "rules.toml"):
        shutil.copy(seeds_dir() / name, tmp_path / name)
    return tmp_path


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_shipped_seeds_load():
    assert {"mini-cex@1", "oulad-percent@1"} <= set(load_reference().scales)
    rule = load_rule()
    assert (rule.version, rule.grace_ms) == (1, 7 * 86_400_000)
    assert {"en", "zh"} == set(rule.next_step)


def test_a_sites_own_file_goes_first_and_the_other_is_shipped(tmp_path):
    shutil.copy(seeds_dir() / "rules.toml", tmp_path)
    edit(tmp_path / "rules.toml", "grace_days = 7", "grace_days = 21")
    assert load_rule(tmp_path).grace_days == 21
    assert load_reference(tmp_path).scales == load_reference().scales


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("min = 1\nmax = 9", "min = 9\nmax = 9", ["mini-cex@1"]),
        ("max = 9", 'max = "9"', ["mini-cex@1.max"]),
        ("max = 9", "max = inf", ["mini-cex@1.max"]),
        ("max = 9", "max = nan", ["mini-cex@1.max"]),
        ("max = 6", "max = true", ["dops@1.max"]),
        ("slope_milli = 500", "slope_milli = -500", ["mini-cex@1"]),
        ("slope_milli = 500", "slope_milli = 500.0", ["mini-cex@1.slope_milli"]),
        ("variance = 0.80", "variance = 0", ["mini-cex@1.variance"]),
        ("variance = 0.80", "colour = 1", ["mini-cex@1.variance"]),
        ("variance = 0.80", "variance = 0.80\ncolour = 1", ["mini-cex@1.colour"]),
        (', zh = "迷你临床演练评估"', "", ["mini-cex@1.name"]),
        ('["mini-cex@1"]', 'stray = 5\n["mini-cex@1"]', ["stray"]),
        ('["mini-cex@1"]', '["mini-cex@1"', []),
        ('["dops@1"]', '["mini-cex@1"]', []),
    ],
)
def test_a_bad_scale_is_named(folder, old, new, named):
    edit(folder / "scales.toml", old, new)
    with pytest.raises(ConfigError) as refused:
        load_reference(folder)
    for part in ["scales.toml", *named]:
        assert part in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("version = 1", "version = 0", ["version"]),
        ("grace_days = 7", "grace_days = -1", ["grace_days"]),
        ("grace_days = 7", "grace_days = 7.5", ["grace_days"]),
        ('severity = "medium"', 'severity = "urgent"', ["severity"]),
        ('owner = "education-office"', 'owner = ""', ["owner"]),
        ("zh = ", "fr = ", ["next_step"]),
        ('zh = "请', '# "请', ["next_step"]),
        ("[expected-assessment-overdue]", "[other]", ["version"]),
        ("version = 1", "version = ", []),
    ],
)
def test_a_bad_rule_is_named(folder, old, new, named):
    edit(folder / "rules.toml", old, new)
    with pytest.raises(ConfigError) as refused:
        load_rule(folder)
    for part in ["rules.toml", *named]:
        assert part in str(refused.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = \x00", "é = 1".encode("latin-1")])
def test_what_is_no_toml_is_refused(folder, content):
    (folder / "scales.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"scales\.toml"):
        load_reference(folder)


def test_a_folder_in_a_files_place_is_refused(tmp_path):
    (tmp_path / "rules.toml").mkdir()
    with pytest.raises(ConfigError, match=r"rules\.toml"):
        load_rule(tmp_path)
