/**
 * Jobs in words: durations, money, sizes, and which jobs a search finds. Pure logic: imports the views' words and types.
 */

import { duration, size } from '../../nbprocess/views/static/format.js';
import type { IInstance, IJob } from './api';

export { duration, size };

/** USD: two digits, four below one cent. */
export function money(usd: number): string {
  return `$${usd.toFixed(usd > 0 && usd < 0.01 ? 4 : 2)}`;
}

/** A row of the catalogue: what the machine has, its price, and whether this account may run it. */
export function describe(row: IInstance, trans: { __: (text: string, ...values: Array<string | number>) => string }): string {
  const known = (value: number | null | undefined): value is number => value !== null && value !== undefined;
  return [
    row.name,
    row.vcpus && `${row.vcpus} vCPU`,
    row.memory && size(row.memory),
    row.gpu,
    known(row.price) && `${money(row.price)}/h`,
    known(row.quota) && (row.quota > 0 ? trans.__('quota %1', row.quota) : trans.__('no quota'))
  ]
    .filter(Boolean)
    .join(' · ');
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
