"""Spark cells and applications: on real pyspark with ``local[*]``, in the request that the Spark image gets."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbprocess
from nbprocess import backends, options, spark
from nbprocess.backends.local import spark as stand_in
from nbprocess.errors import OptionError
from nbprocess.testing.aws import emulator


@pytest.fixture(scope="session")
def pyspark() -> str:
    """A Python with pyspark: ``$NBPROCESS_TEST_PYSPARK``, or an environment that is made once and kept."""
    given = os.environ.get("NBPROCESS_TEST_PYSPARK")
    if stand_in.java_home() is None:
        pytest.skip("Spark needs Java, and there is none in PATH or JAVA_HOME")
    if given:
        return given
    folder = Path(sys.prefix) / "overlays" / "pyspark-3.5"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "pyspark.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # the workers of a parallel run make it once
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            install = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "pyspark==3.5.*"]
            made = subprocess.run(install, capture_output=True, text=True)
            if made.returncode:
                pytest.skip(f"pyspark cannot be installed here: {made.stderr[-300:]}")
            (folder / "done").touch()
    return str(folder / "bin" / "python")


def text(job: Any) -> str:
    return "\n".join(event.text for event in job.log())


def test_a_cell_with_spark_in_it(pyspark: str, folder: Path) -> None:
    (folder / "tools.py").write_text("def doubled(x):\n    return 2 * x\n")
    names = {"__name__": "__main__", "numbers": list(range(100))}
    job = nbprocess.submit(
        "import doubling.tools\n"
        "rdd = spark.sparkContext.parallelize(numbers)\n"
        "total = rdd.map(doubling.tools.doubled).sum()\n"
        "memory = spark.conf.get('spark.executor.memory')\n"
        "spark.range(1000).write.parquet('file://' + outputs['table'] + '/rows')\n"
        "total",
        names,
        framework="spark",
        image=pyspark,
        backend="local",
        py_files=[str(package(folder))],
        spark_config={"spark.executor.memory": "1g"},
        spark_event_logs="job",
        output=["table"],
    )
    assert job.result(timeout=150) == 9900, text(job)
    assert job.values["memory"] == "1g" and "spark" not in job.values
    assert len([name for name in job.outputs["table"].list() if name.endswith(".parquet")]) >= 1
    assert job.outputs["spark-event-logs"].list()
    entry = job.request()["ProcessingOutputConfig"]["Outputs"][1]
    assert entry["S3Output"]["S3UploadMode"] == "Continuous"
    assert job.request()["AppSpecification"]["ContainerArguments"][:3] == [
        "smspark-submit",
        "--py-files",
        "/opt/ml/processing/input/py-files",
    ]


def package(folder: Path) -> Path:
    found = folder / "doubling"
    found.mkdir()
    (found / "__init__.py").write_text("")
    (folder / "tools.py").rename(found / "tools.py")
    return found


def test_an_application_on_two_instances_runs_once(pyspark: str, folder: Path) -> None:
    (folder / "app.py").write_text(
        "import sys\nfrom pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
        "print('counted', spark.range(int(sys.argv[1])).count())\n"
    )
    job = nbprocess.submit_script("app.py", ["50"], framework="spark", image=pyspark, backend="local", count=2)
    assert job.wait(150) and job.status == "Completed", text(job)
    assert text(job).count("counted 50") == 1
    entrypoint = job.request()["AppSpecification"]["ContainerEntrypoint"]
    assert entrypoint == ["smspark-submit", "/opt/ml/processing/input/code/app.py"]


JAR = """
import org.apache.spark.sql.SparkSession;
public class Counted {
    public static void main(String[] arguments) {
        SparkSession spark = SparkSession.builder().getOrCreate();
        System.out.println("counted in java " + spark.range(Long.parseLong(arguments[0])).count());
        spark.stop();
    }
}
"""


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A loopback AWS; its image ``local:PYTHON`` stands for the Spark image."""
    with emulator() as aws:
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        backends.get.cache_clear()
        yield
    backends.get.cache_clear()


def test_an_application_over_the_wire(pyspark: str, folder: Path, wire: None) -> None:
    (folder / "app.py").write_text(
        "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
        "print('counted', spark.range(30).count())\n"
    )
    job = nbprocess.submit_script("app.py", framework="spark", image=f"local:{pyspark}", backend="sagemaker")
    assert job.wait(150) and job.status == "Completed", text(job)
    assert "counted 30" in text(job)


