// The job browser: a virtual list of all jobs, filters, and the details of one.
// @ts-check
import { JobDetails } from "./details.js";
import { button, copyText, el, setText, show, tell } from "./dom.js";
import { count, counted, duration, money, timeOfDay } from "./format.js";
import { VirtualRows } from "./rows.js";

const BLOCK = 100;
const BLOCKS = 120; // 12,000 rows of a few hundred bytes
const ROW_HEIGHT = 30;
const REST_MS = 50;
const ANSWER_MS = 3000;
const PATIENCE_MS = 250;
const FIRST_PAINT = "nbprocess-jobs-first-paint"; // from the data to the pixels, for benchmarks/views.py
const POLL_MS = 15_000; // tells the kernel that somebody looks; it stops asking AWS when nobody does

const COLUMNS = [
  ["status", "Status"], ["name", "Name"], ["notebook", "Notebook"], ["machine", "Machine"],
  ["backend", "Where"], ["created", "Created"], ["time", "Time"], ["cost", "Cost"],
];
const PERIODS = [[0, "Any time"], [3600, "Last hour"], [86400, "Last day"], [604800, "Last 7 days"], [2592000, "Last 30 days"]];
const STATUSES = ["InProgress", "Completed", "Failed", "Stopping", "Stopped"];

/** @typedef {[string, string, string, string, string, string, number, number | null, string, string]} JobRow */

export class JobBrowser {
  /** @param {(content: any) => any} send */
  constructor(send) {
    this.send = send;
    this.query = { search: "", status: "", backend: "", notebook: "", instance: "", since: 0, sort: "created", descending: true };
    this.total = 0;
    this.selected = -1;
    this.typing = 0;
    /** @type {Map<number, (JobRow | undefined)[]>} */
    this.blocks = new Map();
    /** @type {Map<number, number>} */
    this.asked = new Map();
    this.saying = 0;
    this.lostAt = 0; // POSIX seconds: since when no kernel answers
    this.asking = 0;
    this.resting = 0;
    this.waits = 0; // since when something visible is not here
    this.range = [0, 0];
    this.uid = `nbp-${Math.random().toString(36).slice(2, 8)}`;

    this.search = /** @type {HTMLInputElement} */ (el("input", { type: "search", class: "nbp-input", placeholder: "Search name, notebook, machine", "aria-label": "Search jobs",
      on: { input: () => { clearTimeout(this.typing); this.typing = setTimeout(() => this.filter({ search: this.search.value }), 200); }, keydown: (/** @type {KeyboardEvent} */ event) => this.searchKey(event) } }));
    this.status = this.chooser("Status", "status", "Any status", STATUSES);
    this.backend = this.chooser("Where", "backend", "Anywhere", []);
    this.notebook = this.chooser("Notebook", "notebook", "Any notebook", []);
    this.instance = this.chooser("Instance", "instance", "Any machine", []);
    this.since = /** @type {HTMLSelectElement} */ (el("select", { class: "nbp-input", "aria-label": "Created", on: { change: () => this.filter({ since: Number(this.since.value) }) } },
      ...PERIODS.map(([value, text]) => el("option", { value, text }))));
    this.totals = el("div", { class: "nbp-totals" });
    this.found = el("span", { class: "nbp-offscreen", role: "status" }); // costs grow all the time: they are not read out
    this.note = el("div", { class: "nbp-note", role: "status", "aria-live": "polite", hidden: true });
    this.head = el("div", { class: "nbp-row nbp-row-head", role: "group", "aria-label": "Sort by" }, ...COLUMNS.map(([key, label]) =>
      el("div", { "data-column": key }, button(label, () => this.sort(key), { class: "nbp-sort", "data-sort": key }))));
    this.scroller = el("div", { class: "nbp-jobs", tabindex: "0", role: "grid", "aria-label": "Jobs", "aria-colcount": COLUMNS.length,
      on: { keydown: (/** @type {KeyboardEvent} */ event) => this.key(event), click: (/** @type {MouseEvent} */ event) => this.click(event) } });
    this.empty = el("div", { class: "nbp-empty", hidden: true });
    this.list = el("div", { class: "nbp-list" }, this.head, this.scroller, this.empty);
    this.details = new JobDetails({ send, onClose: () => this.close() });
    this.node = el("section", { class: "nbp-browser", "aria-label": "Processing jobs" },
      el("header", { class: "nbp-browser-head" }, el("strong", { text: "Processing jobs" }), this.totals, this.found, el("span", { class: "nbp-grow" }),
        button("Refresh", () => this.send({ type: "refresh" }), { class: "nbp-button nbp-quiet" })),
      el("div", { class: "nbp-filters", role: "toolbar", "aria-label": "Filters" }, this.search, this.status, this.backend, this.notebook, this.instance, this.since),
      this.note, el("div", { class: "nbp-body" }, this.list, this.details.node));
    this.rows = new VirtualRows({ scroller: this.scroller, rowHeight: ROW_HEIGHT, render: (row) => this.renderRow(row), onRange: (first, last) => this.need(first, last) });
    this.markSort();
    this.polling = setInterval(() => { if (this.onScreen()) this.ask(0, 1); }, POLL_MS);
    this.ticking = setInterval(() => { if (this.onScreen() && this.hasRunning()) this.rows.schedule(); }, 1000);
    this.ask(0, BLOCK);
  }

