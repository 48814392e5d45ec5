/**
 * "Run on…": backend, instance or GPU, time limit and cost cap of one cell; shows the plan on demand.
 * Imports: api, format, magicline, @jupyterlab/apputils.
 */

import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Api, ICatalogue, IInstance, reasonOf } from './api';
import { describe } from './format';
import { Changes, readOptions } from './magicline';

const SHOWN = 60; // rows; the search finds the others

type Fields = Record<'--backend' | '--instance' | '--gpu' | '--timeout' | '--max-cost', string>;

/**
 * Ask where a cell shall run.
 *
 * `plan` asks the kernel what would be sent and for how much, given the changes.
 */
export async function askWhere(
  source: string,
  api: Api,
  plan: ((changes: Changes) => Promise<string>) | null,
  trans: TranslationBundle
): Promise<Changes | null> {
  const body = new RunOnBody(source, api, plan, trans);
  const result = await showDialog({
    title: trans.__('Run this cell on…'),
    body,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Run') })],
    focusNodeSelector: 'select'
  });
  return result.button.accept ? result.value : null;
}

class RunOnBody extends ReactWidget implements Dialog.IBodyWidget<Changes> {
  constructor(
    source: string,
    private readonly _api: Api,
    private readonly _plan: ((changes: Changes) => Promise<string>) | null,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('nbp-RunOn');
    const now = readOptions(source);
    const names: Array<keyof Fields> = ['--backend', '--instance', '--gpu', '--timeout', '--max-cost'];
    this._before = Object.fromEntries(names.map(name => [name, now[name] ?? ''])) as Fields;
    this._fields = { ...this._before };
  }

  /** Only what differs from the cell as it is. */
  getValue(): Changes {
    const changes: Changes = {};
    for (const [name, value] of Object.entries(this._fields) as Array<[keyof Fields, string]>) {
      if (value.trim() !== this._before[name]) {
        changes[name] = value.trim() || null;
      }
    }
    return changes;
  }

  protected render(): JSX.Element {
    return (
      <Form
        fields={this._fields}
        change={fields => Object.assign(this._fields, fields)}
        api={this._api}
        plan={this._plan && (() => this._plan!(this.getValue()))}
        trans={this._trans}
      />
    );
  }

  private readonly _before: Fields;
  private readonly _fields: Fields;
}

interface IFormProps {
  fields: Fields;
  change: (fields: Partial<Fields>) => void;
  api: Api;
  plan: (() => Promise<string>) | null;
  trans: TranslationBundle;
}

function Form(props: IFormProps): JSX.Element {
  const { trans, api } = props;
  const [fields, setFields] = React.useState({ ...props.fields });
  const [catalogue, setCatalogue] = React.useState<ICatalogue | null>(null);
  const [problem, setProblem] = React.useState('');
  const [plan, setPlan] = React.useState('');
  const backend = fields['--backend'];
  React.useEffect(() => {
    let current = true;
    if (backend !== 'local') {
      api.catalogue(backend).then(
        found => current && setCatalogue(found),
        reason => current && setProblem(reasonOf(reason))
      );
    }
    return () => {
      current = false;
    };
  }, [api, backend]);
  const set = (change: Partial<Fields>) => {
    props.change(change);
    setFields(before => ({ ...before, ...change }));
    setPlan('');
  };
  const text = (name: keyof Fields, label: string, placeholder: string, list?: string) => (
    <label>
      <span>{label}</span>
      <input
        className="jp-mod-styled"
        name={name.slice(2)}
        value={fields[name]}
        placeholder={placeholder}
        list={list}
        onChange={event => set({ [name]: event.target.value })}
      />
    </label>
  );
  const remote = backend !== 'local';
  const showPlan = () => {
    setPlan(trans.__('Asking the kernel…'));
    props.plan!().then(setPlan, reason => setPlan(reasonOf(reason)));
  };
  return (
    <div className="nbp-Form">
      <label>
        <span>{trans.__('Where')}</span>
        <select
          className="jp-mod-styled"
          name="backend"
          value={fields['--backend']}
          onChange={event => set({ '--backend': event.target.value })}
        >
          <option value="">{trans.__('As configured')}</option>
          <option value="local">{trans.__('A process on this machine (local)')}</option>
          <option value="sagemaker">{trans.__('A SageMaker Processing job')}</option>
        </select>
      </label>
      {text('--timeout', trans.__('At most'), trans.__('for example 30m or 2h'))}
      {text('--max-cost', trans.__('Cost cap (USD)'), trans.__('for example 2.50'))}
      {remote && text('--gpu', trans.__('GPU'), trans.__('for example T4; empty: none'), 'nbp-gpus')}
      {remote && text('--instance', trans.__('Instance type'), trans.__('type to search, for example m5 or 16 GB'))}
      <datalist id="nbp-gpus">{catalogue?.gpus.map(gpu => <option key={gpu} value={gpu} />)}</datalist>
      {remote && catalogue && (
        <Instances all={catalogue.instances} search={fields['--instance']} choose={name => set({ '--instance': name })} trans={trans} />
      )}
      {remote && problem && (
        <p className="nbp-Muted">{trans.__('The catalogue of instances cannot be shown: %1', problem)}</p>
      )}
      {props.plan && (
        <button type="button" className="jp-mod-styled" onClick={showPlan}>
          {trans.__('Show what would be sent')}
        </button>
      )}
      {plan && (
        <pre className="nbp-Text nbp-Plan" aria-live="polite">
          {plan}
        </pre>
      )}
    </div>
  );
}

function Instances(props: {
  all: IInstance[];
  search: string;
  choose: (name: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const words = props.search.toLowerCase().split(/\s+/).filter(Boolean);
  const exact = props.all.some(row => row.name === props.search);
  const found = props.all.filter(row => exact || words.every(word => describe(row, props.trans).toLowerCase().includes(word)));
  return (
    <div className="nbp-Instances" role="listbox" aria-label={props.trans.__('Instance types')}>
      {found.slice(0, SHOWN).map(row => (
        <button
          type="button"
          key={row.name}
          role="option"
          aria-selected={row.name === props.search}
          onClick={() => props.choose(row.name)}
        >
          {describe(row, props.trans)}
        </button>
      ))}
      {found.length === 0 && <p className="nbp-Muted">{props.trans.__('No instance type matches.')}</p>}
    </div>
  );
}
