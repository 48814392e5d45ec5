/** Names that several modules share. Imports nothing of its siblings. */

import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

export const PLUGIN_ID = 'nbprocess:plugin';

export const CommandIDs = {
  show: 'nbprocess:show-jobs',
  open: 'nbprocess:open-job',
  stop: 'nbprocess:stop-job',
  rerun: 'nbprocess:rerun-job',
  remove: 'nbprocess:delete-job',
  load: 'nbprocess:load-results',
  offload: 'nbprocess:run-on',
  keep: 'nbprocess:run-here'
};

/** Execute a command of the application. */
export type Run = (command: string, args?: ReadonlyPartialJSONObject) => void;