def test_a_cell_over_the_wire(pyspark: str, folder: Path, wire: None) -> None:
    names = {"__name__": "__main__", "numbers": [1, 2, 3]}
    code = "total = spark.sparkContext.parallelize(numbers).sum()\ntotal"
    job = nbprocess.submit(
        code, names, framework="spark", image=f"local:{pyspark}", backend="sagemaker", spark_event_logs="job"
    )
    assert job.result(timeout=150) == 6, text(job)
    assert job.outputs["spark-event-logs"].list()


def test_a_jar_over_the_wire(pyspark: str, folder: Path, wire: None) -> None:
    compiler = shutil.which("javac")
    if compiler is None:
        pytest.skip("no javac: the jar cannot be made")
    found = subprocess.run(
        [pyspark, "-c", "import pyspark; print(pyspark.__path__[0])"], capture_output=True, text=True
    )
    (folder / "Counted.java").write_text(JAR)
    subprocess.run([compiler, "-cp", f"{found.stdout.strip()}/jars/*", "Counted.java"], cwd=folder, check=True)
    with zipfile.ZipFile(folder / "counted.jar", "w") as jar:
        jar.write(folder / "Counted.class", "Counted.class")
    job = nbprocess.submit_script(
        "counted.jar",
        ["70"],
        framework="spark",
        spark_class="Counted",
        image=f"local:{pyspark}",
        backend="sagemaker",
    )
    assert job.wait(150) and job.status == "Completed", text(job)
    assert "counted in java 70" in text(job)


def test_without_pyspark_the_way_out_is_told(folder: Path) -> None:
    (folder / "app.py").write_text("")
    job = nbprocess.submit_script("app.py", framework="spark", backend="local")
    assert job.wait(60) and job.status == "Failed" and "pip install pyspark" in text(job)


def made(**given: Any) -> spark.SparkParts:
    resolved = options.resolve({"framework": "spark", **given}, environ={}, folder=Path("/"))
    return spark.parts(resolved, "s3://home", "x")


def test_what_lies_in_s3_is_named_and_what_lies_here_is_sent(folder: Path) -> None:
    (folder / "a.jar").write_bytes(b"jar")
    found = made(jars="s3://b/x.jar,a.jar", files="s3://b/f", spark_class="org.Main")
    assert found.arguments == [
        "--jars",
        "s3://b/x.jar,/opt/ml/processing/input/jars",
        "--files",
        "s3://b/f",
        "--class",
        "org.Main",
    ]
    assert list(found.uploads) == ["jobs/x/inputs/jars/a.jar"]
    assert [entry["InputName"] for entry in found.inputs] == ["jars"]


def test_a_configuration_in_each_form(folder: Path) -> None:
    (folder / "c.json").write_text('[{"Classification": "hive-site", "Properties": {"a": "b"}}]')
    key = "jobs/x/inputs/conf/configuration.json"
    assert json.loads(made(spark_config="c.json").uploads[key])[0]["Classification"] == "hive-site"  # type: ignore[arg-type]
    assert json.loads(made(spark_config='{"spark.x": 1}').uploads[key]) == [  # type: ignore[arg-type]
        {"Classification": "spark-defaults", "Properties": {"spark.x": "1"}}
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"spark_config": "none.json"}, "cannot be read"),
        ({"spark_config": '[{"Classification": "odd"}]'}, "odd is no classification"),
        ({"py_files": "none.py"}, "no such file"),
        ({"jars": "."}, "is a folder"),
    ],
)
def test_a_mistake_is_named(given: dict[str, str], says: str, folder: Path) -> None:
    with pytest.raises(OptionError) as caught:
        made(**given)
    assert says in str(caught.value)


def test_the_stand_in_reads_what_the_image_reads(folder: Path) -> None:
    conf = folder / "processing" / "input" / "conf"
    conf.mkdir(parents=True)
    (conf / "configuration.json").write_text('[{"Classification": "spark-defaults", "Properties": {"spark.x": "1"}}]')
    (folder / "py").mkdir()
    (folder / "py" / "a.py").write_text("")
    found = stand_in.arguments(
        ["--py-files", str(folder / "py"), "--local-spark-event-logs-dir", "/e/", "app.py", "--n"], str(folder)
    )
    assert found[-2:] == ["app.py", "--n"] and f"{folder}/py/a.py" in found and "spark.x=1" in found
    assert "spark.eventLog.dir=file:///e/" in found
