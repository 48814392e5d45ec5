/**
 * A job in the main area: log, code, displays, metrics, results, outputs and request.
 * Imports: model, jobhead, joblog, metrics, outputs, source, format, @jupyterlab/apputils and rendermime.
 */

import { MainAreaWidget, ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ICellEvent, IJob, IJobDetails, reasonOf } from './api';
import { size } from './format';
import { jobsIcon } from './icons';
import { JobHead } from './jobhead';
import { JobLog } from './joblog';
import { Metrics } from './metrics';
import type { JobsModel } from './model';
import { Outputs } from './outputs';
import { Source, useRendered } from './source';
import type { Run } from './tokens';

const NONE: ICellEvent[] = [];

interface IContext {
  model: JobsModel;
  rendermime: IRenderMimeRegistry;
  run: Run;
  trans: TranslationBundle;
}

/** The tab of one job. */
export function jobTab(name: string, context: IContext): MainAreaWidget {
  const content = ReactWidget.create(
    <UseSignal signal={context.model.changed}>
      {() => <JobPage name={name} seen={context.model.jobs.find(job => job.name === name)} {...context} />}
    </UseSignal>
  );
  content.addClass('nbp-JobTab');
  content.addClass('nbp-pane'); // the colours of the views
  const tab = new MainAreaWidget({ content });
  tab.toolbar.hide(); // it is empty
  tab.id = `nbprocess-job-${name}`;
  tab.title.label = name;
  tab.title.caption = context.trans.__('Job %1', name);
  tab.title.icon = jobsIcon;
  tab.title.closable = true;
  return tab;
}

function JobPage(props: IContext & { name: string; seen?: IJob }): JSX.Element {
  const { name, seen, model, run, trans, rendermime } = props;
  const [job, setJob] = React.useState<IJobDetails | null>(null);
  const [error, setError] = React.useState('');
  const [page, setPage] = React.useState('log');
  const [log] = React.useState(() => new JobLog(model.api, name, trans, () => void model.refresh()));
  React.useEffect(() => () => log.dispose(), [log]);
  const version = seen ? `${seen.status} ${seen.phase}` : '';
  React.useEffect(() => {
    let current = true;
    model.api.job(name).then(
      found => current && (setJob(found), setError('')),
      reason => current && setError(reasonOf(reason))
    );
    return () => {
      current = false;
    };
  }, [model.api, name, version, page]); // what one turns to is as it is now
  const now: IJob | null = seen ?? job;
  if (!now) {
    return <p className="nbp-Notice">{error || trans.__('Reading job %1…', name)}</p>;
  }
  const pages: Array<[string, string, () => JSX.Element]> = [
    ['log', trans.__('Log'), () => <Log log={log} hosts={now.hosts} ended={now.terminal} />],
    ['code', trans.__('Code'), () => <Code job={job} rendermime={rendermime} trans={trans} />],
    ['displays', trans.__('Displays'), () => <Displays events={job?.events ?? NONE} rendermime={rendermime} trans={trans} />],
    ['metrics', trans.__('Metrics'), () => <Metrics first={job?.usage ?? []} latest={now.usage} ended={now.terminal} trans={trans} />],
    ['results', trans.__('Results'), () => <Results job={now} trans={trans} />],
    ['outputs', trans.__('Outputs'), () => <Outputs name={name} outputs={job?.outputs ?? {}} ended={now.terminal} api={model.api} rendermime={rendermime} trans={trans} />],
    ['request', trans.__('Request'), () => <Source text={JSON.stringify(job?.describe ?? {}, null, 2)} language="json" rendermime={rendermime} trans={trans} />]
  ];
  const move = (event: React.KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step) {
      const at = pages.findIndex(([id]) => id === page);
      const next = pages[(at + step + pages.length) % pages.length][0];
      setPage(next);
      (event.currentTarget.querySelector(`[data-page=${next}]`) as HTMLElement).focus();
    }
  };
  const shown = pages.find(([id]) => id === page)!;
  return (
    <div className="nbp-JobPage" data-status={now.status}>
      <JobHead job={now} run={run} trans={trans} />
      <div role="tablist" aria-label={trans.__('Parts of the job')} className="nbp-Tabs" onKeyDown={move}>
        {pages.map(([id, label]) => (
          <button
            key={id}
            role="tab"
            data-page={id}
            aria-selected={id === page}
            tabIndex={id === page ? 0 : -1}
            onClick={() => setPage(id)}
          >
            {label}
          </button>
        ))}
      </div>
      <section role="tabpanel" aria-label={shown[1]} tabIndex={0} className="nbp-TabPanel">
        {error && <p className="nbp-Notice">{error}</p>}
        {shown[2]()}
      </section>
    </div>
  );
}

