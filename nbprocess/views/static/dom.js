// Elements without HTML strings: every text goes in by textContent, since names and log lines are hostile input.
// @ts-check

/**
 * @param {string} tag
 * @param {Record<string, any>} [options] attributes; `class`, `text`, `on` ({event: handler}) and `style` are understood
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function el(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key === "class") node.className = value;
    else if (key === "on") for (const [type, handler] of Object.entries(value)) node.addEventListener(type, handler);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child || child === "")));
  return node;
}

/**
 * Set a node's text only when it differs, so that screen readers and selections are left alone.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * @param {HTMLElement} node
 * @param {boolean} shown
 */
export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

/**
 * @param {string} label
 * @param {(event: Event) => void} action
 * @param {Record<string, any>} [options]
 * @returns {HTMLButtonElement}
 */
export function button(label, action, options = {}) {
  const { on, ...rest } = options;
  return /** @type {HTMLButtonElement} */ (
    el("button", { type: "button", class: "nbp-button", text: label, ...rest, on: { click: action, ...on } })
  );
}

/**
 * Copy to the clipboard; pages without that permission get a selection-based copy.
 * @param {string} text
 * @returns {Promise<boolean>}
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = /** @type {HTMLTextAreaElement} */ (el("textarea", { "aria-hidden": "true", class: "nbp-offscreen" }));
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/**
 * Send to a kernel that may be gone; then nothing happens.
 * @param {() => any} send
 */
export async function tell(send) {
  try {
    await send();
  } catch {
    return;
  }
}

/**
 * Only these may become links: a job's outputs choose their text.
 * @param {string} target
 */
export function isWebAddress(target) {
  return /^https?:\/\//i.test(target);
}
