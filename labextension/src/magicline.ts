/**
 * The `%%processing` line of a cell as text: read and change single options, leave everything else as it was typed.
 * Pure logic: imports nothing. What the options mean is known to the kernel alone.
 */

export const MAGIC = '%%processing';

/** Flag (`--timeout`) to value; an empty string stands for a switch that is on. */
export type Options = Record<string, string>;

/** A change of options: a text sets the flag, null removes it. */
export type Changes = Record<string, string | null>;

interface IToken {
  text: string;
  start: number;
  end: number;
}

const MAGIC_LINE = /^%%processing(?:_plan)?(?=[ \t]|$)/;
/** Cell magics that run the cell below them as it stands: one of them may be above. */
const AROUND = /^%%(?:time|capture)(?=[ \t]|$)/;

/** Whether the cell is offloaded: `%%processing` is its first line that is not blank, or comes under `%%time`. */
export function isOffloaded(source: string): boolean {
  const { text } = magicLine(source);
  return text.split(/\s/)[0] === MAGIC;
}

/** The options of an offloaded or planned cell; of a flag that is given more than once, the last. */
export function readOptions(source: string): Options {
  const options: Options = {};
  for (const [flag, value] of flags(magicLine(source).text)) {
    options[flag.text.split('=')[0]] = value;
  }
  return options;
}

/** The cell with changed options. A cell without the magic gets it, above any other (`%%bash`) that it may have. */
export function writeOptions(source: string, changes: Changes): string {
  const line = magicLine(source);
  return line.text
    ? source.slice(0, line.start) + edit(line.text.replace(MAGIC_LINE, MAGIC), changes) + source.slice(line.end)
    : `${edit(MAGIC, changes)}\n${source}`;
}

/** The cell without the magic line. */
export function removeMagic(source: string): string {
  const line = magicLine(source);
  return line.text ? source.slice(0, line.start) + source.slice(line.end).replace(/^\r?\n/, '') : source;
}

/** The magic's line, with the lines that a backslash at its end adds; empty where the cell has none. */
function magicLine(source: string): IToken {
  for (let start = 0; start < source.length; start = lineEnd(source, start) + 1) {
    let end = lineEnd(source, start);
    const first = source.slice(start, end).trimEnd();
    if (MAGIC_LINE.test(first)) {
      while (end < source.length && goesOn(source.slice(start, end))) {
        end = lineEnd(source, end + 1);
      }
      const text = source.slice(start, end).replace(/\r$/, '');
      return { text, start, end: start + text.length };
    }
    if (first && !AROUND.test(first)) {
      break;
    }
  }
  return { text: '', start: 0, end: 0 };
}

function lineEnd(source: string, start: number): number {
  const end = source.indexOf('\n', start);
  return end < 0 ? source.length : end;
}

/** Whether a backslash, which no comment holds, ends the text. */
function goesOn(text: string): boolean {
  return /(?<!\\)(?:\\\\)*\\\s*$/.test(text) && !text.slice(lastEnd(text)).includes('#');
}

function lastEnd(text: string): number {
  return split(text).pop()?.end ?? 0;
}

function edit(line: string, changes: Changes): string {
  for (const [flag, value] of Object.entries(changes)) {
    const places = flags(line).filter(([token]) => token.text.split('=')[0] === flag);
    // From the right, so that the positions of those before stay true.
    places.reverse().forEach(([token, , valueToken], index) => {
      const end = valueToken ? valueToken.end : token.end;
      if (value !== null && index === places.length - 1) {
        line = line.slice(0, token.start) + write(flag, value) + line.slice(end);
      } else {
        line = line.slice(0, lastEnd(line.slice(0, token.start))) + line.slice(end);
      }
    });
    if (value !== null && places.length === 0) {
      const end = lastEnd(line); // before a comment
      line = `${line.slice(0, end)} ${write(flag, value)}${line.slice(end).replace(/^\s+$/, '')}`;
    }
  }
  return line;
}

function write(flag: string, value: string): string {
  if (value === '') {
    return flag;
  }
  return /^[^\s'"\\#]+$/.test(value) || /^\{[^{}]*\}$/.test(value)
    ? `${flag} ${value}`
    : `${flag} '${value.replace(/'/g, "'\\''")}'`;
}

/** Flags of a line with their value and the token that holds it (none for `--flag=value` and switches). */
function flags(line: string): Array<[IToken, string, IToken | null]> {
  const tokens = split(line);
  const found: Array<[IToken, string, IToken | null]> = [];
  for (let i = 1; i < tokens.length; i++) {
    const token = tokens[i];
    if (!token.text.startsWith('--')) {
      continue;
    }
    const equals = token.text.indexOf('=');
    const next = tokens[i + 1];
    if (equals > 0) {
      found.push([token, unquote(token.text.slice(equals + 1)), null]);
    } else if (next && !next.text.startsWith('--')) {
      found.push([token, unquote(next.text), next]);
      i++;
    } else {
      found.push([token, '', null]);
    }
  }
  return found;
}

/** Words as the shell sees them, with their places; `{expression}` is one word, a `#` after a space begins a comment. */
function split(line: string): IToken[] {
  const tokens: IToken[] = [];
  let start = -1;
  let quote = '';
  let depth = 0;
  for (let i = 0; i <= line.length; i++) {
    const c = line[i];
    if (c === undefined || (!quote && depth === 0 && /\s/.test(c))) {
      if (start >= 0) {
        tokens.push({ text: line.slice(start, i), start, end: i });
        start = -1;
      }
      continue;
    }
    if (start < 0) {
      if (c === '#') {
        break;
      }
      const next = c === '\\' && /^[ \t]*(?:\r?\n|$)/.exec(line.slice(i + 1));
      if (next) {
        i += next[0].length; // the line goes on
        continue;
      }
      start = i;
    }
    if (c === '\\' && quote !== "'") {
      i = Math.min(i + 1, line.length - 1);
    } else if (quote) {
      quote = c === quote ? '' : quote;
    } else if (c === '"' || c === "'") {
      quote = c;
    } else if (c === '{') {
      depth++;
    } else if (c === '}') {
      depth = Math.max(0, depth - 1);
    }
  }
  return tokens;
}

function unquote(text: string): string {
  if (text.startsWith('{')) {
    return text;
  }
  return text.replace(/'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g, (_, single?: string, double?: string, escaped?: string) =>
    single !== undefined ? single : double !== undefined ? double.replace(/\\(["\\$`])/g, '$1') : (escaped ?? '')
  );
}
