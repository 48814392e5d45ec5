/** Run by `jlpm test` with node's own test runner. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { IJob } from '../src/api';
import { Filter, describe, duration, fits, fileName, matching, money, plain, size, when } from '../src/format';
import { isOffloaded, readOptions, removeMagic, writeOptions } from '../src/magicline';
import { imageType, kindOf, tableRows } from '../src/preview';
import { curves, merged, polyline } from '../src/usage';

test('a cell is offloaded when the magic is its first line that is not blank', () => {
  assert.equal(isOffloaded('%%processing'), true);
  assert.equal(isOffloaded('\n  \n%%processing --gpu T4\nx = 1'), true);
  assert.equal(isOffloaded('%%processing_plan\nx = 1'), false);
  assert.equal(isOffloaded('x = 1\n%%processing'), false);
  assert.equal(isOffloaded('# %%processing'), false);
});

test('options are read as the shell would', () => {
  assert.deepEqual(readOptions("%%processing --gpu T4 --background --env A='b c' --timeout=1h\nx"), {
    '--gpu': 'T4',
    '--background': '',
    '--env': 'A=b c',
    '--timeout': '1h'
  });
  assert.deepEqual(readOptions('%%processing --count {n + 1} --name $job'), { '--count': '{n + 1}', '--name': '$job' });
  assert.deepEqual(readOptions('x = "--gpu T4"'), {});
});

test('a cell without the magic gets it, its text stays', () => {
  assert.equal(
    writeOptions('x = 1\n', { '--gpu': 'T4', '--backend': null }),
    '%%processing --gpu T4\nx = 1\n'
  );
});

test('one option changes, everything else stays as it was typed', () => {
  const cell = "\n%%processing  --gpu T4   --env 'A=b  c' --timeout=1h --count {n + 1}\ny = '--gpu T4'";
  assert.equal(
    writeOptions(cell, { '--gpu': 'A10G' }),
    "\n%%processing  --gpu A10G   --env 'A=b  c' --timeout=1h --count {n + 1}\ny = '--gpu T4'"
  );
  assert.equal(
    writeOptions(cell, { '--timeout': '30m' }),
    "\n%%processing  --gpu T4   --env 'A=b  c' --timeout 30m --count {n + 1}\ny = '--gpu T4'"
  );
  assert.equal(
    writeOptions(cell, { '--gpu': null, '--count': null }),
    "\n%%processing   --env 'A=b  c' --timeout=1h\ny = '--gpu T4'"
  );
  assert.equal(writeOptions('%%processing --background', { '--background': null }), '%%processing');
});

test('an option that stands twice is one afterwards', () => {
  assert.equal(writeOptions('%%processing --gpu T4 --count 2 --gpu L4', { '--gpu': 'H100' }), '%%processing --gpu H100 --count 2');
});

test('a value that needs quotes gets them and is read back', () => {
  for (const value of ["it's", 'a b', 'back\\slash', 'say "hi"']) {
    assert.equal(readOptions(writeOptions('x', { '--requirements': value }))['--requirements'], value);
  }
});

test('another cell magic stays: under the new line, or around it where it is one that runs cells', () => {
  assert.equal(writeOptions('%%bash\nls', { '--gpu': 'T4' }), '%%processing --gpu T4\n%%bash\nls');
  assert.equal(isOffloaded('%%time\n%%processing --gpu T4\nx'), true);
  assert.equal(writeOptions('%%capture out\n\n%%processing --gpu T4\nx', { '--gpu': 'L4' }), '%%capture out\n\n%%processing --gpu L4\nx');
  assert.equal(isOffloaded('%%bash\n%%processing'), false);
});

test('a cell whose plan was shown keeps its options when it runs', () => {
  assert.equal(isOffloaded('%%processing_plan --gpu T4\nx'), false);
  assert.deepEqual(readOptions('%%processing_plan --gpu T4\nx'), { '--gpu': 'T4' });
  assert.equal(writeOptions('%%processing_plan --gpu T4\nx', { '--timeout': '1h' }), '%%processing --gpu T4 --timeout 1h\nx');
});

test('a comment stays at the end, and what it says is no option', () => {
  const cell = '%%processing --gpu T4  # --count 9: too dear\nx';
  assert.deepEqual(readOptions(cell), { '--gpu': 'T4' });
  assert.equal(writeOptions(cell, { '--timeout': '1h' }), '%%processing --gpu T4 --timeout 1h  # --count 9: too dear\nx');
  assert.equal(writeOptions(cell, { '--gpu': null }), '%%processing  # --count 9: too dear\nx');
  assert.deepEqual(readOptions('%%processing --input data=s3://b/a#1 --gpu T4'), { '--input': 'data=s3://b/a#1', '--gpu': 'T4' });
});

test('a line that goes on after a backslash is one line', () => {
  const cell = '%%processing --gpu T4 \\\n    --timeout 1h \\\n    --count 2\nx = "\\\n"';
  assert.deepEqual(readOptions(cell), { '--gpu': 'T4', '--timeout': '1h', '--count': '2' });
  assert.equal(writeOptions(cell, { '--timeout': '2h' }), cell.replace('1h', '2h'));
  assert.equal(writeOptions(cell, { '--timeout': null }), cell.replace('    --timeout 1h \\\n', ''));
  assert.equal(writeOptions(cell, { '--count': null }), '%%processing --gpu T4 \\\n    --timeout 1h\nx = "\\\n"');
  assert.equal(writeOptions(cell, { '--max-cost': '2' }), cell.replace('--count 2', '--count 2 --max-cost 2'));
  assert.equal(removeMagic(cell), 'x = "\\\n"');
  assert.deepEqual(readOptions('%%processing --gpu T4 # why \\\n--count 2'), { '--gpu': 'T4' }); // no more than a shell does
});

test('without its magic line a cell is as it was before', () => {
  for (const cell of ['x = 1\ny = 2', '', '%%bash\nls', '\nx']) {
    assert.equal(removeMagic(writeOptions(cell, { '--gpu': 'T4' })), cell);
  }
  assert.equal(removeMagic('%%time\n%%processing\nx'), '%%time\nx');
  assert.equal(removeMagic('x = 1'), 'x = 1');
});

test('durations, money and sizes in words', () => {
  assert.deepEqual([duration(5.4), duration(42), duration(185), duration(3727)], ['5.4 s', '42 s', '3:05', '1:02:07']);
  assert.deepEqual([money(0), money(0.0042), money(2.5)], ['$0.00', '<$0.01', '$2.50']);
  assert.deepEqual([size(999), size(1536), size(74 * 2 ** 20)], ['999 B', '1.5 KiB', '74.0 MiB']);
});

test('a moment has its date when it is of another day', () => {
  const noon = new Date(2026, 10, 21, 12, 0).getTime() / 1000;
  const time = when(noon, noon + 3600);
  assert.match(time, /12.00/);
  const before = when(noon - 3 * 86_400, noon);
  assert.ok(before.includes('18') && before.endsWith(time) && !before.includes('2026'), before);
  assert.ok(when(noon - 400 * 86_400, noon).includes('2025'));
});

test('of a path the file name is shown', () => {
  assert.deepEqual(['/home/me/a b.ipynb', 'C:\\work\\a.ipynb', 'a.ipynb', ''].map(fileName), ['a b.ipynb', 'a.ipynb', 'a.ipynb', '']);
});

test('a log line loses colours and what a carriage return wrote over', () => {
  assert.equal(plain('\x1b[32mepoch 1\x1b[0m'), 'epoch 1');
  assert.equal(plain('10%\r20%\r30%'), '30%');
});

test('a search finds jobs by all its words; filters by status', () => {
  const job = (name: string, status: string, headline = '') =>
    ({ name, status, headline, notebook: 'a.ipynb', backend: 'local', instance_type: '', terminal: status !== 'InProgress' }) as unknown as IJob;
  const jobs = [job('train', 'InProgress', 'Epoch 3'), job('prepare', 'Failed'), job('score', 'Completed')];
  const names = (filter: Filter, search: string) => matching(jobs, filter, search).map(j => j.name);
  assert.deepEqual(names('all', ''), ['train', 'prepare', 'score']);
  assert.deepEqual(names('all', 'EPOCH a.ipynb'), ['train']);
  assert.deepEqual(names('active', ''), ['train']);
  assert.deepEqual(names('failed', ''), ['prepare']);
  assert.deepEqual(names('done', ''), ['score']);
});

test('an instance is described by what is known of it', () => {
  const trans = { __: (text: string, ...values: Array<string | number>) => text.replace('%1', String(values[0])) };
  const known = { name: 'ml.g4dn.xlarge', vcpus: 4, memory: 16 * 2 ** 30, gpu: '1 x T4', price: 0.736, quota: 2 };
  assert.equal(describe(known, trans), 'ml.g4dn.xlarge · 4 vCPU · 16 GiB · 1 x T4 · $0.74/h · quota 2');
  assert.equal(describe({ name: 'ml.m5.large', price: null, quota: 0 }, trans), 'ml.m5.large · no quota');
  assert.equal(describe({ name: 'ml.m5.large', quota: null }, trans), 'ml.m5.large');
});

test('an instance is found by its name, its GPU and what it has', () => {
  const row = { name: 'ml.g4dn.xlarge', vcpus: 4, memory: 16 * 2 ** 30, gpu: 'T4' };
  for (const search of ['', 'g4dn', 'XLARGE t4', '16 GB', '16GiB t4', '4 vCPU', '4 cpus 16 gb']) {
    assert.equal(fits(row, search), true, search);
  }
  for (const search of ['m5', '6 GB', '16 vCPU', '16 GB a10g']) {
    assert.equal(fits(row, search), false, search);
  }
});

const sample = (time: number, host: string, cpu: number | null, memory: number | null = null) => ({
  time,
  host,
  cpu,
  memory,
  memory_total: memory === null ? null : 100,
  disk: null,
  gpu: null,
  gpu_memory: null
});

test('samples that were seen twice count once, in order of time', () => {
  const both = merged([sample(2, 'algo-1', 5), sample(1, 'algo-1', 4)], [sample(2, 'algo-1', 5), sample(2, 'algo-2', 6)]);
  assert.deepEqual(both.map(s => [s.time, s.host]), [[1, 'algo-1'], [2, 'algo-1'], [2, 'algo-2']]);
});

test('a curve per machine and kind; memory against what the machine has', () => {
  const found = curves([sample(0, 'algo-1', 50, 20), sample(10, 'algo-1', 200, 80), sample(0, 'algo-2', 10)]);
  assert.deepEqual(
    found.map(c => [c.host, c.kind, c.peak, c.last, c.top]),
    [
      ['algo-1', 'cpu', 200, 200, 200],
      ['algo-1', 'memory', 80, 80, 100],
      ['algo-2', 'cpu', 10, 10, 100]
    ]
  );
  assert.equal(polyline(found[1], 100, 50), '0.0,40.0 100.0,10.0');
  assert.equal(polyline(found[2], 100, 50), '0.0,45.0 100.0,45.0');
  assert.deepEqual(curves([]), []);
});

test('a file is previewed by its name and its bytes', () => {
  assert.deepEqual(
    [kindOf('a.csv', 'x,y\n', false), kindOf('a.JSON', '{"a": 1}', true), kindOf('a.json', '{"a": ', true), kindOf('a.json', '{}', false)],
    ['table', 'json', 'text', 'text']
  );
  assert.deepEqual([kindOf('model.pkl', '\x80\0', true), kindOf('README', 'hello', true)], ['binary', 'text']);
  assert.deepEqual(['a/b.PNG', 'x.jpg', 'x.svg', 'png', 'x.html'].map(imageType), ['image/png', 'image/jpeg', 'image/svg+xml', '', '']);
});

test('tables are read with their quotes; a row that is cut is left out', () => {
  assert.deepEqual(tableRows('a,b\r\n"1,5","say ""hi""\nthere"\n2,', ',', true, 9), [
    ['a', 'b'],
    ['1,5', 'say "hi"\nthere'],
    ['2', '']
  ]);
  assert.deepEqual(tableRows('a\tb\n1\t2\n3\t', '\t', false, 9), [
    ['a', 'b'],
    ['1', '2']
  ]);
  assert.equal(tableRows('1\n'.repeat(50), ',', true, 20).length, 20);
});
