/**
 * A job in the main area: log, code, displays, metrics, results, outputs and request.
 * Imports: model, joblog, metrics, format, @jupyterlab/apputils and rendermime.
 */

import { MainAreaWidget, ReactWidget, UseSignal } from '@jupyterlab/apputils';
import { IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { ICellEvent, IJob, IJobDetails, reasonOf } from './api';
import { duration, money, size } from './format';
import { jobsIcon } from './icons';
import { JobLog } from './joblog';
import { Metrics } from './metrics';
import type { JobsModel } from './model';
import { CommandIDs, Run } from './tokens';

const PREVIEW_BYTES = 65_536;

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
  }, [model.api, name, version]);
  const now: IJob | null = seen ?? job;
  if (!now) {
    return <p className="nbp-Notice">{error || trans.__('Reading job %1…', name)}</p>;
  }
  const pages: Array<[string, string, () => JSX.Element]> = [
    ['log', trans.__('Log'), () => <Log log={log} hosts={now.hosts} ended={now.terminal} />],
    ['code', trans.__('Code'), () => <pre className="nbp-Text">{`%%processing ${job?.options ?? ''}\n${job?.code ?? ''}`}</pre>],
    ['displays', trans.__('Displays'), () => <Displays events={job?.events ?? []} rendermime={rendermime} trans={trans} />],
    ['metrics', trans.__('Metrics'), () => <Metrics first={job?.usage ?? []} latest={now.usage} trans={trans} />],
    ['results', trans.__('Results'), () => <Results job={now} trans={trans} />],
    ['outputs', trans.__('Outputs'), () => <Outputs name={name} outputs={job?.outputs ?? {}} model={model} trans={trans} />],
    ['request', trans.__('Request'), () => <pre className="nbp-Text">{JSON.stringify(job?.describe ?? {}, null, 2)}</pre>]
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
      <header>
        <h1>{name}</h1>
        <div className="nbp-JobPage-facts" aria-live="polite">
          <b className="nbp-Job-status">{now.status}</b>
          <span>{now.headline}</span>
          <span>
            {[
              now.backend,
              now.instance_type && `${now.instance_count > 1 ? `${now.instance_count} × ` : ''}${now.instance_type}`,
              duration(now.elapsed),
              now.cost !== null && money(now.cost)
            ]
              .filter(Boolean)
              .join(' · ')}
          </span>
        </div>
        {now.failure && <pre className="nbp-Failure">{now.failure}</pre>}
        <div className="nbp-JobPage-actions">
          {!now.terminal && (
            <button className="jp-mod-styled jp-mod-warn" onClick={() => run(CommandIDs.stop, { name })}>
              {trans.__('Stop')}
            </button>
          )}
          {now.terminal && (
            <button className="jp-mod-styled jp-mod-accept" onClick={() => run(CommandIDs.load, { name })}>
              {trans.__('Load results')}
            </button>
          )}
          {now.terminal && (
            <button className="jp-mod-styled" onClick={() => run(CommandIDs.rerun, { name })}>
              {trans.__('Run again')}
            </button>
          )}
        </div>
      </header>
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
  return <div ref={host} className="nbp-JobPage-log" />;
}

function Displays(props: { events: ICellEvent[]; rendermime: IRenderMimeRegistry; trans: TranslationBundle }): JSX.Element {
  const { events, rendermime, trans } = props;
  const host = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    const made: Widget[] = [];
    for (const event of remaining(events)) {
      const data = event.type === 'stream' ? { 'application/vnd.jupyter.stdout': event.text ?? '' } : (event.data ?? {});
      // Not trusted: what a job wrote is sanitised, as in a notebook that somebody sent.
      const mimeType = rendermime.preferredMimeType(data, 'ensure');
      if (mimeType && host.current) {
        const renderer = rendermime.createRenderer(mimeType);
        void renderer.renderModel(new MimeModel({ data, metadata: event.metadata ?? {}, trusted: false }));
        Widget.attach(renderer, host.current);
        made.push(renderer);
      }
    }
    return () => made.forEach(widget => widget.dispose());
  }, [events, rendermime]);
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
      <table className="nbp-Table">
        <thead>
          <tr>
            {[trans.__('Name'), trans.__('Status'), trans.__('Type'), trans.__('Shape'), trans.__('Size')].map(title => (
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
              <td>{v.reason ? `${v.status}: ${v.reason}` : v.status}</td>
              <td>{v.type}</td>
              <td>{v.shape}</td>
              <td>{size(v.size)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {job.peak_memory !== null && <p className="nbp-Muted">{trans.__('Peak memory: %1', size(job.peak_memory))}</p>}
    </>
  );
}

function Outputs(props: { name: string; outputs: Record<string, string>; model: JobsModel; trans: TranslationBundle }): JSX.Element {
  const { name, outputs, model, trans } = props;
  const [files, setFiles] = React.useState<Array<{ output: string; path: string; size: number }>>([]);
  const [preview, setPreview] = React.useState<{ path: string; text: string; image: string } | null>(null);
  const [error, setError] = React.useState('');
  const list = Object.keys(outputs).join('\n'); // equal from one answer to the next
  React.useEffect(() => {
    Promise.all(
      list.split('\n').filter(Boolean).map(async output => (await model.api.files(name, output)).files.map(file => ({ output, ...file })))
    ).then(
      lists => setFiles(lists.flat()),
      reason => setError(reasonOf(reason))
    );
  }, [model.api, name, list]);
  React.useEffect(() => () => URL.revokeObjectURL(preview?.image ?? ''), [preview]);
  const show = async (output: string, path: string) => {
    try {
      const picture = /\.(png|jpe?g|gif|webp)$/i.exec(path);
      const blob = await model.api.read(name, output, path, picture ? 8 * 2 ** 20 : PREVIEW_BYTES);
      const image = picture ? URL.createObjectURL(blob.slice(0, blob.size, `image/${picture[1].toLowerCase().replace('jpg', 'jpeg')}`)) : '';
      setPreview({ path, image, text: image ? '' : await blob.text() });
    } catch (reason) {
      setError((reason as Error).message);
    }
  };
  return (
    <>
      {error && <p className="nbp-Notice">{error}</p>}
      {!list && <p className="nbp-Muted">{trans.__('The job has no --output of its own.')}</p>}
      <ul className="nbp-Files">
        {files.map(file => (
          <li key={`${file.output}/${file.path}`}>
            <button className="jp-Button jp-mod-minimal" onClick={() => void show(file.output, file.path)}>
              {file.output}/{file.path}
            </button>{' '}
            <span className="nbp-Muted">{size(file.size)}</span>
          </li>
        ))}
      </ul>
      {preview && (
        <figure className="nbp-Preview">
          <figcaption>{preview.path}</figcaption>
          {preview.image ? <img src={preview.image} alt={preview.path} /> : <pre className="nbp-Text">{preview.text}</pre>}
        </figure>
      )}
    </>
  );
}
