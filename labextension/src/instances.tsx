/**
 * The catalogue of instance types as a list to choose from, with search. Imports: api (types), format, React.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IInstance } from './api';
import { describe, fits, gibibytes, money } from './format';

const SHOWN = 60; // rows; the search finds the others

export function Instances(props: {
  all: IInstance[];
  search: string;
  chosen: string;
  choose: (name: string) => void;
  /** Why prices and quotas are not known. */
  problem: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { all, search, chosen, choose, problem, trans } = props;
  const list = React.useRef<HTMLDivElement>(null);
  const found = all.filter(row => fits(row, search));
  const shown = found.slice(0, Math.max(SHOWN, found.findIndex(row => row.name === chosen) + 1));
  const current = shown.some(row => row.name === chosen) ? chosen : shown[0]?.name;
  React.useLayoutEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const move = (event: React.KeyboardEvent) => {
    const at = shown.findIndex(row => row.name === current);
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 };
    const next = shown[Math.min(steps[event.key] ?? -1, shown.length - 1)];
    if (event.key in steps) {
      event.preventDefault();
    }
    if (next) {
      choose(next.name);
      (list.current!.querySelector(`[data-name='${next.name}']`) as HTMLElement).focus();
    }
  };
  const cell = (text: string | number | undefined | null) => <span>{text}</span>;
  return (
    <div className="nbp-Instances">
      <div className="nbp-Instances-row nbp-Instances-head" aria-hidden="true">
        {[trans.__('Type'), trans.__('vCPU'), trans.__('Memory'), trans.__('GPU'), trans.__('Price'), trans.__('Quota')].map(cell)}
      </div>
      <div ref={list} className="nbp-Instances-list" role="listbox" aria-label={trans.__('Instance types')} onKeyDown={move}>
        {shown.map(row => (
          <div
            key={row.name}
            role="option"
            className="nbp-Instances-row"
            data-name={row.name}
            aria-selected={row.name === chosen}
            aria-label={describe(row, trans)}
            tabIndex={row.name === current ? 0 : -1}
            onClick={() => choose(row.name)}
            title={row.quota === 0 ? trans.__('This account may run none of these. Ask AWS for a higher quota first.') : undefined}
          >
            {cell(row.name)}
            {cell(row.vcpus)}
            {cell(row.memory && gibibytes(row.memory))}
            {cell(row.gpu)}
            {cell(typeof row.price === 'number' ? trans.__('%1/h', money(row.price)) : '')}
            {cell(row.quota === 0 ? trans.__('none') : row.quota)}
          </div>
        ))}
      </div>
      <p className="nbp-Muted" role="status">
        {found.length === 0
          ? trans.__('No instance type matches.')
          : found.length > shown.length
            ? trans.__('%1 of %2 types: search for the others', shown.length, found.length)
            : trans._n('%1 type', '%1 types', found.length)}
        {problem && ` · ${trans.__('prices or quotas are missing: %1', problem)}`}
      </p>
    </div>
  );
}
