/**
 * What the commands do to notebooks: write the magic line, run it, insert the cell that loads results, mark cells.
 * Imports: magicline, @jupyterlab/notebook.
 */

import { INotebookTracker, NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import { KernelMessage } from '@jupyterlab/services';

import { Changes, isOffloaded, writeOptions } from './magicline';
import { plain } from './format';

const LOAD = 'get_ipython().extension_manager.load_extension("nbprocess")';
const BADGE = 'nbp-mod-offloaded';

/** Run Python in the notebook's kernel and gather what it prints or shows as text. */
export async function evaluate(panel: NotebookPanel, code: string): Promise<string> {
  const kernel = panel.sessionContext.session?.kernel;
  if (!kernel) {
    throw new Error('The notebook has no kernel. Start one, then try again.');
  }
  let text = '';
  const future = kernel.requestExecute({ code, store_history: false, stop_on_error: false });
  future.onIOPub = (message: KernelMessage.IIOPubMessage) => {
    if (KernelMessage.isStreamMsg(message)) {
      text += message.content.text;
    } else if (KernelMessage.isDisplayDataMsg(message) || KernelMessage.isExecuteResultMsg(message)) {
      text += [(message.content.data['text/plain'] as string | string[] | undefined) ?? ''].flat().join('') + '\n';
    } else if (KernelMessage.isErrorMsg(message)) {
      text += `${message.content.ename}: ${message.content.evalue}\n`;
    }
  };
  await future.done;
  return plain(text).trim();
}

/** What the cell would send with these changes, as the kernel tells it. */
export async function plan(panel: NotebookPanel, source: string, changes: Changes): Promise<string> {
  await evaluate(panel, LOAD);
  return evaluate(panel, writeOptions(source, { ...changes, '--dry-run': '' }));
}

/** Change the active cell's magic line and run the cell. */
export async function runOn(panel: NotebookPanel, changes: Changes): Promise<void> {
  const cell = panel.content.activeCell;
  if (!cell || cell.model.type !== 'code') {
    return;
  }
  cell.model.sharedModel.setSource(writeOptions(cell.model.sharedModel.getSource(), changes));
  await evaluate(panel, LOAD);
  await NotebookActions.run(panel.content, panel.sessionContext);
}

/** Take the magic line away: the cell runs in the notebook's kernel again. */
export function runHere(panel: NotebookPanel): void {
  const model = panel.content.activeCell?.model.sharedModel;
  if (model && isOffloaded(model.getSource())) {
    model.setSource(model.getSource().replace(/^\s*%%processing[^\n]*\n?/, ''));
  }
}

/** Insert the cell that loads a job's results below the active one, and run it. */
export async function loadResults(panel: NotebookPanel, name: string): Promise<void> {
  NotebookActions.insertBelow(panel.content);
  panel.content.activeCell!.model.sharedModel.setSource(`%processing_attach ${name}`);
  await evaluate(panel, LOAD);
  await NotebookActions.run(panel.content, panel.sessionContext);
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
