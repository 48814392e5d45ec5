/**
 * The head of a job's tab: its state in a word and colour, progress, phases, machine, cost, links and what can be done.
 * Imports: api, format, tokens, the views' dom module, @jupyterlab/ui-components, React.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { copyText, isWebAddress } from '../../nbprocess/views/static/dom.js';
import type { IJob } from './api';
import { duration, fileName, when } from './format';
import { CommandIDs, Run } from './tokens';

export function JobHead(props: { job: IJob; run: Run; trans: TranslationBundle }): JSX.Element {
  const { job, run, trans } = props;
  const now = useClock(job);
  const act = (command: string, label: string, look: string) => (
    <button className={`jp-mod-styled ${look}`} onClick={() => run(command, { name: job.name })}>
      {label}
    </button>
  );
  const facts = [
    !job.machine.includes(job.backend) && job.backend,
    job.machine,
    job.cost_words,
    job.timeout && !job.terminal && trans.__('time limit %1', duration(job.timeout)),
    job.notebook && fileName(job.notebook),
    when(job.created, now)
  ];
  return (
    <header data-tone={job.tone}>
      <div className="nbp-JobPage-title">
        <h1>
          <span className="nbp-dot" aria-hidden="true" /> {job.name}
        </h1>
        <b className="nbp-Job-status" aria-live="polite">
          {job.word}
        </b>
        <span className="nbp-JobPage-time">{duration((job.ended ?? now) - job.created)}</span>
        <span className="nbp-JobPage-actions">
          {!job.terminal && act(CommandIDs.stop, trans.__('Stop'), 'jp-mod-warn')}
          {job.terminal && act(CommandIDs.load, trans.__('Load results'), 'jp-mod-accept')}
          {job.terminal && act(CommandIDs.rerun, trans.__('Run again'), '')}
          {job.terminal && act(CommandIDs.remove, trans.__('Delete…'), '')}
        </span>
      </div>
      {job.headline && job.headline !== job.word && !job.failure && <p className="nbp-JobPage-headline">{job.headline}</p>}
      {job.failure && <pre className="nbp-Failure">{job.failure}</pre>}
      {!job.terminal && (job.fraction !== null || job.doing) && (
        <div className="nbp-JobPage-progress">
          <progress value={job.fraction ?? undefined} max={1} aria-label={job.doing || job.word} />
          <span>{[job.fraction !== null && `${Math.round(job.fraction * 100)} %`, job.doing].filter(Boolean).join(' · ')}</span>
        </div>
      )}
      {job.phases.length > 0 && (
        <ol className="nbp-JobPage-phases" aria-label={trans.__('Phases')}>
          {job.phases.map(step => (
            <li key={`${step.phase} ${step.start}`} aria-current={step.end === null && !job.terminal ? 'step' : undefined}>
              {step.word} <span>{duration((step.end ?? job.ended ?? now) - step.start)}</span>
            </li>
          ))}
        </ol>
      )}
      <div className="nbp-JobPage-facts">
        {facts.filter(Boolean).map(text => (
          <span key={String(text)} title={text === job.cost_words ? job.price_note : undefined}>
            {text}
          </span>
        ))}
        {Object.entries(job.links).map(([title, target]) =>
          isWebAddress(target) ? (
            <a key={title} href={target} target="_blank" rel="noopener noreferrer">
              {title}
            </a>
          ) : (
            <Copy key={title} label={title} text={target} trans={trans} />
          )
        )}
        <Copy label={trans.__('Copy attach command')} text={job.attach} trans={trans} />
      </div>
    </header>
  );
}

/** A quiet button that copies a text and says so. */
export function Copy(props: { label: string; text: string; trans: TranslationBundle }): JSX.Element {
  const { label, text, trans } = props;
  const [said, setSaid] = React.useState('');
  React.useEffect(() => {
    const timer = said ? window.setTimeout(() => setSaid(''), 1500) : 0;
    return () => window.clearTimeout(timer);
  }, [said]);
  const copy = async () => setSaid((await copyText(text)) ? trans.__('copied') : trans.__('the browser does not allow it'));
  return (
    <button className="nbp-Copy" title={trans.__('Copy %1', text.length > 200 ? `${text.slice(0, 200)}…` : text)} onClick={() => void copy()}>
      {said || label}
      <copyIcon.react tag="span" width="12px" height="12px" />
    </button>
  );
}

/** POSIX seconds by the server's clock, every second while the job runs. */
function useClock(job: IJob): number {
  const skew = React.useRef(0);
  React.useEffect(() => {
    skew.current = job.created + job.elapsed - Date.now() / 1000; // an answer tells the server's time
  }, [job]);
  const [, tick] = React.useState(0);
  React.useEffect(() => {
    const timer = job.terminal ? 0 : window.setInterval(() => tick(n => n + 1), 1000);
    return () => window.clearInterval(timer);
  }, [job.terminal]);
  return Math.max(job.created + job.elapsed, Date.now() / 1000 + skew.current);
}
