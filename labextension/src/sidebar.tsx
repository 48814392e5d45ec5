/**
 * The sidebar "Processing jobs": a live list with search, filter, totals and actions.
 * Imports: model, format, @jupyterlab/apputils and ui-components.
 */

import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { ICodeCell } from '@jupyterlab/nbformat';
import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect, InputGroup, LabIcon, deleteIcon, downloadIcon, redoIcon, refreshIcon, stopIcon } from '@jupyterlab/ui-components';
import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';
import * as React from 'react';

import type { IJob } from './api';
import { Filter, duration, fileName, matching, money, when } from './format';
import { jobsIcon } from './icons';
import { MAGIC } from './magicline';
import type { JobsModel } from './model';
import { CommandIDs, Run } from './tokens';

const CELLS = 'application/vnd.jupyter.cells';
const DRAG_THRESHOLD = 5; // pixels, as the notebook's own

export class Sidebar extends ReactWidget {
  constructor(
    private readonly _model: JobsModel,
    private readonly _run: Run,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.id = 'nbprocess-jobs';
    this.title.icon = jobsIcon;
    this.title.caption = _trans.__('Processing jobs');
    this.addClass('nbp-Sidebar');
    this.addClass('nbp-pane'); // the colours of the views
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _trans.__('Processing jobs'));
  }

  protected onAfterShow(): void {
    void this._model.refresh();
  }

  protected render(): JSX.Element {
    return (
      <UseSignal signal={this._model.changed}>
        {() => <Jobs model={this._model} run={this._run} trans={this._trans} />}
      </UseSignal>
    );
  }
}

function Jobs(props: { model: JobsModel; run: Run; trans: TranslationBundle }): JSX.Element {
  const { model, run, trans } = props;
  const [search, setSearch] = React.useState('');
  const [filter, setFilter] = React.useState<Filter>('all');
  const found = matching(model.jobs, filter, search);
  const { totals } = model;
  return (
    <div className="nbp-Sidebar-body">
      <header className="nbp-Sidebar-head">
        <h2>{trans.__('Processing jobs')}</h2>
        <button
          className="jp-Button jp-mod-minimal nbp-Action"
          onClick={() => void model.refresh()}
          title={trans.__('Refresh')}
          aria-label={trans.__('Refresh the list of jobs')}
        >
          <refreshIcon.react tag="span" width="16px" height="16px" />
        </button>
      </header>
      <div className="nbp-Sidebar-filter">
        <InputGroup
          type="search"
          rightIcon="ui-components:search"
          value={search}
          placeholder={trans.__('Search jobs')}
          aria-label={trans.__('Search jobs by name, notebook or instance')}
          onChange={event => setSearch(event.target.value)}
        />
        <HTMLSelect
          value={filter}
          aria-label={trans.__('Which jobs are shown')}
          onChange={event => setFilter(event.target.value as Filter)}
        >
          <option value="all">{trans.__('All')}</option>
          <option value="active">{trans.__('Active')}</option>
          <option value="done">{trans.__('Ended')}</option>
          <option value="failed">{trans.__('Failed')}</option>
        </HTMLSelect>
      </div>
      <div className="nbp-Sidebar-totals" aria-live="polite">
        {totals.running ? trans._n('%1 job running', '%1 jobs running', totals.running) : trans.__('No job running')}
        {totals.per_hour > 0 && ` · ${trans.__('%1/h', money(totals.per_hour))}`}
        <span title={trans.__('What the jobs that began today (UTC) have cost so far')}> · {trans.__('%1 today', money(totals.today))}</span>
      </div>
      <Notice model={model} trans={trans} />
      <ul className="nbp-Jobs" aria-label={trans.__('Jobs')}>
        {found.map(job => (
          <Row key={job.name} job={job} run={run} trans={trans} />
        ))}
      </ul>
      {model.ready && found.length === 0 && (
        <p className="nbp-Muted">
          {model.jobs.length
            ? trans.__('No job matches.')
            : trans.__('No jobs yet. Choose "Run on…" in the toolbar of a cell, or write %1 on top of it.', MAGIC)}
        </p>
      )}
    </div>
  );
}

