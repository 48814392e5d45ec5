// The log of a job: a virtual list over rows that the kernel, or the server, holds. The page keeps a bounded number of
// them. Used by the job's card, by the job browser and, built into the labextension, by JupyterLab's job tab.
// @ts-check
import { ansiNodes, stripAnsi } from "./ansi.js";
import { button, copyText, el, setText, show } from "./dom.js";
import { count, timeOfDay } from "./format.js";
import { VirtualRows } from "./rows.js";

const LINE_BLOCK = 200; // rows per request
const LINE_BLOCKS = 40; // blocks that are kept: 8,000 rows
const LINE_HEIGHT = 18;
const LEVEL_NAMES = ["debug", "info", "warning", "error"];

/**
 * A row as nbprocess/views/lines.py writes it.
 * @typedef {[number, number, string, number, string, number, number, number]} Row
 * line, time, text, is stderr, host, level, lines folded under it, is cut
 */

export class LogPane {
  /**
   * @param {object} options
   * @param {(content: any) => void} options.send to who holds the log
   * @param {() => string} options.title of the downloaded file
   * @param {boolean} [options.folds] whether the pane can be folded; where it fills a tab it cannot
   */
  constructor({ send, title, folds = true }) {
    this.send = send;
    this.title = title;
    this.selection = { query: "", level: 0, host: "" };
    this.total = 0;
    this.current = -1; // the row that the keyboard is at
    this.most = 0; // rows of the whole log
    this.lines = 0;
    this.scanned = 0;
    this.answered = false; // whether anything is known of the log yet
    this.over = false;
    this.follow = true;
    /** @type {Map<number, (Row | undefined)[]>} */
    this.blocks = new Map();
    /** @type {Map<number, number>} block → when it was asked for */
    this.asked = new Map();
    /** @type {BlobPart[]} */
    this.fileParts = [];
    this.typing = 0;
    this.search = /** @type {HTMLInputElement} */ (
      el("input", { type: "search", class: "nbp-input", placeholder: "Search the log", "aria-label": "Search the log",
        on: { input: () => this.filterSoon(), keydown: (/** @type {KeyboardEvent} */ event) => event.stopPropagation() } })
    );
    this.level = /** @type {HTMLSelectElement} */ (
      el("select", { class: "nbp-input", "aria-label": "Least level", on: { change: () => this.filter() } },
        ...["All levels", "Info and above", "Warnings and errors", "Errors"].map((text, value) => el("option", { value, text })))
    );
    this.followButton = button("Following", () => { this.current = -1; this.setFollow(!this.follow); }, { "aria-pressed": "true", title: "Keep the newest line in view (End). Arrow keys go through the lines, Enter shows one in full" });
    this.copyButton = button("Copy", () => this.copy(), { title: "Copy the lines that are loaded here" });
    this.downloadButton = button("Download", () => this.download(), { title: "The whole log as a text file" });
    this.hosts = el("div", { class: "nbp-tabs", role: "group", "aria-label": "Host", hidden: true });
    this.note = el("span", { class: "nbp-log-note", role: "status", "aria-live": "polite" });
    this.scroller = el("div", { class: "nbp-log-rows", role: "log", tabindex: "0", "aria-label": "Log of the job", "aria-live": "off",
      on: { keydown: (/** @type {KeyboardEvent} */ event) => this.key(event), click: (/** @type {MouseEvent} */ event) => this.click(event) } });
    this.detailText = el("pre", { class: "nbp-detail-text", tabindex: "0" });
    this.detail = el("div", { class: "nbp-detail", hidden: true, role: "region", "aria-label": "Log line in full",
      on: { keydown: (/** @type {KeyboardEvent} */ event) => { event.stopPropagation(); if (event.key === "Escape") this.closeDetail(); } } },
      el("div", { class: "nbp-detail-bar" },
        button("Copy", () => void copyText(this.detailText.textContent ?? "")),
        button("Close", () => this.closeDetail())),
      this.detailText);
    this.summary = el("summary", { class: "nbp-log-summary", text: "Log" });
    this.empty = el("p", { class: "nbp-log-empty", hidden: true });
    const parts = [
      el("div", { class: "nbp-log-bar", role: "toolbar", "aria-label": "Log" }, this.search, this.level, this.followButton, this.copyButton, this.downloadButton, this.note),
      this.hosts, this.empty, this.scroller, this.detail];
    this.folds = folds;
    this.node = folds ? el("details", { class: "nbp-log", open: true }, this.summary, ...parts) : el("div", { class: "nbp-log nbp-log-whole" }, ...parts);
    this.rows = new VirtualRows({
      scroller: this.scroller, rowHeight: LINE_HEIGHT,
      render: (row) => this.renderRow(row),
      onRange: (first, last) => this.need(first, last),
      onScroll: (byUser) => { if (byUser) this.setFollow(this.rows.atEnd(), false); },
      onResize: () => { if (this.follow) this.rows.toEnd(); },
    });
    this.node.addEventListener("toggle", () => { if (this.follow) this.rows.toEnd(); this.rows.schedule(); });
  }

