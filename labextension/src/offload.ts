/**
 * What the commands do to notebooks: write the magic line, run it, insert the cell that loads results, mark cells.
 * Imports: magicline, format, @jupyterlab/notebook and services.
 */

import type { Cell } from '@jupyterlab/cells';
import { INotebookTracker, NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import { Kernel, KernelMessage } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { plain } from './format';
import { Changes, isOffloaded, removeMagic, writeOptions } from './magicline';

const LOAD = 'get_ipython().extension_manager.load_extension("nbprocess")';
const BADGE = 'nbp-mod-offloaded';

/** The notebook's kernel. Throws an Error where there is none, or one that knows no magics. */
async function pythonKernel(panel: NotebookPanel, trans: TranslationBundle): Promise<Kernel.IKernelConnection> {
  const kernel = panel.sessionContext.session?.kernel;
  if (!kernel) {
    throw new Error(trans.__('The notebook has no kernel. Start one, then try again.'));
  }
  const { name } = (await kernel.info).language_info;
  if (name !== 'python') {
    throw new Error(trans.__('The kernel of this notebook runs %1. Only cells of a Python kernel can be offloaded.', name));
  }
  return kernel;
}

/** Run Python in a kernel and gather what it prints or shows as text. Throws an Error with the name of what it raised. */
async function evaluate(kernel: Kernel.IKernelConnection, code: string): Promise<string> {
  let text = '';
  const future = kernel.requestExecute({ code, store_history: false, stop_on_error: false });
  future.onIOPub = (message: KernelMessage.IIOPubMessage) => {
    if (KernelMessage.isStreamMsg(message)) {
      text += message.content.text;
    } else if (KernelMessage.isDisplayDataMsg(message) || KernelMessage.isExecuteResultMsg(message)) {
      text += [(message.content.data['text/plain'] as string | string[] | undefined) ?? ''].flat().join('') + '\n';
    }
  };
  const { content } = await future.done;
  if (content.status === 'error') {
    const error = new Error(content.ename === 'UsageError' ? content.evalue : `${content.ename}: ${content.evalue}`);
    error.name = content.ename;
    throw error;
  }
  return plain(text).trim();
}

/** Load the extension into the kernel. Settles when the kernel comes to it: a busy one is not waited for by the caller. */
async function load(kernel: Kernel.IKernelConnection, trans: TranslationBundle): Promise<void> {
  try {
    await evaluate(kernel, LOAD);
  } catch (error) {
    const missing = (error as Error).name === 'ModuleNotFoundError' && (error as Error).message.includes("'nbprocess'");
    throw missing
      ? new Error(trans.__('nbprocess is not installed where the kernel of this notebook runs. Run "%pip install nbprocess" in a cell, then try again.'))
      : error;
  }
}

/** What the cell would send with these changes, as the kernel tells it. */
export async function plan(panel: NotebookPanel, source: string, changes: Changes, trans: TranslationBundle): Promise<string> {
  const kernel = await pythonKernel(panel, trans);
  await load(kernel, trans);
  return evaluate(kernel, writeOptions(source, { ...changes, '--dry-run': '' }));
}

/** Change a cell's magic line and run the cell. */
export async function runOn(panel: NotebookPanel, cell: Cell, changes: Changes, trans: TranslationBundle): Promise<void> {
  const kernel = await pythonKernel(panel, trans);
  setSource(cell, writeOptions(cell.model.sharedModel.getSource(), changes));
  await loadAndRun(panel, cell, kernel, trans);
}

/** Take the magic line away: the cell runs in the notebook's kernel again. */
export function runHere(cell: Cell): void {
  const source = cell.model.sharedModel.getSource();
  if (isOffloaded(source)) {
    setSource(cell, removeMagic(source));
  }
}

/** Insert the cell that loads a job's results below the active one, and run it. */
export async function loadResults(panel: NotebookPanel, name: string, trans: TranslationBundle): Promise<void> {
  const kernel = await pythonKernel(panel, trans);
  NotebookActions.insertBelow(panel.content);
  const cell = panel.content.activeCell!;
  setSource(cell, `%processing_attach ${name}`);
  await loadAndRun(panel, cell, kernel, trans);
}

/** The cell waits in the kernel behind what loads the extension: whatever is clicked meanwhile, it is this one. */
async function loadAndRun(panel: NotebookPanel, cell: Cell, kernel: Kernel.IKernelConnection, trans: TranslationBundle): Promise<void> {
  const loaded = load(kernel, trans);
  await Promise.all([loaded, NotebookActions.runCells(panel.content, [cell], panel.sessionContext)]);
}

/** Write only what differs, so that the cursor stays where it is and one undo takes it back. */
function setSource(cell: Cell, text: string): void {
  const model = cell.model.sharedModel;
  const before = model.getSource();
  const most = Math.min(before.length, text.length);
  let start = 0;
  while (start < most && before[start] === text[start]) {
    start++;
  }
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === text[text.length - 1 - end]) {
    end++;
  }
  model.updateSource(start, before.length - end, text.slice(start, text.length - end));
}

/** Keep a mark on the offloaded cells of every notebook that is opened. */
export function markOffloaded(tracker: INotebookTracker): void {
  tracker.widgetAdded.connect((_, panel) => {
    let asked = 0;
    const mark = () => {
      asked = 0;
      for (const cell of panel.isDisposed ? [] : panel.content.widgets) {
        cell.toggleClass(BADGE, cell.model.type === 'code' && isOffloaded(cell.model.sharedModel.getSource()));
      }
    };
    const soon = () => {
      asked = asked || requestAnimationFrame(mark); // once for a burst of changes
    };
    panel.content.modelContentChanged.connect(soon);
    panel.disposed.connect(() => cancelAnimationFrame(asked));
    void panel.context.ready.then(soon);
  });
}
