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

const FIRST_LINE = /^(?:[ \t]*\r?\n)*([^\r\n]*)/;
const OFFLOADED = /^%%processing(?=[ \t]|$)/;

/** Whether the cell is offloaded: its first line that is not blank is the magic. */
export function isOffloaded(source: string): boolean {
  return OFFLOADED.test(firstLine(source).text);
}

/** The other cell magic (`%%time`) that stands on top of the cell, or an empty string. */
export function otherMagic(source: string): string {
  const found = /^%%\S+/.exec(firstLine(source).text);
  return found && !isOffloaded(source) ? found[0] : '';
}

/** The options of an offloaded cell; of a flag that is given more than once, the last. */
export function readOptions(source: string): Options {
  const options: Options = {};
  if (!isOffloaded(source)) {
    return options;
  }
  for (const [flag, value] of flags(firstLine(source).text)) {
    options[flag.text.split('=')[0]] = value;
  }
  return options;
}

/**
 * The cell with changed options. A cell without the magic line gets one.
 *
 * Throws an Error when another cell magic stands in its place.
 */
export function writeOptions(source: string, changes: Changes): string {
  const other = otherMagic(source);
  if (other) {
    throw new Error(
      `This cell begins with ${other}. Only one cell magic can stand on top of a cell: remove ${other} first.`
    );
  }
  if (!isOffloaded(source)) {
    return `${edit(MAGIC, changes)}\n${source}`;
  }
  const line = firstLine(source);
  return source.slice(0, line.start) + edit(line.text, changes) + source.slice(line.end);
}

function firstLine(source: string): IToken {
  const found = FIRST_LINE.exec(source);
  const text = found ? found[1] : '';
  const end = found ? found[0].length : 0;
  return { text, start: end - text.length, end };
}

function edit(line: string, changes: Changes): string {
  for (const [flag, value] of Object.entries(changes)) {
    const places = flags(line).filter(([token]) => token.text.split('=')[0] === flag);
    // From the right, so that the positions of those before stay true.
    places.reverse().forEach(([token, , valueToken], index) => {
      const end = valueToken ? valueToken.end : token.end;
      const written = value !== null && index === places.length - 1 ? write(flag, value) : '';
      const start = written ? token.start : line.slice(0, token.start).trimEnd().length;
      line = line.slice(0, start) + written + line.slice(end);
    });
    if (value !== null && places.length === 0) {
      line = `${line.trimEnd()} ${write(flag, value)}`;
    }
  }
  return line;
}

function write(flag: string, value: string): string {
  if (value === '') {
    return flag;
  }
  return /^[^\s'"\\]+$/.test(value) || /^\{[^{}]*\}$/.test(value)
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

/** Words as the shell sees them, with their places; `{expression}` is one word. */
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
