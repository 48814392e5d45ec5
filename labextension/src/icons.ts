/** The extension's icon. Imports: @jupyterlab/ui-components. */

import { LabIcon } from '@jupyterlab/ui-components';

export const jobsIcon = new LabIcon({
  name: 'nbprocess:jobs',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
    '<g class="jp-icon3" fill="#616161"><path d="M4 4h10v2H6v12h8v2H4z"/>' +
    '<path d="M9 11h7.2l-2.6-2.6L15 7l5 5-5 5-1.4-1.4 2.6-2.6H9z"/></g></svg>'
});
