/**
 * The log of one job in its tab: the pane that the job's card has too, fed by the server extension, not by a kernel.
 * Imports: the log pane of the views, api, @jupyterlab/translation (types), @lumino/polling.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';

import { LogPane } from '../../nbprocess/views/static/log.js';
import { Api, RequestFailed, reasonOf } from './api';

const INTERVAL = 1500; // milliseconds between looks at a log that grows

/** What the pane asks for. */
type Question = { type: 'rows'; start?: number; stop?: number } | { type: 'detail'; index: number } | { type: 'file' };

export class JobLog implements IDisposable {
  /** `ended` is called when the server says that the job has ended and its log is whole. */
  constructor(
    private readonly _api: Api,
    private readonly _name: string,
    private readonly _trans: TranslationBundle,
    private readonly _ended: () => void
  ) {
    this.pane = new LogPane({ send: (question: Question) => void this._answer(question), title: () => _name, folds: false });
    this._notice.className = 'nbp-Notice';
    this._notice.setAttribute('role', 'status');
    this._notice.hidden = true;
    this.node.className = 'nbp-JobLog';
    this.node.append(this._notice, this.pane.node);
    this._poll = new Poll({
      name: `nbprocess:log:${_name}`,
      factory: () => this._look(),
      frequency: { interval: INTERVAL, backoff: true, max: 8000 },
      standby: () => document.hidden || !this._seen
    });
    this._watch.observe(this.node);
  }

  readonly node = document.createElement('div');
  readonly pane: LogPane;

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    this._watch.disconnect();
    this._poll.dispose();
    this.pane.destroy();
  }

  /** Look now: the job has ended, or its server is back. */
  look(): void {
    if (!this.isDisposed) {
      void this._poll.refresh();
    }
  }

  private async _answer(question: Question): Promise<void> {
    try {
      if (question.type === 'detail') {
        this._receive(await this._api.line(this._name, question.index));
      } else if (question.type === 'file') {
        this._receive({ type: 'file', start: 0, last: true }, [await this._api.text(this._name)]);
      } else if (question.start === undefined) {
        await this._poll.refresh(); // a new search: from its first answer on it is looked after
      } else {
        // Who scrolls asks for much and stays nowhere: what was asked for last is answered first, the rest forgotten.
        this._wanted = [...this._wanted.slice(-1), [question.start, question.stop]];
        await (this._fetching ??= this._fetch());
      }
    } catch (reason) {
      this._say(reason);
    }
  }

  private async _fetch(): Promise<void> {
    try {
      for (let range = this._wanted.pop(); range && !this.isDisposed; range = this._wanted.pop()) {
        this._receive(await this._api.rows(this._name, this.pane.selection, ...range));
      }
    } finally {
      this._fetching = null;
    }
  }

  /** Ask for what is new, and go on while the server is still searching. */
  private async _look(): Promise<void> {
    const { selection } = this.pane;
    try {
      for (let searching = true; searching && !this.isDisposed && selection === this.pane.selection; ) {
        // From the last row on: a traceback that was still being printed has become longer.
        const found = await this._api.rows(this._name, selection, Math.max(0, this.pane.total - 1));
        this._receive(found);
        searching = found.scanned < found.lines;
        if (found.complete && !this.isDisposed && selection === this.pane.selection) {
          void this._poll.stop();
          this._ended();
        }
      }
    } catch (reason) {
      this._say(reason);
      if (reason instanceof RequestFailed && reason.status === 404) {
        void this._poll.stop(); // deleted
      }
      throw reason; // the poll backs off
    }
  }

  private _receive(message: object, buffers: Blob[] = []): void {
    if (!this.isDisposed) {
      this._notice.hidden = true;
      this.pane.receive(message, buffers);
    }
  }

  private _say(reason: unknown): void {
    this._notice.textContent = this._trans.__('The log cannot be read: %1', reasonOf(reason));
    this._notice.hidden = false;
    this.pane.describe();
  }

  private readonly _notice = document.createElement('p');
  private readonly _poll: Poll<void, Error>;
  private _wanted: Array<[number, number | undefined]> = [];
  private _fetching: Promise<void> | null = null;
  private _seen = false;
  private readonly _watch = new ResizeObserver(() => {
    const seen = this.node.clientHeight > 0;
    if (seen && !this._seen) {
      this.pane.shown();
    }
    this._seen = seen;
  });
}
