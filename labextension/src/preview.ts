/**
 * What a file of an output shows of itself: which kind it is by its name and bytes, and tables as rows. Pure logic.
 */

export type Kind = 'image' | 'table' | 'json' | 'text' | 'binary';

const IMAGES: Record<string, string> = { png: 'png', jpg: 'jpeg', jpeg: 'jpeg', gif: 'gif', webp: 'webp', svg: 'svg+xml' };

function extension(path: string): string {
  return /\.(\w+)$/.exec(path)?.[1].toLowerCase() ?? '';
}

/** The MIME type of an image, by the name of its file; empty for all else. */
export function imageType(path: string): string {
  const kind = IMAGES[extension(path)];
  return kind ? `image/${kind}` : '';
}

/** What to show of a text, `text`, the beginning of the file `path` (all of it when `whole`). */
export function kindOf(path: string, text: string, whole: boolean): Kind {
  if (text.includes('\0')) {
    return 'binary';
  }
  const name = extension(path);
  if (name === 'csv' || name === 'tsv') {
    return 'table';
  }
  return whole && (name === 'json' || name === 'ipynb') && readable(text) ? 'json' : 'text';
}

function readable(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The first `most` rows of comma- or tab-separated values; of a file that is cut, the last row is left out. */
export function tableRows(text: string, separator: string, whole: boolean, most: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < text.length && rows.length < most; at++) {
    const sign = text[at];
    if (quoted) {
      if (sign === '"' && text[at + 1] === '"') {
        cell += '"';
        at++;
      } else if (sign === '"') {
        quoted = false;
      } else {
        cell += sign;
      }
    } else if (sign === '"' && cell === '') {
      quoted = true;
    } else if (sign === separator) {
      row.push(cell);
      cell = '';
    } else if (sign === '\n') {
      rows.push([...row, cell.replace(/\r$/, '')]);
      row = [];
      cell = '';
    } else {
      cell += sign;
    }
  }
  if (whole && rows.length < most && (cell || row.length)) {
    rows.push([...row, cell]);
  }
  return rows;
}
