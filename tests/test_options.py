"""The options table: every mistake gives one clear error that names the option, the reason and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprocess import options
from nbprocess.errors import OptionError


def line(text: str) -> options.Options:
    return options.resolve(options.parse_line(text), environ={}, folder=Path("/"))


def test_values_are_parsed_by_their_kind() -> None:
    found = line(
        "--gpu T4:2 --timeout 1h30m --memory 64GB --env A=b --env C=d=e --save model,scores --arg=--fast --max-cost '$2.5'"
    )
    assert found.gpu == "T4:2"
    assert found.timeout == 5400
    assert found.memory == 64 * 10**9
    assert found.env == (("A", "b"), ("C", "d=e"))
    assert found.save == ("model", "scores")
    assert found.arg == ("--fast",)
    assert found.max_cost == 2.5


def test_a_line_survives_the_round_trip() -> None:
    text = "--instance ml.m5.large,ml.c5.large --timeout 90s --input data=my.csv --output a --background"
    assert line(options.to_line(line(text))) == line(text)


def test_a_comment_begins_at_a_word_and_not_within_one() -> None:
    found = line("--input data=s3://bucket/run#1 --env 'A=# b' --count 2  # --timeout 1h 'and so on")
    assert (dict(found.input), found.env) == ({"data": "s3://bucket/run#1"}, (("A", "# b"),))
    assert (found.count, found.timeout) == (2, line("").timeout)
    assert line("# all as configured") == line("")


def test_a_backslash_at_the_end_lets_the_line_go_on() -> None:
    cell = "    --timeout {hours}h \\\n    --count 2\nx = 1\n"
    shown = options.whole_line("--gpu T4 \\", cell, lambda text: text.replace("{hours}", "3"))
    assert shown == ("--gpu T4 --timeout 3h --count 2", "x = 1\n", 3)
    assert options.whole_line("--gpu T4", "x = 1", str) == ("--gpu T4", "x = 1", 1)
    assert options.whole_line("--gpu T4 # why \\", "x = 1", str) == ("--gpu T4 # why \\", "x = 1", 1)
    assert options.whole_line("--env A=b\\\\", "x = 1", str) == ("--env A=b\\\\", "x = 1", 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("--gpux T4", "--gpux is no option (did you mean --gpu?)"),
        ("T4", "'T4' is no option"),
        ("--backend aws", "Choose one of: local, sagemaker"),
        ("--count 0", "--count 0: is out of range"),
        ("--count two", "--count two: is no whole number"),
        ("--timeout", "--timeout: the value is missing; write --timeout TIME, like --timeout 30m"),
        ("--timeout soon", "--timeout soon: is no duration"),
        ("--timeout 10d", "--timeout 10d: is out of range"),
        ("--memory lots", "--memory lots: is no size"),
        ("--instance m5.large", "is no instance type; write it like ml.m5.xlarge"),
        ("--gpu T4 --instance ml.m5.large", "--instance contradicts --gpu"),
        ("--save a --skip a", "--save and --skip both name a"),
        ("--save 1x", "no variable name"),
        ("--name=-x", "is no job name"),
        ("--env 1A=b", "no name of an environment variable"),
        ("--env A=" + "x" * 300, "300 characters long"),
        ("--env NOT_SET_ANYWHERE_42", "not set here"),
        ("--input data", "has no NAME=VALUE form"),
        ("--input nbprocess-x=a", "not starting with nbprocess"),
        ("--input a=x --input a=y", "--input names a twice"),
        ("--gpu T4 --gpu T4", "--gpu is given twice"),
        ("--subnets s-1", "--subnets and --security-groups belong together"),
        ("--dry-run --background", "--dry-run contradicts --background"),
        ("--env 'A=b", "close the quotation mark"),
        (" ".join(f"--input i{n}=x" for n in range(9)), "9 inputs"),
    ],
)
def test_mistakes_are_named(text: str, says: str) -> None:
    with pytest.raises(OptionError) as caught:
        line(text)
    assert says in str(caught.value)


def test_nearer_sources_win(tmp_path: Path) -> None:
    config = tmp_path / "config" / "nbprocess"
    config.mkdir(parents=True)
    (config / "config.toml").write_text('timeout = "10m"\nvolume = 50\ncount = 2\n')
    project = tmp_path / "project"
    (project / "sub").mkdir(parents=True)
    (project / "pyproject.toml").write_text('[tool.nbprocess]\ntimeout = "20m"\nvolume = 60\nenv = {A = "b"}\n')
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "NBPROCESS_VOLUME": "70"}
    found = options.resolve({"timeout": 30}, {"count": 4}, project / "sub", environ)
    assert (found.timeout, found.volume, found.count, found.env) == (30, 70, 4, (("A", "b"),))


def test_an_instance_on_the_line_replaces_a_configured_gpu(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "NBPROCESS_GPU": "T4"}
    found = options.resolve(options.parse_line("--instance ml.m5.large"), environ=environ, folder=tmp_path)
    assert found.instance == ("ml.m5.large",) and found.gpu is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("timout = 3\n", "timout is no option that can be configured (did you mean timeout?)"),
        ("count = 0\n", "count = 0: is out of range"),
        ("name = 'x'\n", "name is no option that can be configured"),
        ("count = \n", "cannot be read"),
    ],
)
def test_a_wrong_configuration_names_its_file(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "nbprocess" / "config.toml"
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(OptionError) as caught:
        options.resolve({}, environ={"XDG_CONFIG_HOME": str(tmp_path)}, folder=tmp_path)
    assert str(file) in str(caught.value) and says in str(caught.value)


def test_help_names_every_option() -> None:
    text = options.help_text()
    assert all(options.flag(name) in text for name in options.TABLE)


EXAMPLES = {
    "backend": "sagemaker",
    "command": "bash -e",
    "count": "2",
    "cpus": "4",
    "entrypoint": "run --fast",
    "env": "A=b",
    "experiment": "churn",
    "framework": "spark",
    "gpu": "T4",
    "input": "data=s3://b/in/,shard\nmore=s3://b/more/",
    "instance": "ml.m5.large",
    "lazy": "1GB",
    "max_cost": "2",
    "memory": "8GB",
    "name": "mine",
    "output": "made=s3://b/out/,continuous",
    "processor": "my_processor",
    "inputs": "my_inputs",
    "outputs": "my_outputs",
    "spark_config": '{"a": 1}',
    "tag": "a=b,c=d",
    "timeout": "30m",
    "volume": "50",
}
SWITCHES = ("network_isolation", "encrypt_traffic", "mirror", "background", "dry_run")


@pytest.mark.parametrize("name", list(options.TABLE))
def test_every_option_can_come_from_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = f"NBPROCESS_{name.upper()}"
    text = EXAMPLES.get(name, "1" if name in SWITCHES else "word")
    value, where = options.from_environment({variable: text})[name]
    assert where == variable and value not in (None, (), options.default(name))
    if name in ("input", "tag"):
        assert len(value) == 2
    if name not in options.OBJECTS:
        assert options.configured(Path("/"), {variable: text})[name] == (value, variable)


def test_objects_of_the_notebook_can_be_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbprocess.sdkobjects import expand

    monkeypatch.setenv("NBPROCESS_INPUTS", "mine")
    assert expand({}, {"mine": {"a": "s3://b/a/"}})["input"] == (("a", "s3://b/a/"),)
    assert expand({"inputs": {"b": "s3://b/b/"}}, {})["input"] == (("b", "s3://b/b/"),), "the line wins"
    monkeypatch.setenv("NBPROCESS_INPUT", "no-source")
    with pytest.raises(OptionError, match="NBPROCESS_INPUT no-source"):
        options.from_environment()
