/**
 * Samples of the machines of a job, as curves. Pure logic: imports types only.
 */

import type { IUsage } from './api';

/** One curve: `points` are [POSIX seconds, value]; `top` is the value at the upper edge. */
export interface ICurve {
  host: string;
  kind: 'cpu' | 'memory' | 'disk' | 'gpu' | 'gpu_memory';
  points: Array<[number, number]>;
  top: number;
  peak: number;
  last: number;
}

/** A curve of which no upper bound is known leaves so much above its peak. */
const ROOM = 1.25;

const KINDS: ReadonlyArray<ICurve['kind']> = ['cpu', 'memory', 'disk', 'gpu', 'gpu_memory'];

/** The samples of both lists, each once, in order of time. */
export function merged(first: readonly IUsage[], more: readonly IUsage[]): IUsage[] {
  const found = new Map<string, IUsage>();
  for (const sample of [...first, ...more]) {
    found.set(`${sample.host} ${sample.time}`, sample);
  }
  return [...found.values()].sort((a, b) => a.time - b.time);
}

/** A curve per machine and kind of which there are samples. Memory is drawn against what the machine has. */
export function curves(samples: readonly IUsage[]): ICurve[] {
  const hosts = [...new Set(samples.map(sample => sample.host))].sort();
  const found: ICurve[] = [];
  for (const host of hosts) {
    const own = samples.filter(sample => sample.host === host);
    for (const kind of KINDS) {
      const points = own.flatMap(sample => {
        const value = sample[kind];
        return value === null || value === undefined ? [] : [[sample.time, value] as [number, number]];
      });
      if (points.length) {
        const peak = Math.max(...points.map(([, value]) => value));
        const total = kind === 'memory' ? Math.max(...own.map(sample => sample.memory_total ?? 0)) : kind === 'disk' || kind === 'gpu_memory' ? 0 : Math.max(100, peak);
        found.push({ host, kind, points, peak, last: points[points.length - 1][1], top: total || ROOM * Math.max(peak, 1) });
      }
    }
  }
  return found;
}

/** The curve as the `points` of an SVG polyline in a box of `width` by `height`. */
export function polyline(curve: ICurve, width: number, height: number): string {
  const [start, end] = [curve.points[0][0], curve.points[curve.points.length - 1][0]];
  const at = (time: number) => (end > start ? ((time - start) / (end - start)) * width : width);
  const points = curve.points.length > 1 ? curve.points : [[start, curve.last] as [number, number], ...curve.points];
  return points
    .map(([time, value], n) => `${(n ? at(time) : 0).toFixed(1)},${(height - (Math.min(value, curve.top) / curve.top) * height).toFixed(1)}`)
    .join(' ');
}