  /** @param {string[]} hosts */
  setHosts(hosts) {
    show(this.hosts, hosts.length > 1);
    if (hosts.length < 2 || this.hosts.childElementCount === hosts.length + 1) return;
    const tab = (/** @type {string} */ host, /** @type {string} */ label) =>
      button(label, () => { this.selection.host = host; this.markHost(); this.filter(); }, { "data-host": host });
    this.hosts.replaceChildren(tab("", "All hosts"), ...hosts.map((host) => tab(host, host)));
    this.markHost();
  }

  markHost() {
    for (const node of this.hosts.children) node.setAttribute("aria-pressed", String(node.getAttribute("data-host") === this.selection.host));
  }

  /**
   * An answer, or news; true when it was for the log.
   * @param {any} message
   * @param {BlobPart[]} buffers
   */
  receive(message, buffers = []) {
    if (message.type === "rows") this.take(message);
    else if (message.type === "detail") this.openDetail(message.text);
    else if (message.type === "file") this.takeFile(message, buffers);
    else return false;
    return true;
  }

  /** @param {any} message */
  take(message) {
    this.lines = Math.max(this.lines, message.lines);
    this.answered = true;
    const { query, level, host } = message.selection;
    if (query !== this.selection.query || level !== this.selection.level || host !== this.selection.host) return;
    this.total = message.total;
    this.scanned = message.scanned;
    message.rows.forEach((/** @type {Row} */ row, /** @type {number} */ offset) => {
      const number = message.start + offset;
      const block = Math.floor(number / LINE_BLOCK);
      let rows = this.blocks.get(block);
      if (!rows) this.blocks.set(block, (rows = new Array(LINE_BLOCK)));
      rows[number % LINE_BLOCK] = row;
    });
    for (let block = Math.floor(message.start / LINE_BLOCK); block * LINE_BLOCK < message.start + message.rows.length; block += 1) this.asked.delete(block);
    this.forget();
    this.fit();
    this.rows.setCount(this.total);
    if (this.follow) this.rows.toEnd();
    this.rows.schedule();
    this.describe();
  }

  /** It is in the page again: a box that was out of it has lost its scroll position. */
  shown() {
    if (this.follow) this.rows.toEnd();
    else this.scroller.scrollTop = this.rows.lastTop;
  }

  /** A short log takes little room; the box grows with it and does not shrink while one searches. */
  fit() {
    if (!this.selection.query && !this.selection.level && !this.selection.host) this.most = this.total;
    const lines = Math.min(12, Math.max(3, this.most));
    this.scroller.style.setProperty("--nbp-lines", String(lines));
  }

  /** Drop the blocks that are farthest from what is visible. */
  forget() {
    if (this.blocks.size <= LINE_BLOCKS) return;
    const here = Math.floor((this.follow ? this.total : this.rows.firstRow()) / LINE_BLOCK);
    const far = [...this.blocks.keys()].sort((a, b) => Math.abs(b - here) - Math.abs(a - here));
    for (const block of far.slice(0, this.blocks.size - LINE_BLOCKS)) this.blocks.delete(block);
  }