/** The pane outlives this: it keeps its search and its place while another part of the job is looked at. */
function Log(props: { log: JobLog; hosts: string[]; ended: boolean }): JSX.Element {
  const { log, hosts, ended } = props;
  const host = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    host.current!.append(log.node);
    return () => log.node.remove();
  }, [log]);
  React.useEffect(() => {
    log.pane.setHosts(hosts);
    log.pane.ended(ended);
  }, [log, hosts, ended]);
  React.useEffect(() => log.look(), [log, ended]);
  return <div ref={host} className="nbp-JobPage-log" />;
}

function Code(props: { job: IJobDetails | null; rendermime: IRenderMimeRegistry; trans: TranslationBundle }): JSX.Element {
  const { job, rendermime, trans } = props;
  if (job && !job.code) {
    return <p className="nbp-Muted">{trans.__('The job runs no cell: its request says what it does.')}</p>;
  }
  const text = `%%processing ${job?.options ?? ''}`.trim() + `\n${job?.code ?? ''}`;
  return <Source text={text} language="python" rendermime={rendermime} trans={trans} />;
}

function Displays(props: { events: ICellEvent[]; rendermime: IRenderMimeRegistry; trans: TranslationBundle }): JSX.Element {
  const { events, rendermime, trans } = props;
  const host = React.useRef<HTMLDivElement>(null);
  const bundles = React.useMemo(
    () =>
      remaining(events).map(event => ({
        data: event.type === 'stream' ? { 'application/vnd.jupyter.stdout': event.text ?? '' } : (event.data ?? {}),
        metadata: event.metadata
      })),
    [events]
  );
  useRendered(host, rendermime, bundles);
  return (
    <div ref={host} className="nbp-Displays">
      {events.length === 0 && <p className="nbp-Muted">{trans.__('The cell has displayed nothing, or has not ended.')}</p>}
    </div>
  );
}

/** What is left in the end: updates replace their display, clear_output empties the list. */
function remaining(events: ICellEvent[]): ICellEvent[] {
  let kept: ICellEvent[] = [];
  for (const event of events) {
    if (event.type === 'clear_output') {
      kept = [];
    } else if (event.type === 'update_display_data') {
      kept = kept.map(e => (e.display_id && e.display_id === event.display_id ? { ...event, type: e.type } : e));
    } else {
      kept.push(event);
    }
  }
  return kept;
}

function Results(props: { job: IJob; trans: TranslationBundle }): JSX.Element {
  const { job, trans } = props;
  return (
    <>
      {job.notices.map(notice => (
        <p key={notice} className="nbp-Notice">
          {notice}
        </p>
      ))}
      {job.variables.length === 0 && (
        <p className="nbp-Muted">{job.terminal ? trans.__('No values came back.') : trans.__('Values come back when the job has ended.')}</p>
      )}
      <div className="nbp-TableScroll" hidden={job.variables.length === 0}>
        <table className="nbp-Table">
          <thead>
            <tr>
              {[trans.__('Name'), trans.__('Type'), trans.__('Shape'), trans.__('Size'), trans.__('Status')].map(title => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {job.variables.map(v => (
              <tr key={v.name} title={v.reason}>
                <th scope="row">{v.name}</th>
                <td>{v.type}</td>
                <td>{v.shape}</td>
                <td>{v.size ? size(v.size) : ''}</td>
                <td>{v.reason ? `${v.word}: ${v.reason}` : v.word}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {job.peak_memory !== null && <p className="nbp-Muted">{trans.__('Peak memory: %1', size(job.peak_memory))}</p>}
    </>
  );
}