  onScreen() {
    return document.visibilityState === "visible" && this.node.isConnected && this.node.offsetParent !== null;
  }

  hasRunning() {
    return [...this.blocks.values()].some((block) => block.some((row) => row && row[7] === null));
  }

  /**
   * @param {string} label
   * @param {string} field
   * @param {string} any
   * @param {string[]} values
   */
  chooser(label, field, any, values) {
    const node = /** @type {HTMLSelectElement} */ (el("select", { class: "nbp-input", "aria-label": label, "data-any": any, on: { change: () => this.filter({ [field]: node.value }) } }));
    this.fill(node, values);
    return node;
  }

  /**
   * @param {HTMLSelectElement} node
   * @param {string[]} values
   * @param {Record<string, number>} [costs] of all jobs with that value
   */
  fill(node, values, costs = {}) {
    const times = new Map();
    for (const value of values) times.set(fileName(value), (times.get(fileName(value)) ?? 0) + 1);
    const names = values.map((value) => (times.get(fileName(value)) > 1 ? value : fileName(value)) + (costs[value] ? ` · ${money(costs[value])}` : ""));
    const mark = names.join("\n");
    if (node.dataset.values === mark) return;
    node.dataset.values = mark;
    const before = node.value;
    node.replaceChildren(el("option", { value: "", text: node.dataset.any }), ...values.map((value, at) => el("option", { value, title: value, text: names[at] })));
    node.value = before && values.includes(before) ? before : "";
  }

  /** @param {Record<string, any>} changes */
  filter(changes) {
    this.query = { ...this.query, ...changes };
    this.blocks.clear();
    this.asked.clear();
    this.selected = -1;
    this.scroller.scrollTop = 0;
    this.ask(0, BLOCK);
  }

  /** @param {string} column */
  sort(column) {
    const same = this.query.sort === column;
    this.filter({ sort: column, descending: same ? !this.query.descending : ["created", "cost", "time"].includes(column) });
    this.markSort();
  }

  markSort() {
    for (const cell of this.head.children) {
      const mine = cell.getAttribute("data-column") === this.query.sort;
      cell.setAttribute("data-order", mine ? (this.query.descending ? "descending" : "ascending") : "");
      cell.firstElementChild?.setAttribute("aria-pressed", String(mine));
    }
  }

  /**
   * @param {number} start
   * @param {number} stop
   */
  ask(start, stop) {
    return this.send({ type: "jobs", query: this.query, start, stop });
  }

