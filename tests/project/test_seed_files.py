"""Reference data is read, and a bad file is named with the field."""

import shutil
import tomllib

import pytest

from megdt_stream.data_files import seeds_dir
from megdt_stream.errors import ConfigError
from megdt_stream.evidence.reference.library import PARTS
from megdt_stream.seed_files import (
    check,
    load_all,
    load_estimation,
    load_library,
    load_reference,
    load_rule,
    load_targets,
)


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
    seeds = load_all()
    assert {"mini-cex@1", "oulad-percent@1"} <= set(load_reference().scales)
    assert load_reference().competencies >= {"patient-care", "cn-teaching", "GGG"}
    assert set(seeds.library._asdict()) == set(PARTS)
    assert (seeds.rule, seeds.estimation, seeds.targets) == (load_rule(), load_estimation(), load_targets())
    assert check() == []
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


# --- a site's own folder ---

WARD = """
["ward@1"]
name = { en = "Ward rating", zh = "病区评分" }
min = 1
max = 10
direction = "higher-is-better"
intercept_milli = 0
slope_milli = 500
variance = 0.8
source = "our form"
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_a_file_of_a_site_replaces_the_shipped_one(tmp_path):
    write(tmp_path / "indicators.toml", "")
    found, shipped = load_library(tmp_path), load_library()
    assert (len(found.indicators), found.scales, found.quotas) == (0, shipped.scales, shipped.quotas)


def test_a_file_in_extra_adds_to_the_shipped_one(tmp_path):
    write(tmp_path / "extra/scales.toml", WARD)
    found, shipped = load_reference(tmp_path), load_reference()
    assert set(found.scales) - set(shipped.scales) == {"ward@1"}
    assert found.competencies == shipped.competencies
    assert found.weight("ward@1") == 1250


def test_a_file_in_extra_adds_to_a_sites_own_one(tmp_path):
    write(tmp_path / "indicators.toml", "")
    for part in PARTS:
        if part not in ("indicators", "instruments", "outcomes"):
            shutil.copy(seeds_dir() / f"{part}.toml", tmp_path)
    write(tmp_path / "instruments.toml", "")
    write(tmp_path / "outcomes.toml", "")
    write(tmp_path / "scales.toml", WARD)
    write(tmp_path / "extra/scales.toml", WARD.replace("ward@1", "ward@2"))
    assert list(load_reference(tmp_path).scales) == ["ward@1", "ward@2"]


def test_a_file_in_extra_changes_nothing_that_is_there(tmp_path):
    write(tmp_path / "extra/scales.toml", WARD.replace("ward@1", "dops@1"))
    with pytest.raises(ConfigError) as refused:
        load_reference(tmp_path)
    for part in (str(tmp_path / "extra/scales.toml"), "dops@1", str(seeds_dir() / "scales.toml")):
        assert part in str(refused.value)


@pytest.mark.parametrize(
    "name", ["scale.toml", "extra/scale.toml", "extra/rules.toml", "extra/estimation.toml", "extra/targets.toml"]
)
def test_a_file_that_nothing_reads_is_refused(tmp_path, name):
    write(tmp_path / name, WARD)
    for load in (load_library, load_reference, load_all):
        with pytest.raises(ConfigError, match=r"is not read; the files here are .*scales\.toml") as refused:
            load(tmp_path)
        assert str(tmp_path / name) in str(refused.value)


@pytest.mark.parametrize("name", ["notes.md", ".scales.toml", "drafts/scale.toml"])
def test_what_is_no_reference_file_may_lie_beside(tmp_path, name):
    write(tmp_path / name, "nothing to read")
    assert check(tmp_path) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is no folder"):
        load_all(tmp_path / "none")


def test_a_contradiction_between_files_names_the_one_that_is_wrong(tmp_path):
    write(tmp_path / "scales.toml", WARD)
    shutil.copy(seeds_dir() / "instruments.toml", tmp_path)
    write(
        tmp_path / "extra/outcomes.toml",
        """
["viva"]
name = { en = "Viva", zh = "口试" }
results = { pass = { en = "Passed", zh = "合格" } }
scale = "viva@1"
source = "our rule"
""",
    )
    faults = check(tmp_path)
    assert {(fault.file, fault.field) for fault in faults} == {
        (str(tmp_path / "instruments.toml"), "scales"),
        (str(tmp_path / "extra/outcomes.toml"), "scale"),
        (str(seeds_dir() / "outcomes.toml"), "scale"),
    }
    with pytest.raises(ConfigError) as refused:
        load_reference(tmp_path)
    assert str(faults[0]) in str(refused.value)
    assert f"`megdt reference check {tmp_path}`" in str(refused.value)


def test_a_check_names_every_fault(folder):
    edit(folder / "scales.toml", "max = 9", 'max = "9"')
    edit(folder / "scales.toml", "max = 6", "max = true")
    edit(folder / "rules.toml", "grace_days = 7", "grace_days = -1")
    write(folder / "quotas.toml", "a = ")
    write(folder / "estimation.toml", "")
    found = [(fault.file.removeprefix(f"{folder}/"), fault.table, fault.field) for fault in check(folder)]
    assert found[:3] == [
        ("scales.toml", "mini-cex@1", "max"),
        ("scales.toml", "dops@1", "max"),
        ("quotas.toml", "", ""),
    ]
    assert ("rules.toml", "grace_days", "") in found
    assert {name for name, *_ in found} == {"scales.toml", "quotas.toml", "rules.toml", "estimation.toml"}


@pytest.mark.parametrize("part", PARTS)
def test_no_file_with_a_table_of_nothing_loads(tmp_path, part):
    names = list(tomllib.loads((seeds_dir() / f"{part}.toml").read_text("utf-8")))
    write(tmp_path / f"{part}.toml", f"['{names[0]}']\n")
    with pytest.raises(ConfigError) as refused:
        load_library(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / part}.toml: {names[0]}.name: ")
