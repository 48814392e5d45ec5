/**
 * The jobs as last seen, asked for regularly while somebody can see them, and who is told of changes.
 * Imports: api, @lumino.
 */

import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { Api, ExtensionMissing, IJob, IJobs, reasonOf } from './api';

const SELDOM = 60_000; // milliseconds between questions to a server that does not answer

export class JobsModel {
  constructor(readonly api: Api) {
    this._poll = new Poll<void, Error>({
      name: 'nbprocess:jobs',
      factory: () => this._ask(),
      frequency: { interval: 5000, backoff: true, max: SELDOM },
      standby: 'when-hidden'
    });
  }

  /** Something of the list changed, or it could not be had. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A job that was seen running has ended. */
  get ended(): ISignal<this, IJob> {
    return this._ended;
  }

  get jobs(): readonly IJob[] {
    return this._answer?.jobs ?? [];
  }

  get totals(): IJobs['totals'] {
    return this._answer?.totals ?? { running: 0, per_hour: 0, today: 0 };
  }

  get problems(): readonly string[] {
    return this._answer?.problems ?? [];
  }

  /** Whether the server ever answered. */
  get ready(): boolean {
    return this._answer !== null;
  }

  /** The server extension is not there. */
  get missing(): boolean {
    return this._error instanceof ExtensionMissing;
  }

  /** Why the last question was not answered; empty when it was. */
  get error(): string {
    return this._error ? reasonOf(this._error) : '';
  }

  set interval(seconds: number) {
    const interval = seconds * 1000;
    this._poll.frequency = { backoff: true, interval, max: Math.max(SELDOM, interval) };
  }

  /** Ask at once, for the jobs as they are now. */
  refresh(): Promise<void> {
    this._fresh = true;
    return this._poll.refresh();
  }

  async stop(name: string): Promise<void> {
    await this.api.stop(name);
    await this.refresh();
  }

  async remove(name: string): Promise<void> {
    await this.api.remove(name);
    await this.refresh();
  }

  async rerun(name: string): Promise<IJob> {
    const job = await this.api.rerun(name);
    await this.refresh();
    return job;
  }

  private async _ask(): Promise<void> {
    const before = this._answer;
    const fresh = this._fresh;
    this._fresh = false;
    try {
      this._answer = await this.api.jobs(fresh);
      this._error = null;
    } catch (error) {
      this._error = error as Error;
      this._changed.emit();
      throw error; // the poll backs off
    }
    const running = new Set(before?.jobs.filter(job => !job.terminal).map(job => job.name));
    this._changed.emit();
    for (const job of this._answer.jobs) {
      if (job.terminal && running.has(job.name)) {
        this._ended.emit(job);
      }
    }
  }

  private readonly _poll: Poll<void, Error>;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _ended = new Signal<this, IJob>(this);
  private _answer: IJobs | null = null;
  private _error: Error | null = null;
  private _fresh = false;
}
