/**
 * What the machines of a job did: CPU, memory, disk and GPU as curves with their last and highest values.
 * Imports: usage, format, React.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IUsage } from './api';
import { size } from './format';
import { ICurve, curves, merged, polyline } from './usage';

const WIDTH = 320;
const HEIGHT = 48;

/** `first` are the samples that the job was opened with, `latest` those of the last answer. */
export function Metrics(props: { first: IUsage[]; latest: IUsage[]; ended: boolean; trans: TranslationBundle }): JSX.Element {
  const { first, latest, ended, trans } = props;
  const [samples, setSamples] = React.useState<IUsage[]>([]);
  React.useEffect(() => setSamples(before => merged(merged(before, first), latest)), [first, latest]);
  const found = curves(samples);
  if (!found.length) {
    return <p className="nbp-Muted">{ended ? trans.__('The machine was not measured.') : trans.__('No samples of the machine yet.')}</p>;
  }
  const many = new Set(found.map(curve => curve.host)).size > 1;
  const time = (seconds: number) => new Date(seconds * 1000).toLocaleTimeString();
  return (
    <>
      <ul className="nbp-Metrics" aria-label={trans.__('Use of the machines')}>
        {found.map(curve => (
          <Curve key={`${curve.host} ${curve.kind}`} curve={curve} host={many ? `${curve.host} · ` : ''} ended={ended} trans={trans} />
        ))}
      </ul>
      <p className="nbp-Muted">
        {trans._n('%1 sample', '%1 samples', samples.length)} · {time(samples[0].time)} – {time(samples[samples.length - 1].time)}
      </p>
    </>
  );
}

function Curve(props: { curve: ICurve; host: string; ended: boolean; trans: TranslationBundle }): JSX.Element {
  const { curve, host, ended, trans } = props;
  const labels: Record<ICurve['kind'], string> = {
    cpu: trans.__('CPU (100 %: one core)'),
    memory: trans.__('Memory'),
    disk: trans.__('Disk'),
    gpu: trans.__('GPU'),
    gpu_memory: trans.__('GPU memory')
  };
  const value = (n: number) => (curve.kind === 'cpu' || curve.kind === 'gpu' ? `${n.toFixed(0)} %` : size(n));
  const last = ended ? trans.__('last %1', value(curve.last)) : trans.__('now %1', value(curve.last));
  const peak =
    curve.kind === 'memory'
      ? trans.__('highest %1 of %2', value(curve.peak), value(curve.top))
      : trans.__('highest %1', value(curve.peak));
  const points = polyline(curve, WIDTH, HEIGHT);
  return (
    <li>
      <span className="nbp-Metrics-name">{host + labels[curve.kind]}</span>
      <svg viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`} preserveAspectRatio="none" aria-hidden="true">
        <polygon points={`0,${HEIGHT} ${points} ${WIDTH},${HEIGHT}`} />
        <polyline points={points} vectorEffect="non-scaling-stroke" />
      </svg>
      <span>{`${last}, ${peak}`}</span>
    </li>
  );
}
