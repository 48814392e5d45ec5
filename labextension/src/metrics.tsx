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
export function Metrics(props: { first: IUsage[]; latest: IUsage[]; trans: TranslationBundle }): JSX.Element {
  const { first, latest, trans } = props;
  const [samples, setSamples] = React.useState<IUsage[]>([]);
  React.useEffect(() => setSamples(before => merged(merged(before, first), latest)), [first, latest]);
  const found = curves(samples);
  if (!found.length) {
    return <p className="nbp-Muted">{trans.__('No samples of the machine yet.')}</p>;
  }
  const many = new Set(found.map(curve => curve.host)).size > 1;
  return (
    <ul className="nbp-Metrics" aria-label={trans.__('Use of the machines')}>
      {found.map(curve => (
        <Curve key={`${curve.host} ${curve.kind}`} curve={curve} host={many ? `${curve.host} · ` : ''} trans={trans} />
      ))}
    </ul>
  );
}

function Curve(props: { curve: ICurve; host: string; trans: TranslationBundle }): JSX.Element {
  const { curve, host, trans } = props;
  const labels: Record<ICurve['kind'], string> = {
    cpu: trans.__('CPU (100 %: one core)'),
    memory: trans.__('Memory'),
    disk: trans.__('Disk'),
    gpu: trans.__('GPU'),
    gpu_memory: trans.__('GPU memory')
  };
  const value = (n: number) => (curve.kind === 'cpu' || curve.kind === 'gpu' ? `${n.toFixed(0)} %` : size(n));
  const words =
    curve.kind === 'memory'
      ? trans.__('now %1, highest %2 of %3', value(curve.last), value(curve.peak), value(curve.top))
      : trans.__('now %1, highest %2', value(curve.last), value(curve.peak));
  return (
    <li>
      <span className="nbp-Metrics-name">{host + labels[curve.kind]}</span>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <polyline points={polyline(curve, WIDTH, HEIGHT)} vectorEffect="non-scaling-stroke" />
      </svg>
      <span>{words}</span>
    </li>
  );
}
