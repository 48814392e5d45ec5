/**
 * Jobs in words: durations, money, sizes, and which jobs a search finds. Pure logic: imports the views' words and types.
 */

import { duration, size } from '../../nbprocess/views/static/format.js';
import type { IInstance, IJob } from './api';

export { duration, size };

/** A moment (POSIX seconds) in the reader's own way: the time of a day that is `now`, else the date with it. */
export function when(moment: number, now: number): string {
  const [then, today] = [new Date(moment * 1000), new Date(now * 1000)];
  const time = then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  if (then.toDateString() === today.toDateString()) {
    return time;
  }
  const year = then.getFullYear() === today.getFullYear() ? undefined : 'numeric';
  return `${then.toLocaleDateString([], { day: 'numeric', month: 'short', year })}, ${time}`;
}

/** USD in cents: what is less says so, since there is little room. */
export function money(usd: number): string {
  return usd > 0 && usd < 0.005 ? '<$0.01' : `$${usd.toFixed(2)}`;
}

/** Memory of a machine, without digits that say nothing. */
export function gibibytes(bytes: number): string {
  return `${Math.round((bytes / 2 ** 30) * 10) / 10} GiB`;
}

/** A row of the catalogue: what the machine has, its price, and whether this account may run it. */
export function describe(row: IInstance, trans: { __: (text: string, ...values: Array<string | number>) => string }): string {
  const known = (value: number | null | undefined): value is number => value !== null && value !== undefined;
  return [
    row.name,
    row.vcpus && `${row.vcpus} vCPU`,
    row.memory && gibibytes(row.memory),
    row.gpu,
    known(row.price) && `${money(row.price)}/h`,
    known(row.quota) && (row.quota > 0 ? trans.__('quota %1', row.quota) : trans.__('no quota'))
  ]
    .filter(Boolean)
    .join(' · ');
}

/** Whether an instance has every word of a search in its name or GPU; `16 GB` and `4 vCPU` are what it has, exactly. */
export function fits(row: IInstance, search: string): boolean {
  const words = search.toLowerCase().replace(/(\d)\s+(gi?b|v?cpu)s?\b/g, '$1$2').split(/\s+/).filter(Boolean);
  return words.every(word => {
    const amount = /^([\d.]+)(gi?b|v?cpus?)$/.exec(word);
    return amount
      ? Number(amount[1]) === (amount[2].startsWith('g') ? (row.memory ?? 0) / 2 ** 30 : row.vcpus)
      : `${row.name} ${row.gpu ?? ''}`.toLowerCase().includes(word);
  });
}

/** The last part of a path of either kind. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).pop() ?? '';
}

export type Filter = 'all' | 'active' | 'failed' | 'done';

/** Jobs that pass the filter and hold every word of the search in name, notebook, instance or headline. */
export function matching(jobs: readonly IJob[], filter: Filter, search: string): IJob[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return jobs.filter(job => {
    const text = `${job.name} ${job.notebook} ${job.instance_type} ${job.backend} ${job.headline}`.toLowerCase();
    return (
      words.every(word => text.includes(word)) &&
      (filter === 'all' ||
        (filter === 'active' && !job.terminal) ||
        (filter === 'failed' && job.status === 'Failed') ||
        (filter === 'done' && job.terminal && job.status !== 'Failed'))
    );
  });
}

/** Text of a terminal without its colours and cursor movements. */
export function plain(text: string): string {
  return text.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*(?:\x07|\x1b\\)/g, '').replace(/^.*\r(?!\n|$)/gm, '');
}
