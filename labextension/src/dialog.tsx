/**
 * "Run on…": backend, instance or GPU, time limit and cost cap of one cell; shows the plan on demand.
 * Imports: api, format, instances, magicline, @jupyterlab/apputils.
 */

import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Api, ICatalogue, IConfigured, reasonOf } from './api';
import { duration } from './format';
import { Instances } from './instances';
import { Changes, readOptions } from './magicline';

/** What asks the kernel what would be sent and for how much; `busy`: it will answer only when its cell has ended. */
export interface IPlanner {
  plan(changes: Changes): Promise<string>;
  busy(): boolean;
}

const INSTANCE = /^ml\.\S+$/; // all else that is typed there is a search

type Fields = Record<'--backend' | '--instance' | '--gpu' | '--timeout' | '--max-cost', string>;

/** Ask where a cell shall run; null when nothing is to be done. */
export async function askWhere(
  source: string,
  api: Api,
  planner: IPlanner,
  trans: TranslationBundle
): Promise<Changes | null> {
  const body = new RunOnBody(source, api, planner, trans);
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
    private readonly _planner: IPlanner,
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
        planner={this._planner}
        changes={() => this.getValue()}
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
  planner: IPlanner;
  changes: () => Changes;
  trans: TranslationBundle;
}

function Form(props: IFormProps): JSX.Element {
  const { trans, api, planner } = props;
  const [fields, setFields] = React.useState({ ...props.fields });
  const [typed, setTyped] = React.useState(props.fields['--instance']);
  const [search, setSearch] = React.useState('');
  const [defaults, setDefaults] = React.useState<IConfigured | null>(null);
  const [catalogue, setCatalogue] = React.useState<ICatalogue | null>(null);
  const [problem, setProblem] = React.useState('');
  const [plan, setPlan] = React.useState('');
  const asked = React.useRef(0);
  React.useEffect(() => {
    // Where the server cannot tell, the kernel still knows.
    api.options().then(setDefaults, () => setDefaults({ configured: {}, default_backend: '', problem: '' }));
  }, [api]);
  const backend = fields['--backend'] || (defaults?.default_backend ?? 'local');
  const remote = backend !== 'local';
  React.useEffect(() => {
    let current = true;
    if (remote) {
      setProblem('');
      api.catalogue(backend).then(
        found => current && setCatalogue(found),
        reason => current && setProblem(reasonOf(reason))
      );
    }
    return () => {
      current = false;
    };
  }, [api, backend, remote]);
  const set = (change: Partial<Fields>) => {
    props.change(change);
    setFields(before => ({ ...before, ...change }));
    asked.current++; // the answer to come was to another question
    setPlan('');
  };
  const configured = (name: string): string => {
    const found = defaults?.configured[name]?.value;
    return found === undefined || found === null ? '' : name === 'timeout' ? duration(Number(found)) : String(found);
  };
  const change = (name: keyof Fields, value: string) => {
    const instead = name === '--gpu' && value.trim() !== '';
    set(instead ? { '--gpu': value, '--instance': '' } : { [name]: value });
    if (instead) {
      setTyped('');
    }
  };
  const text = (name: keyof Fields, label: string, example: string, list?: string) => {
    const known = configured(name.slice(2).replace('-', '_'));
    return (
      <label>
        <span>{label}</span>
        <input
          className="jp-mod-styled"
          name={name.slice(2)}
          value={fields[name]}
          placeholder={known ? trans.__('%1, as configured', known) : example}
          list={list}
          onChange={event => change(name, event.target.value)}
        />
      </label>
    );
  };
  const places: Record<string, string> = {
    local: trans.__('A process on this machine (local)'),
    sagemaker: trans.__('A SageMaker Processing job')
  };
  const configuredPlace = defaults?.default_backend && trans.__('As configured: %1', places[defaults.default_backend] ?? defaults.default_backend);
  const find = (text: string) => {
    setTyped(text);
    setSearch(text);
    set({ '--instance': INSTANCE.test(text) ? text : '' });
  };
  const choose = (name: string) => {
    setTyped(name); // the list stays as it was searched
    set({ '--instance': name, '--gpu': '' }); // they contradict
  };
  const showPlan = () => {
    const question = ++asked.current;
    const show = (found: string) => asked.current === question && setPlan(found);
    setPlan(planner.busy() ? trans.__('The kernel is busy. It answers when its cell has ended…') : trans.__('Asking the kernel…'));
    planner.plan(props.changes()).then(show, reason => show(reasonOf(reason)));
  };
  return (
    <div className="nbp-Form">
      <label>
        <span>{trans.__('Where')}</span>
        <HTMLSelect
          name="backend"
          value={fields['--backend']}
          onChange={event => set({ '--backend': event.target.value })}
        >
          <option value="">{configuredPlace || trans.__('As configured')}</option>
          {Object.entries(places).map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </HTMLSelect>
      </label>
      {text('--timeout', trans.__('Time limit'), trans.__('for example 30m or 2h'))}
      {text('--max-cost', trans.__('Cost cap (USD)'), trans.__('for example 2.50'))}
      {remote && text('--gpu', trans.__('GPU'), trans.__('for example T4; empty: none'), 'nbp-gpus')}
      {remote && (
        <label>
          <span>{trans.__('Instance type')}</span>
          <input
            className="jp-mod-styled"
            name="instance"
            value={typed}
            placeholder={configured('instance') ? trans.__('%1, as configured', configured('instance')) : trans.__('search: m5, 16 GB, 4 vCPU, T4')}
            onChange={event => find(event.target.value)}
          />
        </label>
      )}
      <datalist id="nbp-gpus">{catalogue?.gpus.map(gpu => <option key={gpu} value={gpu} />)}</datalist>
      {remote && catalogue && <Instances all={catalogue.instances} search={search} chosen={fields['--instance']} choose={choose} problem={catalogue.problem} trans={trans} />}
      {remote && problem && <p className="nbp-Notice">{trans.__('The catalogue of instances cannot be shown: %1', problem)}</p>}
      <button type="button" className="jp-mod-styled nbp-Form-plan" onClick={showPlan}>
        {trans.__('Show what would be sent')}
      </button>
      {plan && (
        <pre className="nbp-Text nbp-Plan" aria-live="polite" tabIndex={0}>
          {plan}
        </pre>
      )}
    </div>
  );
}
