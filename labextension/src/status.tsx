/** Status bar: jobs that run and what they cost per hour. Imports: model, format, @jupyterlab/apputils. */

import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { money } from './format';
import type { JobsModel } from './model';

/** The item; `open` shows the sidebar. Empty while nothing runs. */
export function statusItem(model: JobsModel, open: () => void, trans: TranslationBundle): ReactWidget {
  const item = ReactWidget.create(
    <UseSignal signal={model.changed}>
      {() => {
        const { running, per_hour } = model.totals;
        return running > 0 ? (
          <button className="nbp-Status" onClick={open} title={trans.__('Show the processing jobs')}>
            {trans._n('%1 job running', '%1 jobs running', running)}
            {per_hour > 0 && ` · ${trans.__('%1/h', money(per_hour))}`}
          </button>
        ) : null;
      }}
    </UseSignal>
  );
  item.addClass('nbp-StatusItem');
  return item;
}
