// Terminal colours as spans; everything else a terminal would obey is dropped.
// @ts-check

const SEQUENCE = /\x1b\[([0-9;:?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/**
 * @param {string} text
 * @returns {string}
 */
export function stripAnsi(text) {
  return text.replace(SEQUENCE, "");
}

/**
 * @param {string} text
 * @returns {Node[]}
 */
export function ansiNodes(text) {
  if (!/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.test(text)) return [document.createTextNode(text)];
  /** @type {Node[]} */
  const nodes = [];
  /** @type {{classes: Set<string>, style: Record<string, string>}} */
  const look = { classes: new Set(), style: {} };
  let from = 0;
  const push = (/** @type {string} */ part) => {
    if (!part) return;
    if (!look.classes.size && !Object.keys(look.style).length) {
      nodes.push(document.createTextNode(part));
      return;
    }
    const span = document.createElement("span");
    span.className = [...look.classes].join(" ");
    Object.assign(span.style, look.style);
    span.textContent = part;
    nodes.push(span);
  };
  // A lone carriage return is how progress bars redraw a line: what counts is what came last.
  const shown = text.replace(/\r+$/, "");
  const line = shown.slice(shown.lastIndexOf("\r") + 1);
  SEQUENCE.lastIndex = 0;
  for (let found = SEQUENCE.exec(line); found; found = SEQUENCE.exec(line)) {
    push(line.slice(from, found.index));
    from = SEQUENCE.lastIndex;
    if (found[2] === "m") applyAnsi(look, (found[1] || "0").split(/[;:]/).map(Number));
  }
  push(line.slice(from));
  return nodes;
}

/**
 * @param {{classes: Set<string>, style: Record<string, string>}} look
 * @param {number[]} codes
 */
function applyAnsi(look, codes) {
  const drop = (/** @type {RegExp} */ pattern) => {
    for (const name of [...look.classes]) if (pattern.test(name)) look.classes.delete(name);
  };
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i];
    if (code === 0) {
      look.classes.clear();
      look.style = {};
    } else if (code === 1) look.classes.add("nbp-ansi-bold");
    else if (code === 2) look.classes.add("nbp-ansi-dim");
    else if (code === 3) look.classes.add("nbp-ansi-italic");
    else if (code === 4) look.classes.add("nbp-ansi-underline");
    else if (code === 22) drop(/-(bold|dim)$/);
    else if (code === 23) drop(/-italic$/);
    else if (code === 24) drop(/-underline$/);
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
      drop(/-fg-/);
      delete look.style.color;
      look.classes.add(`nbp-ansi-fg-${NAMES[code % 10]}`);
    } else if (code === 39) {
      drop(/-fg-/);
      delete look.style.color;
    } else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) {
      drop(/-bg-/);
      look.classes.add(`nbp-ansi-bg-${NAMES[code % 10]}`);
    } else if (code === 49) drop(/-bg-/);
    else if (code === 38 || code === 48) {
      const colour = codes[i + 1] === 2 ? codes.slice(i + 2, i + 5) : palette(codes[i + 2]);
      i += codes[i + 1] === 2 ? 4 : 2;
      if (colour.length === 3 && colour.every((part) => part >= 0 && part <= 255)) {
        drop(code === 38 ? /-fg-/ : /-bg-/);
        look.style[code === 38 ? "color" : "backgroundColor"] = `rgb(${colour.join(",")})`;
      }
    }
  }
}

/**
 * @param {number} index of the 256 colours
 * @returns {number[]}
 */
function palette(index) {
  if (!(index >= 0 && index <= 255)) return [];
  if (index < 16) return [[0, 0, 0], [194, 54, 33], [37, 138, 36], [150, 120, 10], [66, 100, 230], [180, 50, 180], [20, 140, 150], [150, 150, 150]][index % 8];
  if (index >= 232) return Array(3).fill(8 + (index - 232) * 10);
  const level = (/** @type {number} */ n) => (n ? 55 + n * 40 : 0);
  const cube = index - 16;
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)];
}
