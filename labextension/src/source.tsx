/**
 * What a notebook can show, shown in the tab; code or JSON to read: highlighted, with a button that copies it.
 * Imports: jobhead (the button), @jupyterlab/rendermime, React.
 */

import { IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { PartialJSONObject } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { Copy } from './jobhead';

const HIGHLIGHTED = 200_000; // characters; longer texts are shown plain, or the page would stand still

/** What is shown of one MIME bundle, as in a notebook that somebody sent: sanitised, without scripts. */
export interface IBundle {
  data: PartialJSONObject;
  metadata?: PartialJSONObject;
}

/** Keep `bundles` shown in `host`. */
export function useRendered(host: React.RefObject<HTMLElement>, rendermime: IRenderMimeRegistry, bundles: readonly IBundle[]): void {
  // A layout effect: its end comes while the widgets are still in the page, and Lumino does not detach others.
  React.useLayoutEffect(() => {
    const made: Widget[] = [];
    for (const { data, metadata } of bundles) {
      const mimeType = rendermime.preferredMimeType(data, 'ensure');
      if (mimeType && host.current) {
        const renderer = rendermime.createRenderer(mimeType);
        void renderer.renderModel(new MimeModel({ data, metadata: metadata ?? {}, trusted: false }));
        Widget.attach(renderer, host.current);
        made.push(renderer);
      }
    }
    return () => made.forEach(widget => widget.dispose());
  }, [host, rendermime, bundles]);
}

export function Source(props: { text: string; language: string; rendermime: IRenderMimeRegistry; trans: TranslationBundle }): JSX.Element {
  const { text, language, rendermime, trans } = props;
  const host = React.useRef<HTMLDivElement>(null);
  const plain = text.length > HIGHLIGHTED;
  const bundles = React.useMemo(() => (plain ? [] : [{ data: { 'text/markdown': fenced(text, language) } }]), [plain, text, language]);
  useRendered(host, rendermime, bundles);
  return (
    <div className="nbp-Source">
      <Copy label={trans.__('Copy')} text={text} trans={trans} />
      {plain ? <pre className="nbp-Text">{text}</pre> : <div ref={host} />}
    </div>
  );
}

/** A block of code in Markdown. A fence that is longer than any in the text cannot be closed by it. */
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(run => run[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