  describe() {
    const filtered = this.selection.query || this.selection.level || this.selection.host;
    setText(this.summary, `Log · ${count(this.lines)} line${this.lines === 1 ? "" : "s"}`);
    const looking = this.scanned < this.lines ? `, ${Math.floor((100 * this.scanned) / Math.max(1, this.lines))}% searched` : "";
    const whole = this.folds || !this.lines ? "" : `${count(this.lines)} line${this.lines === 1 ? "" : "s"}`;
    setText(this.note, filtered ? `${count(this.total)} match${this.total === 1 ? "" : "es"}${looking}` : whole);
    const silent = this.answered && !this.lines;
    setText(this.empty, this.over ? "The job printed nothing." : "No lines yet.");
    show(this.empty, silent && !this.folds);
    show(this.scroller, !silent || this.folds);
    show(this.followButton, !this.over || !this.follow); // of a log that has ended there is nothing to follow
  }

  /**
   * Whether the job has ended, so that no line will come.
   * @param {boolean} over
   */
  ended(over) {
    this.over = over;
    this.describe();
  }

  /**
   * Ask for the rows that are not here.
   * @param {number} first
   * @param {number} last
   */
  need(first, last) {
    const now = performance.now();
    for (let block = Math.floor(first / LINE_BLOCK); block * LINE_BLOCK < last; block += 1) {
      const rows = this.blocks.get(block);
      const from = Math.max(first, block * LINE_BLOCK);
      const to = Math.min(last, (block + 1) * LINE_BLOCK);
      let missing = !rows;
      for (let row = from; rows && row < to; row += 1) missing ||= !rows[row % LINE_BLOCK];
      if (!missing || now - (this.asked.get(block) ?? -Infinity) < 2000) continue;
      this.asked.set(block, now);
      this.send({ type: "rows", selection: this.selection, start: block * LINE_BLOCK, stop: (block + 1) * LINE_BLOCK });
      setTimeout(() => { if (this.asked.has(block)) this.rows.schedule(); }, 2100); // ask again when no answer came
    }
  }

  /** @param {number} number */
  row(number) {
    return this.blocks.get(Math.floor(number / LINE_BLOCK))?.[number % LINE_BLOCK];
  }

  /** @param {number} number */
  renderRow(number) {
    const row = this.row(number);
    if (!row) return el("div", { class: "nbp-log-row nbp-log-missing", text: "…" });
    const [line, time, text, stderr, host, level, folded, cut] = row;
    const fold = text.startsWith("Traceback (most recent call last)");
    const node = el("div", { class: `nbp-log-row nbp-level-${LEVEL_NAMES[level]}${stderr ? " nbp-stderr" : ""}${number === this.current ? " nbp-current" : ""}`, "data-line": line,
      "data-more": fold || cut ? "1" : null },
      el("span", { class: "nbp-log-time", text: timeOfDay(time), "aria-hidden": "true" }));
    if (this.hosts.childElementCount > 1 && !this.selection.host) node.append(el("span", { class: "nbp-log-host", text: host }));
    const content = el("span", { class: "nbp-log-text" });
    if (this.selection.query) content.append(...markMatches(stripAnsi(text), this.selection.query));
    else content.append(...ansiNodes(text));
    node.append(content);
    if (fold) node.append(el("span", { class: "nbp-fold", text: folded ? `▸ ${folded} lines` : "▸" }));
    else if (cut) node.append(el("span", { class: "nbp-fold", text: "▸ cut" }));
    return node;
  }

