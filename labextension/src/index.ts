/**
 * The plugin: puts the sidebar, the job tabs, the dialog, the status item and the commands together.
 * Works in JupyterLab and in Notebook; what a host lacks (status bar, palette) is left out.
 */

import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import {
  Dialog,
  ICommandPalette,
  InputDialog,
  MainAreaWidget,
  Notification,
  WidgetTracker,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, TranslationBundle, nullTranslator } from '@jupyterlab/translation';

import { Api, IJob } from './api';
import { askWhere } from './dialog';
import { jobsIcon } from './icons';
import { jobTab } from './jobtab';
import type { Changes } from './magicline';
import { JobsModel } from './model';
import { loadResults, markOffloaded, plan, runHere, runOn } from './offload';
import { Sidebar } from './sidebar';
import { statusItem } from './status';
import { CommandIDs, PLUGIN_ID, Run } from './tokens';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Processing jobs: sidebar, job tabs, "Run on…" for cells.',
  autoStart: true,
  requires: [INotebookTracker, IRenderMimeRegistry],
  optional: [ITranslator, ISettingRegistry, ICommandPalette, IStatusBar, ILabShell, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null,
    settings: ISettingRegistry | null,
    palette: ICommandPalette | null,
    statusBar: IStatusBar | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('nbprocess');
    const model = new JobsModel(new Api(app.serviceManager.serverSettings, trans));
    const run: Run = (command, args) => void app.commands.execute(command, args);
    const sidebar = new Sidebar(model, run, trans);
    app.shell.add(sidebar, 'left', { rank: 550, type: 'Processing jobs' });
    markOffloaded(tracker);
    const tabs = addCommands(app, labShell, tracker, model, rendermime, sidebar, trans);
    restorer?.add(sidebar, sidebar.id);
    const nameOf = (tab: MainAreaWidget) => tab.title.label;
    void restorer?.restore(tabs, { command: CommandIDs.open, args: tab => ({ name: nameOf(tab) }), name: nameOf });
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category: trans.__('Processing jobs') });
    }
    statusBar?.registerStatusItem('nbprocess:status', {
      item: statusItem(model, () => run(CommandIDs.show), trans),
      align: 'left',
      rank: 90
    });
    let notify = true;
    const apply = (found: ISettingRegistry.ISettings) => {
      model.interval = found.get('pollSeconds').composite as number;
      notify = found.get('notify').composite as boolean;
    };
    settings?.load(PLUGIN_ID).then(
      found => {
        apply(found);
        found.changed.connect(apply);
      },
      reason => console.warn(`nbprocess: the settings cannot be read, defaults hold: ${reason}`)
    );
    model.ended.connect((_, job) => notify && announce(job, run, trans));
    // The tracker knows the notebook in front, also while the sidebar has the focus.
    tracker.currentChanged.connect(() => app.commands.notifyCommandChanged());
    labShell?.activeChanged.connect(() => app.commands.notifyCommandChanged());
  }
};

function announce(job: IJob, run: Run, trans: TranslationBundle): void {
  const failed = job.status === 'Failed';
  Notification.emit(
    failed ? trans.__('Job %1 failed: %2', job.name, job.failure.split('\n')[0]) : trans.__('Job %1: %2', job.name, job.headline || job.status),
    failed ? 'error' : job.status === 'Stopped' ? 'warning' : 'success',
    {
      autoClose: failed ? false : 10_000,
      actions: [
        { label: trans.__('Open'), callback: () => run(CommandIDs.open, { name: job.name }) },
        { label: trans.__('Load results'), callback: () => run(CommandIDs.load, { name: job.name }) }
      ]
    }
  );
}