  /**
   * Ask for what is not here once scrolling rests, and now and then while it does not: each answer costs a frame.
   * @param {number} first
   * @param {number} last
   */
  need(first, last) {
    this.range = [first, last];
    if (!this.missing().length) return;
    const now = performance.now();
    this.waits ||= now;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.askMissing(), Math.max(0, Math.min(REST_MS, this.waits + PATIENCE_MS - now)));
  }

  /** Visible blocks that are neither here nor asked for. */
  missing() {
    const [first, last] = this.range;
    const found = [];
    for (let block = Math.floor(first / BLOCK); block * BLOCK < last; block += 1)
      if (!this.blocks.has(block) && performance.now() - (this.asked.get(block) ?? -Infinity) > 3000) found.push(block);
    return found;
  }

  askMissing() {
    this.waits = 0;
    for (const block of this.missing()) {
      this.asked.set(block, performance.now());
      this.ask(block * BLOCK, (block + 1) * BLOCK);
      setTimeout(() => { if (this.asked.has(block)) this.rows.schedule(); }, 3100);
    }
  }

  /**
   * @param {any} message
   * @param {DataView[]} buffers
   */
  receive(message, buffers = []) {
    clearTimeout(this.asking);
    if (this.lostAt) show(this.note, false);
    this.lostAt = 0;
    if (message.type === "jobs") this.take(message);
    else if (message.type === "changed") this.again();
    else if (message.type === "details") this.details.receive(message);
    else if (message.type === "preview") this.details.receivePreview(message);
    else if (message.type === "log") this.details.receiveLog(message, buffers);
    else if (message.type === "done") void this.done(message);
    else if (message.type === "error") this.say(message.text, true);
  }

  /** Something changed: ask for what is on the screen, and forget the rest. */
  again() {
    const first = Math.floor(this.rows.firstRow() / BLOCK);
    for (const block of [...this.blocks.keys()]) if (block < first || block > first + 1) this.blocks.delete(block);
    this.ask(first * BLOCK, (first + 2) * BLOCK);
    if (this.details.name && !this.details.ended) this.askDetails();
  }

  askDetails() {
    this.send({ type: "details", name: this.details.name });
  }

  /** @param {any} message */
  take(message) {
    this.describe(message);
    for (const [field, node] of Object.entries({ backend: this.backend, notebook: this.notebook, instance: this.instance })) this.fill(node, message.choices[field] ?? [], field === "notebook" ? message.totals.notebooks : {});
    if (JSON.stringify(message.query) !== JSON.stringify(this.query)) return;
    this.total = message.total;
    message.rows.forEach((/** @type {JobRow} */ row, /** @type {number} */ offset) => {
      const number = message.start + offset;
      const block = Math.floor(number / BLOCK);
      if (!this.blocks.has(block)) {
        if (number % BLOCK || message.rows.length - offset < Math.min(BLOCK, message.total - number)) return; // a part of a block is no block
        this.blocks.set(block, new Array(BLOCK));
      }
      /** @type {(JobRow | undefined)[]} */ (this.blocks.get(block))[number % BLOCK] = row;
      this.asked.delete(block);
    });
    for (const block of this.blocks.keys()) if (this.blocks.size > BLOCKS) this.blocks.delete(block);
    this.scroller.setAttribute("aria-rowcount", String(this.total));
    this.rows.setCount(this.total);
    this.rows.schedule();
    const filtered = this.query.search || this.query.status || this.query.backend || this.query.notebook || this.query.instance || this.query.since;
    if (this.total && !performance.getEntriesByName(FIRST_PAINT).length) {
      const start = performance.now();
      requestAnimationFrame(() => setTimeout(() => performance.measure(FIRST_PAINT, { start, end: performance.now() })));
    }
    setText(this.empty, !message.complete ? "Listing jobs …" : filtered ? "No job matches these filters." : "No jobs yet. Write %%processing on top of a cell and run it.");
    show(this.empty, this.total === 0);
  }

  /** @param {any} message */
  describe({ totals, total, complete }) {
    const listed = total === totals.jobs ? counted(totals.jobs, "job") : `${count(total)} of ${counted(totals.jobs, "job")}`;
    setText(this.found, listed);
    const parts = [`${count(totals.running)} running`, `${money(totals.today)} today`, `${money(totals.week)} this week`, listed];
    const own = this.query.notebook && totals.notebooks?.[this.query.notebook];
    if (own) parts.push(`${money(own)} by this notebook`);
    if (totals.unpriced) parts.push(`${count(totals.unpriced)} not priced yet`);
    if (!complete) parts.push("listing …");
    setText(this.totals, parts.join(" · "));
  }

  /** @param {number} number */
  row(number) {
    return this.blocks.get(Math.floor(number / BLOCK))?.[number % BLOCK];
  }

  /** @param {number} number */
  renderRow(number) {
    const row = this.row(number);
    if (!row) return el("div", { class: "nbp-row nbp-missing", role: "row", text: "…" });
    const [name, tone, word, backend, machine, notebook, created, ended, cost, headline] = row;
    const cell = (/** @type {string} */ column, /** @type {string} */ text, /** @type {string | null} */ title = text) =>
      el("div", { role: "gridcell", "data-column": column, text, title });
    return el("div", { class: "nbp-row", role: "row", id: `${this.uid}-${number}`, "data-number": number, "data-tone": tone,
      "aria-selected": String(number === this.selected), "aria-rowindex": number + 1 },
      el("div", { role: "gridcell", "data-column": "status", title: headline }, el("span", { class: "nbp-dot", "aria-hidden": "true" }), el("span", { text: word })),
      cell("name", name), cell("notebook", fileName(notebook), notebook), cell("machine", machine), cell("backend", backend),
      cell("created", when(created), new Date(created * 1000).toLocaleString()),
      cell("time", duration((ended ?? (this.lostAt || Date.now() / 1000)) - created), null), cell("cost", cost, null));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const page = this.rows.visible - 1;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined) this.select(Math.min(this.total - 1, Math.max(0, this.selected + step)));
    else if (event.key === "Enter" || event.key === " ") this.open(this.selected);
    else if (event.key === "Escape") this.close();
    else if (event.key === "/") this.search.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event */
  searchKey(event) {
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "Enter") {
      this.scroller.focus();
      this.select(0);
      event.preventDefault();
    }
  }

  /** @param {number} number */
  select(number) {
    this.selected = number;
    this.scroller.setAttribute("aria-activedescendant", `${this.uid}-${number}`);
    this.rows.reveal(number);
    this.rows.schedule();
  }

  /** @param {MouseEvent} event */
  click(event) {
    const row = /** @type {HTMLElement} */ (event.target).closest?.("[data-number]");
    if (!row) return;
    this.select(Number(row.getAttribute("data-number")));
    this.open(this.selected);
  }

  /** @param {number} number */
  open(number) {
    const row = this.row(number);
    if (!row) return;
    this.node.classList.add("nbp-with-details");
    this.details.open(row[0]);
  }

  close() {
    this.details.close();
    this.node.classList.remove("nbp-with-details");
    this.scroller.focus();
  }

  /** @param {any} message */
  async done({ action, name, text }) {
    if (action === "copy") this.say((await copyText(text)) ? "Copied: paste it into a cell." : text);
    else this.say(text);
    if (name !== this.details.name) return;
    if (action === "delete") this.close();
    else if (action !== "copy") this.askDetails();
  }

  /** The connection to the kernel went or came: does one answer? */
  askKernel() {
    const since = Date.now() / 1000;
    void tell(() => this.ask(0, 1));
    clearTimeout(this.asking);
    this.asking = setTimeout(() => {
      this.lostAt = since;
      this.say(`As of ${timeOfDay(since)}: the kernel of this list is gone. Run %processing_jobs again.`, true);
      clearTimeout(this.saying);
    }, ANSWER_MS);
  }

  /** @param {string} text */
  say(text, error = false) {
    setText(this.note, text);
    this.note.setAttribute("data-tone", error ? "error" : "ok");
    show(this.note, true);
    clearTimeout(this.saying);
    this.saying = setTimeout(() => show(this.note, false), error ? 15_000 : 6_000);
  }

  destroy() {
    clearInterval(this.polling);
    clearInterval(this.ticking);
    clearTimeout(this.typing);
    clearTimeout(this.saying);
    clearTimeout(this.asking);
    clearTimeout(this.resting);
    this.rows.destroy();
    this.details.destroy();
  }
}

/** @param {string} path */
function fileName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** @param {number} seconds POSIX */
function when(seconds) {
  const date = new Date(seconds * 1000);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return date.toDateString() === new Date().toDateString() ? `today ${time}` : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el: place }) {
  const browser = new JobBrowser((content) => model.send(content));
  const onMessage = (/** @type {any} */ message, /** @type {DataView[]} */ buffers) => browser.receive(message, buffers);
  const onLive = () => browser.askKernel(); // ipywidgets: the kernel was restarted, or is there again
  model.on("msg:custom", onMessage);
  model.on("comm_live_update", onLive);
  place.append(browser.node);
  return () => {
    model.off("msg:custom", onMessage);
    model.off("comm_live_update", onLive);
    browser.destroy();
  };
}

export default { render };
