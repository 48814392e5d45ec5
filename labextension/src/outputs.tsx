/**
 * The files of a job's own outputs: a list, previews of tables, images, JSON and text, and download.
 * Imports: api, format, preview, source, jobhead (the copy button), React.
 */

import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Api, reasonOf } from './api';
import { fileName, size } from './format';
import { Copy } from './jobhead';
import { Kind, imageType, kindOf, tableRows } from './preview';
import { Source } from './source';

const PREVIEW_BYTES = 65_536;
const PIECE_BYTES = 8 * 2 ** 20; // the most that one answer has
const ROWS = 101; // titles and 100 rows
const COLUMNS = 50;

interface IFile {
  output: string;
  path: string;
  size: number;
}

interface IPreview {
  file: IFile;
  kind: Kind;
  text: string;
  whole: boolean;
  image: string;
}

interface IContext {
  name: string;
  api: Api;
  rendermime: IRenderMimeRegistry;
  trans: TranslationBundle;
}

export function Outputs(props: IContext & { outputs: Record<string, string>; ended: boolean }): JSX.Element {
  const { name, api, trans, outputs, ended } = props;
  const [files, setFiles] = React.useState<IFile[] | null>(null);
  const [more, setMore] = React.useState(false);
  const [preview, setPreview] = React.useState<IPreview | null>(null);
  const [error, setError] = React.useState('');
  const [busy, setBusy] = React.useState('');
  const names = Object.keys(outputs).join('\n'); // equal from one answer to the next
  React.useEffect(() => {
    let current = true;
    const list = async (output: string) => {
      const found = await api.files(name, output);
      return { more: found.more, files: found.files.map(file => ({ output, ...file })) };
    };
    Promise.all(names.split('\n').filter(Boolean).map(list)).then(
      lists => current && (setFiles(lists.flatMap(one => one.files)), setMore(lists.some(one => one.more)), setError('')),
      reason => current && setError(reasonOf(reason))
    );
    return () => {
      current = false;
    };
  }, [api, name, names, ended]);
  React.useEffect(() => () => URL.revokeObjectURL(preview?.image ?? ''), [preview]);

  const guarded = async (act: () => Promise<void>) => {
    try {
      await act();
      setError('');
    } catch (reason) {
      setError(reasonOf(reason));
    }
    setBusy('');
  };
  const show = (file: IFile) =>
    guarded(async () => {
      const type = imageType(file.path);
      const most = type ? PIECE_BYTES : PREVIEW_BYTES;
      const whole = file.size <= most;
      const blob = await api.read(name, file.output, file.path, 0, most);
      if (type && whole) {
        setPreview({ file, kind: 'image', text: '', whole, image: URL.createObjectURL(new Blob([blob], { type })) });
      } else {
        const text = await blob.text();
        setPreview({ file, kind: kindOf(file.path, text, whole), text, whole, image: '' });
      }
    });
  const download = (file: IFile) =>
    guarded(async () => {
      const pieces: Blob[] = [];
      for (let start = 0; start < file.size; start += PIECE_BYTES) {
        setBusy(trans.__('%1 of %2', size(start), size(file.size)));
        pieces.push(await api.read(name, file.output, file.path, start, PIECE_BYTES));
      }
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob(pieces));
      link.download = fileName(file.path);
      link.click();
      window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });

  if (!names) {
    return <p className="nbp-Muted">{trans.__('The job has no --output of its own.')}</p>;
  }
  const shown = (file: IFile) => preview?.file.output === file.output && preview.file.path === file.path;
  return (
    <>
      {error && <p className="nbp-Notice">{error}</p>}
      {files?.length === 0 && (
        <p className="nbp-Muted">{ended ? trans.__('The outputs hold no files.') : trans.__('The outputs hold no files yet: most jobs write them at their end.')}</p>
      )}
      <ul className="nbp-Files" aria-label={trans.__('Files of the outputs')}>
        {(files ?? []).map(file => (
          <li key={`${file.output}/${file.path}`}>
            <button aria-pressed={shown(file)} onClick={() => void show(file)}>
              <span className="nbp-Files-path">
                {file.output}/{file.path}
              </span>
              <span className="nbp-Files-size">{size(file.size)}</span>
            </button>
          </li>
        ))}
      </ul>
      {more && <p className="nbp-Muted">{trans.__('There are more files than are listed here.')}</p>}
      {preview && (
        <figure className="nbp-Preview">
          <figcaption>
            <span>{preview.file.path}</span>
            <button className="nbp-Copy" disabled={!!busy} onClick={() => void download(preview.file)}>
              {busy || trans.__('Download')}
            </button>
            <Copy label={trans.__('Copy the code that reads it')} text={reading(name, preview.file)} trans={trans} />
          </figcaption>
          <Content {...props} preview={preview} />
        </figure>
      )}
    </>
  );
}

/** Python that has the file, from any notebook. */
function reading(name: string, file: IFile): string {
  const output = `nbprocess.attach(${JSON.stringify(name)}).outputs[${JSON.stringify(file.output)}]`;
  const reader = /\.(csv|parquet)$/.exec(file.path)?.[1];
  return `import nbprocess\n${output}${reader ? `.read_${reader}(${JSON.stringify(file.path)})` : ` / ${JSON.stringify(file.path)}`}`;
}

function Content(props: IContext & { preview: IPreview }): JSX.Element {
  const { rendermime, trans, preview } = props;
  const { file, kind, text, whole, image } = preview;
  const cut = !whole && <p className="nbp-Muted">{trans.__('The beginning; the file has %1.', size(file.size))}</p>;
  if (kind === 'image') {
    return <img src={image} alt={file.path} />;
  }
  if (kind === 'binary') {
    return <p className="nbp-Muted">{trans.__('A binary file of %1.', size(file.size))}</p>;
  }
  if (kind === 'json') {
    return <Source text={JSON.stringify(JSON.parse(text), null, 2)} language="json" rendermime={rendermime} trans={trans} />;
  }
  if (kind === 'text') {
    return (
      <>
        <pre className="nbp-Text">{text}</pre>
        {cut}
      </>
    );
  }
  const [titles = [], ...rows] = tableRows(text, /\.tsv$/i.test(file.path) ? '\t' : ',', whole, ROWS);
  return (
    <div className="nbp-Preview-table">
      <table className="nbp-Table">
        <thead>
          <tr>
            {titles.slice(0, COLUMNS).map((title, at) => (
              <th key={at} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {row.slice(0, COLUMNS).map((cell, column) => (
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {(!whole || rows.length === ROWS - 1 || titles.length > COLUMNS) && (
        <p className="nbp-Muted">{trans.__('The first rows; the file has %1.', size(file.size))}</p>
      )}
    </div>
  );
}