function addCommands(
  app: JupyterFrontEnd,
  labShell: ILabShell | null,
  tracker: INotebookTracker,
  model: JobsModel,
  rendermime: IRenderMimeRegistry,
  sidebar: Sidebar,
  trans: TranslationBundle
): WidgetTracker<MainAreaWidget> {
  const { commands, shell } = app;
  const run: Run = (command, args) => void commands.execute(command, args);
  const tabs = new WidgetTracker<MainAreaWidget>({ namespace: 'nbprocess-job' });
  const tabOf = (name: string) => tabs.find(tab => tab.title.label === name);

  /** A command about one job; from the palette, which names none, it asks which. Errors are shown, not lost. */
  const jobCommand = (id: string, label: string, fits: (job: IJob) => boolean, act: (name: string) => Promise<unknown>) =>
    commands.addCommand(id, {
      label: args => (typeof args.name === 'string' && args.name ? `${label}: ${args.name}` : `${label}…`),
      icon: id === CommandIDs.open ? jobsIcon : undefined,
      describedBy: { args: { type: 'object', properties: { name: { type: 'string', description: trans.__('The job') } } } },
      execute: async args => {
        const name = (args.name as string) || (await pick(label, model.jobs.filter(fits), trans));
        if (name) {
          await act(name).catch(error => showErrorMessage(label, error as Error));
        }
      }
    });

  commands.addCommand(CommandIDs.show, {
    label: trans.__('Show Processing Jobs'),
    describedBy: { args: { type: 'object', properties: {} } },
    icon: jobsIcon,
    execute: () => shell.activateById(sidebar.id)
  });
  jobCommand(CommandIDs.open, trans.__('Open Job'), () => true, name => {
    let tab = tabOf(name);
    if (!tab) {
      tab = jobTab(name, { model, rendermime, run, trans });
      void tabs.add(tab);
      // The main area of Notebook holds the notebook alone.
      shell.add(tab, labShell ? 'main' : 'right');
    }
    shell.activateById(tab.id);
    return Promise.resolve();
  });
  jobCommand(CommandIDs.stop, trans.__('Stop Job'), job => !job.terminal, name => model.stop(name));
  jobCommand(CommandIDs.rerun, trans.__('Run Job Again'), job => job.terminal, name => model.rerun(name));
  jobCommand(CommandIDs.remove, trans.__('Delete Job'), job => job.terminal, async name => {
    const answer = await showDialog({
      title: trans.__('Delete job %1?', name),
      body: trans.__('Its log and results are deleted too. Variables that were loaded stay.'),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
    });
    if (answer.button.accept) {
      tabOf(name)?.dispose();
      await model.remove(name);
    }
  });
  jobCommand(CommandIDs.load, trans.__('Load Results of Job'), job => job.terminal, async name => {
    const panel = notebook();
    shell.activateById(panel.id);
    await loadResults(panel, name, trans);
  });

  const notebook = (): NotebookPanel => {
    if (!tracker.currentWidget) {
      throw new Error(trans.__('There is no notebook open. Open the one that shall have the results.'));
    }
    return tracker.currentWidget;
  };
  const onCode = () => tracker.activeCell?.model.type === 'code';
  commands.addCommand(CommandIDs.offload, {
    label: trans.__('Run on…'),
    caption: trans.__('Run this cell as a processing job'),
    describedBy: { args: { type: 'object', properties: {} } },
    icon: jobsIcon,
    isEnabled: onCode,
    execute: async () => {
      const panel = tracker.currentWidget;
      const cell = panel?.content.activeCell;
      if (panel && cell) {
        const source = cell.model.sharedModel.getSource();
        const planner = {
          plan: (changed: Changes) => plan(panel, source, changed, trans),
          busy: () => panel.sessionContext.session?.kernel?.status === 'busy'
        };
        const changes = await askWhere(source, model.api, planner, trans);
        if (changes) {
          window.setTimeout(() => void model.refresh(), 1000); // by then the job is known to its backend
          await runOn(panel, cell, changes, trans).catch(error => showErrorMessage(trans.__('Run on…'), error as Error));
        }
      }
    }
  });
  commands.addCommand(CommandIDs.keep, {
    label: trans.__('Run Here Again (Remove the Magic Line)'),
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: onCode,
    execute: () => {
      if (tracker.activeCell) {
        runHere(tracker.activeCell);
      }
    }
  });
  return tabs;
}

/** Ask which job is meant. */
async function pick(label: string, jobs: IJob[], trans: TranslationBundle): Promise<string> {
  if (!jobs.length) {
    await showErrorMessage(label, trans.__('There is no job for which this can be done.'));
    return '';
  }
  const answer = await InputDialog.getItem({ title: label, items: jobs.map(job => job.name) });
  return answer.button.accept ? (answer.value ?? '') : '';
}

export default plugin;
