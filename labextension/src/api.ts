/**
 * The REST of the server extension, typed. Imports: @jupyterlab/services, coreutils, types of @lumino/coreutils.
 */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { PartialJSONObject } from '@lumino/coreutils';

export type Status = 'InProgress' | 'Completed' | 'Failed' | 'Stopping' | 'Stopped';

/** A job as `nbprocess.state.JobState` has it. Times are POSIX seconds, sizes bytes, costs USD. */
export interface IJob {
  name: string;
  backend: string;
  status: Status;
  phase: string;
  created: number;
  elapsed: number;
  ended: number | null;
  terminal: boolean;
  instance_type: string;
  instance_count: number;
  price_per_hour: number | null;
  cost: number | null;
  cost_max: number | null;
  timeout: number | null;
  /** What every view says of it: the state in a word and colour, what it does and how far it is (0 to 1). */
  word: string;
  tone: 'ok' | 'error' | 'warn' | 'busy';
  doing: string;
  fraction: number | null;
  phases: Array<{ phase: string; word: string; start: number; end: number | null }>;
  machine: string;
  cost_words: string;
  price_note: string;
  attach: string;
  headline: string;
  failure: string;
  stop_requested: boolean;
  variables: Array<{ name: string; status: string; word: string; type: string; shape: string; size: number; reason: string }>;
  notices: string[];
  peak_memory: number | null;
  usage: IUsage[];
  links: Record<string, string>;
  notebook: string;
  hosts: string[];
}

/** One sample of a machine: cpu and gpu in percent of one core or device, the rest in bytes. */
export interface IUsage {
  time: number;
  host: string;
  cpu: number | null;
  memory: number | null;
  memory_total: number | null;
  disk: number | null;
  gpu: number | null;
  gpu_memory: number | null;
}

/** One message that the cell made, as in `events.jsonl`. */
export interface ICellEvent {
  type: 'stream' | 'display_data' | 'update_display_data' | 'execute_result' | 'clear_output';
  text?: string;
  name?: string;
  data?: PartialJSONObject;
  metadata?: PartialJSONObject;
  display_id?: string | null;
}

export interface IJobDetails extends IJob {
  code: string;
  options: string;
  events: ICellEvent[];
  outputs: Record<string, string>;
  describe: PartialJSONObject;
}

export interface IJobs {
  jobs: IJob[];
  totals: { running: number; per_hour: number; today: number };
  problems: string[];
}

/** What a log pane shows: a text that lines have, the least level (0 to 3), one host or all. */
export interface ISelection {
  query: string;
  level: number;
  host: string;
}

/** Rows of a selection as `nbprocess/views/logfeed.py` writes them; `static/log.js` reads them. */
export interface IRows {
  type: 'rows';
  selection: ISelection;
  start: number;
  rows: unknown[];
  total: number;
  scanned: number;
  lines: number;
  complete: boolean;
}

export interface IInstance {
  name: string;
  price?: number | null;
  as_of?: string;
  vcpus?: number;
  memory?: number;
  gpu?: string;
  /** How many may run at once in this account; null or absent: not known. */
  quota?: number | null;
}

export interface ICatalogue {
  instances: IInstance[];
  gpus: string[];
  /** Why there are no prices and quotas; empty when they could be asked for. */
  problem: string;
}

/** The configuration: the defaults of options by their names (`max_cost`), and which file or variable has them. */
export interface IConfigured {
  configured: Record<string, { value: string | number | boolean | string[] | null; where: string }>;
  default_backend: string;
  problem: string;
}

/** The server has no nbprocess extension: not installed there, or not enabled. */
export class ExtensionMissing extends Error {}

/** The server refused or failed; the message is its reason in plain words. */
export class RequestFailed extends Error {
  constructor(
    reason: string,
    readonly status: number
  ) {
    super(reason);
  }
}

/** The reason of a rejected promise in words. */
export function reasonOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

export class Api {
  constructor(
    private readonly _settings: ServerConnection.ISettings,
    private readonly _trans: TranslationBundle
  ) {}

  /** `fresh`: not what was listed for somebody else a moment ago. */
  jobs = (fresh: boolean): Promise<IJobs> => this._json(fresh ? 'jobs?fresh=1' : 'jobs');
  job = (name: string): Promise<IJobDetails> => this._json(`jobs/${name}`);
  line = (name: string, index: number): Promise<object> => this._json(`jobs/${name}/log/lines/${index}`);
  stop = (name: string): Promise<IJob> => this._json(`jobs/${name}/stop`, 'POST');
  rerun = (name: string): Promise<IJob> => this._json(`jobs/${name}/rerun`, 'POST');
  remove = (name: string): Promise<void> => this._json(`jobs/${name}`, 'DELETE');
  options = (): Promise<IConfigured> => this._json('options');
  catalogue = (backend: string): Promise<ICatalogue> => this._json(`catalogue?backend=${encodeURIComponent(backend)}`);
  files = (name: string, output: string): Promise<{ files: Array<{ path: string; size: number }>; more: boolean }> =>
    this._json(`jobs/${name}/outputs/${output}`);

  /** Rows `start` to `stop` of a selection of the log; without `stop` its last ones, from `start` on. */
  rows(name: string, selection: ISelection, start: number, stop?: number): Promise<IRows> {
    const query = new URLSearchParams({ query: selection.query, host: selection.host, level: String(selection.level), start: String(start) });
    if (stop !== undefined) {
      query.set('stop', String(stop));
    }
    return this._json(`jobs/${name}/log/rows?${query}`);
  }

  /** The whole log. */
  async text(name: string): Promise<Blob> {
    return (await this._request(`jobs/${name}/log/file`, 'GET')).blob();
  }

  /** At most so many bytes of a file of an output, from byte `start` on. */
  async read(name: string, output: string, path: string, start: number, bytes: number): Promise<Blob> {
    const query = `path=${encodeURIComponent(path)}&start=${start}&size=${bytes}`;
    return (await this._request(`jobs/${name}/outputs/${output}/file?${query}`, 'GET')).blob();
  }

  private async _json<T>(path: string, method = 'GET'): Promise<T> {
    const response = await this._request(path, method);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  private async _request(path: string, method: string): Promise<Response> {
    const url = URLExt.join(this._settings.baseUrl, 'nbprocess', 'api') + '/' + path;
    const body = method === 'POST' ? { body: '{}' } : {};
    const response = await ServerConnection.makeRequest(url, { method, ...body }, this._settings).catch((reason: Error) => {
      // Browsers say no more than "Failed to fetch".
      throw reason instanceof ServerConnection.NetworkError ? new Error(this._trans.__('the Jupyter server does not answer')) : reason;
    });
    if (response.ok) {
      return response;
    }
    const text = await response.text();
    let refused: { error?: string; reason?: string } = {};
    try {
      refused = JSON.parse(text) as typeof refused;
    } catch {
      // Not from the extension, whose errors are all JSON: a proxy's page.
    }
    if (response.status === 404 && !refused.error) {
      throw new ExtensionMissing(this._trans.__('this Jupyter server does not run the nbprocess server extension')); // Jupyter's own 404
    }
    throw new RequestFailed(refused.reason || `${response.status} ${response.statusText}`, response.status);
  }
}
