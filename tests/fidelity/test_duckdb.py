"""The connection that ``duckdb.sql`` uses, and queries of DuckDB, from the notebook to jobs and back."""

from __future__ import annotations

import pytest

from ..live_kernel import Kernel

pytest.importorskip("duckdb")
_JOB = "%%processing --backend local\n"


def test_the_tables_of_duckdb_s_own_connection_are_the_notebook_s(kernel: Kernel) -> None:
    kernel.ok("import duckdb, pandas as pd; own = duckdb.default_connection(); kept = pd.DataFrame({'k': [1, 2]})")
    kernel.ok(_JOB + "duckdb.sql('create table t as select range as a from range(3)')")
    kernel.ok("duckdb.sql('insert into t values (10)')")
    kernel.ok(_JOB + "duckdb.sql('create table u as select sum(a) as s from t'); duckdb.sql('SET threads TO 1')")
    told = kernel.ok("print(duckdb.sql('select s from u').fetchall(), own is duckdb.default_connection())").stdout
    assert told == "[(13,)] True\n"
    assert kernel.ok("duckdb.sql(\"select current_setting('threads')\").fetchall()").result == "[(1,)]"
    kernel.ok(_JOB + "duckdb.sql('drop table t'); duckdb.sql('drop table u')")
    assert kernel.ok("duckdb.sql('show tables').fetchall()").result == "[]"


def test_a_query_of_duckdb_goes_on_at_the_other_end(kernel: Kernel) -> None:
    kernel.ok("import duckdb, pandas as pd; df = pd.DataFrame({'u': [1, 2], 'v': ['a', 'b']})")
    kernel.ok(_JOB + "duckdb.sql('create table t as select 2 as a')")
    kernel.ok(_JOB + "t = duckdb.table('t'); q = duckdb.sql('from df')")
    kernel.ok("duckdb.sql('update t set a = 3')")  # computed when it is asked for
    assert kernel.ok("print(t.fetchall(), q.filter('u > 1').fetchall(), t.alias)").stdout == "[(3,)] [(2, 'b')] t\n"
    assert kernel.ok(_JOB + "duckdb.sql('select v, a from q join t on u = a - 1').fetchall()").result == "[('b', 3)]"


def test_what_duckdb_has_not_fetched_is_said(kernel: Kernel) -> None:
    kernel.ok("import duckdb; duckdb.execute('select 1')")
    ran = kernel.ok(_JOB + "duckdb.sql('select 2').fetchall()")
    said = "".join(ran.displays("text/plain"))
    assert "rows left to give" in said and "fetchall()" in said
    assert ran.result == "[(2,)]"


def test_a_query_of_a_table_that_its_job_made_comes_with_its_rows(kernel: Kernel) -> None:
    kernel.ok("import duckdb; con = duckdb.connect()")
    kernel.ok(_JOB + "con.execute('create table t as select 2 as a'); rel = con.table('t')")
    assert kernel.ok("print(con.sql('from t').fetchall(), rel.fetchall())").stdout == "[(2,)] [(2,)]\n"