function Notice(props: { model: JobsModel; trans: TranslationBundle }): JSX.Element | null {
  const { model, trans } = props;
  if (model.missing) {
    return (
      <p className="nbp-Notice">
        {trans.__(
          'This Jupyter server does not run the nbprocess server extension, so jobs cannot be listed here. Offloaded ' +
            'cells work all the same. To list jobs: pip install nbprocess where the server runs, then restart it.'
        )}
      </p>
    );
  }
  const texts = model.error ? [trans.__('Jobs cannot be listed: %1', model.error)] : model.problems;
  return texts.length ? <p className="nbp-Notice">{texts.join('\n')}</p> : null;
}

function Row(props: { job: IJob; run: Run; trans: TranslationBundle }): JSX.Element {
  const { job, run, trans } = props;
  const act = (command: string, label: string, icon: LabIcon) => (
    <button
      className="jp-Button jp-mod-minimal nbp-Action"
      title={label}
      aria-label={`${label}: ${job.name}`}
      onClick={() => run(command, { name: job.name })}
    >
      <icon.react tag="span" width="16px" height="16px" />
    </button>
  );
  return (
    <li className="nbp-Job" data-status={job.status} data-tone={job.tone} data-job={job.name} onPointerDown={event => watchDrag(event, job)}>
      <button
        className="nbp-Job-open"
        onClick={() => run(CommandIDs.open, { name: job.name })}
        title={trans.__('Open %1. Drag it into a notebook to load its results there.', job.name)}
      >
        <span className="nbp-Job-name">{job.name}</span>
        <span className="nbp-Job-status">
          <span>
            <b>{job.word}</b> · {duration(job.elapsed)}
            {job.cost !== null && ` · ${money(job.cost)}`}
          </span>
          <span className="nbp-Job-when">{when(job.created, Date.now() / 1000)}</span>
        </span>
        <span className="nbp-Job-place" title={job.notebook}>
          {[job.backend, job.instance_type, fileName(job.notebook)].filter(Boolean).join(' · ')}
        </span>
        {!job.terminal && job.fraction !== null && <progress value={job.fraction} max={1} aria-label={job.doing || job.word} />}
        {job.failure && !(job.status === 'Stopped' && job.stop_requested) && <span className="nbp-Job-failure">{job.failure.split('\n')[0]}</span>}
      </button>
      <span className="nbp-Job-actions">
        {!job.terminal && act(CommandIDs.stop, trans.__('Stop'), stopIcon)}
        {job.terminal && act(CommandIDs.load, trans.__('Load results into the notebook'), downloadIcon)}
        {job.terminal && act(CommandIDs.rerun, trans.__('Run again'), redoIcon)}
        {job.terminal && act(CommandIDs.remove, trans.__('Delete'), deleteIcon)}
      </span>
    </li>
  );
}

/** The cell that loads a job's results. */
export function attachCell(name: string): ICodeCell {
  return { cell_type: 'code', source: `%processing_attach ${name}`, metadata: {}, outputs: [], execution_count: null };
}

/** Begin a drag when the pointer leaves the place where it went down; the notebook takes what it would take of cells. */
function watchDrag(down: React.PointerEvent, job: IJob): void {
  if (down.button !== 0) {
    return;
  }
  const release = () => {
    document.removeEventListener('pointermove', move, true);
    document.removeEventListener('pointerup', release, true);
  };
  const move = (event: PointerEvent) => {
    if (Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) < DRAG_THRESHOLD) {
      return;
    }
    release();
    const mimeData = new MimeData();
    mimeData.setData(CELLS, [attachCell(job.name)]);
    mimeData.setData('text/plain', `%processing_attach ${job.name}`);
    const dragImage = document.createElement('div');
    dragImage.className = 'nbp-DragImage';
    dragImage.textContent = job.name;
    const drag = new Drag({ mimeData, dragImage, supportedActions: 'copy-move', proposedAction: 'copy' });
    void drag.start(event.clientX, event.clientY).then(() => drag.dispose());
  };
  document.addEventListener('pointermove', move, true);
  document.addEventListener('pointerup', release, true);
}
