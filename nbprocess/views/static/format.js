// Numbers in words, as nbprocess/views/words.py writes them.
// @ts-check

/** @param {number} seconds */
export function duration(seconds) {
  seconds = Math.max(0, seconds);
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}:${two(minutes % 60)}:${two(whole % 60)}`;
  return `${Math.floor(hours / 24)} d ${two(hours % 24)}:${two(minutes % 60)}`;
}

/** @param {number} bytes */
export function size(bytes) {
  if (Math.abs(bytes) < 1024) return `${Math.round(bytes)} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let unit = -1;
  do {
    bytes /= 1024;
    unit += 1;
  } while (Math.abs(bytes) >= 1023.95 && unit < units.length - 1);
  return `${bytes < 99.95 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

/** @param {number} value */
export function count(value) {
  return value.toLocaleString("en-US");
}

/**
 * US dollars, as nbprocess/views/words.py writes them.
 * @param {number} dollars
 */
export function money(dollars) {
  if (!dollars) return "$0";
  return dollars < 0.01 ? `$${dollars.toFixed(4)}` : `$${dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/**
 * A count with its word: `1 job`, `2 jobs`.
 * @param {number} value
 * @param {string} word
 */
export function counted(value, word) {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** @param {number} seconds POSIX */
export function timeOfDay(seconds) {
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}