  /** @param {MouseEvent} event */
  click(event) {
    if (String(document.getSelection())) return; // somebody selects text
    const row = /** @type {HTMLElement} */ (event.target).closest?.("[data-line]");
    const text = row?.querySelector(".nbp-log-text");
    const hidden = text && text.scrollWidth > text.clientWidth; // the line is longer than the column
    if (row && (hidden || row.hasAttribute("data-more"))) this.send({ type: "detail", index: Number(row.getAttribute("data-line")) });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (this.typing) this.filter(); // what was typed counts before the key: it would move the rows away again later
    const page = this.rows.visible - 1;
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }[event.key];
    if (move !== undefined) {
      const from = this.current >= 0 ? this.current + move : move > 0 ? this.rows.firstRow() : this.total - 1;
      this.current = Math.max(0, Math.min(this.total - 1, from));
      this.setFollow(move > 0 && this.current === this.total - 1);
      this.rows.reveal(this.current);
    } else if (event.key === "Home") {
      this.current = 0;
      this.setFollow(false);
      this.scroller.scrollTop = 0;
    } else if (event.key === "End") {
      this.current = -1;
      this.setFollow(true);
    } else if (event.key === "/") this.search.focus();
    else if (event.key === "Enter") {
      const row = this.node.querySelector(".nbp-current") ?? this.node.querySelector("[data-more]");
      if (row) this.send({ type: "detail", index: Number(row.getAttribute("data-line")) });
    } else return;
    event.preventDefault();
    event.stopPropagation(); // or the notebook moves to another cell
  }

  /** @param {string} text */
  openDetail(text) {
    this.detailText.replaceChildren(...text.split("\n").flatMap((line, number) => [...(number ? ["\n"] : []), ...ansiNodes(line)]));
    show(this.detail, true);
    this.detailText.focus({ preventScroll: true });
  }

  closeDetail() {
    show(this.detail, false);
    this.scroller.focus({ preventScroll: true });
  }

  /** @param {boolean} follow */
  setFollow(follow, jump = true) {
    this.follow = follow;
    this.followButton.setAttribute("aria-pressed", String(follow));
    setText(this.followButton, follow ? "Following" : "Follow");
    if (follow && jump) this.rows.toEnd();
  }

  filterSoon() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.filter(), 200);
  }

  filter() {
    clearTimeout(this.typing);
    this.typing = 0;
    this.selection = { query: this.search.value, level: Number(this.level.value), host: this.selection.host };
    this.blocks.clear();
    this.asked.clear();
    this.total = 0;
    this.current = -1;
    this.scanned = 0;
    this.rows.setCount(0);
    this.setFollow(!this.selection.query);
    this.send({ type: "rows", selection: this.selection });
    this.rows.schedule();
  }

  async copy() {
    const kept = [...this.blocks.keys()].sort((a, b) => a - b);
    const lines = kept.flatMap((block) => /** @type {(Row | undefined)[]} */ (this.blocks.get(block))).flatMap((row) => (row ? [stripAnsi(row[2])] : []));
    const done = await copyText(lines.join("\n") + "\n");
    this.say(done ? `${count(lines.length)} lines copied` : "The browser does not allow copying here");
  }

  /** @param {string} text */
  say(text) {
    setText(this.note, text);
    setTimeout(() => this.describe(), 2500);
  }

  download() {
    this.fileParts = [];
    setText(this.note, "fetching the log …");
    this.send({ type: "file" });
  }

  /**
   * @param {any} message
   * @param {BlobPart[]} buffers
   */
  takeFile(message, buffers) {
    if (message.start === 0) this.fileParts = [];
    for (const view of buffers) this.fileParts.push(view);
    if (!message.last) return;
    const address = URL.createObjectURL(new Blob(this.fileParts, { type: "text/plain" }));
    this.fileParts = [];
    const link = el("a", { href: address, download: `${this.title()}.log` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    this.describe();
  }

  destroy() {
    clearTimeout(this.typing);
    this.rows.destroy();
  }
}

/**
 * @param {string} text
 * @param {string} query
 * @returns {Node[]}
 */
function markMatches(text, query) {
  const nodes = [];
  const haystack = text.toLowerCase();
  const needle = query.toLowerCase();
  let from = 0;
  for (let at = haystack.indexOf(needle); needle && at >= 0 && nodes.length < 200; at = haystack.indexOf(needle, from)) {
    nodes.push(document.createTextNode(text.slice(from, at)), el("mark", { text: text.slice(at, at + needle.length) }));
    from = at + needle.length;
  }
  nodes.push(document.createTextNode(text.slice(from)));
  return nodes;
}
