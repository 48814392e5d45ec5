// The tabs of one job in the job browser: what each kind of section looks like.
// @ts-check
import { ansiNodes } from "./ansi.js";
import { Curves } from "./curves.js";
import { button, copyText, el, isWebAddress, setText, show } from "./dom.js";
import { duration, size } from "./format.js";
import { LogPane } from "./log.js";

const FRAME_STYLE =
  "<style>body { font: 13px system-ui, sans-serif; margin: 6px; } table { border-collapse: collapse; border: none; } th, td { border: none; padding: 2px 8px; text-align: right; }</style>";

export class JobDetails {
  /**
   * @param {object} options
   * @param {(content: any) => void} options.send
   * @param {() => void} options.onClose
   */
  constructor({ send, onClose }) {
    this.send = send;
    this.onClose = onClose;
    this.name = "";
    this.tab = "";
    this.shown = ""; // what the body shows, so that an answer without news leaves scroll positions and selections alone
    this.tabsMark = "";
    this.ended = false; // then nothing of it changes by itself
    /** @type {{output: string, path: string, place: HTMLElement} | null} */
    this.file = null;
    /** @type {LogPane | null} */
    this.log = null;
    /** @type {{title: string, kind: string, content: any, note?: string}[]} */
    this.tabs = [];
    this.closeButton = button("✕", () => this.onClose(), { class: "nbp-button nbp-quiet", "aria-label": "Close details" });
    this.head = el("div", { class: "nbp-details-head" });
    this.actions = el("div", { class: "nbp-actions", role: "toolbar", "aria-label": "Actions" });
    this.bar = el("div", { class: "nbp-tabs", role: "tablist", "aria-label": "Details" });
    this.body = el("div", { class: "nbp-tab-body", role: "tabpanel", tabindex: "0" });
    this.node = el("aside", { class: "nbp-details", hidden: true, tabindex: "-1", "aria-label": "Job details",
      on: { keydown: (/** @type {KeyboardEvent} */ event) => { if (event.key === "Escape") this.onClose(); event.stopPropagation(); } } });
  }

  /** @param {string} name */
  open(name) {
    if (name === this.name) return;
    this.name = name;
    this.tab = "";
    this.shown = "";
    this.tabsMark = "";
    this.ended = false;
    this.file = null;
    this.log?.destroy();
    this.log = null;
    this.node.replaceChildren(el("div", { class: "nbp-details-head" }, el("code", { text: name })), el("p", { text: "Loading …" }));
    show(this.node, true);
    this.send({ type: "details", name });
  }

  close() {
    this.name = "";
    this.log?.destroy();
    this.log = null;
    show(this.node, false);
  }

  /** @param {any} message */
  receive({ name, state, sections, actions }) {
    if (name !== this.name) return;
    const first = !this.node.contains(this.body);
    const used = state && Object.values(state.usage).some((samples) => /** @type {any[]} */ (samples).length);
    const code = sections.filter((/** @type {any} */ section) => section.kind === "code");
    this.tabs = [{ title: "Overview", kind: "state", content: state }, ...code, { title: "Log", kind: "log", content: state?.hosts ?? [] },
      ...(used ? [{ title: "Metrics", kind: "usage", content: state }] : []), ...sections.filter((/** @type {any} */ section) => section.kind !== "code")];
    this.node.setAttribute("data-tone", state?.tone ?? "busy");
    this.head.replaceChildren(...[el("span", { class: "nbp-dot", "aria-hidden": "true" }), state && el("span", { class: "nbp-word", text: state.word }),
      el("code", { text: name }), el("span", { class: "nbp-grow" })].filter(Boolean), this.closeButton);
    const mark = JSON.stringify([this.tabs.map((tab) => tab.title), actions]);
    if (mark !== this.tabsMark) {
      this.tabsMark = mark;
      this.actions.replaceChildren(...Object.entries(actions).map(([action, label]) => this.actionButton(action, String(label))));
      this.bar.replaceChildren(...this.tabs.map((tab, at) => this.tabButton(tab.title, at)));
    }
    if (first) this.node.replaceChildren(this.head, this.actions, this.bar, this.body);
    this.ended = !!state?.terminal;
    this.log?.ended(this.ended);
    this.choose(Math.max(0, this.tabs.findIndex((tab) => tab.title === this.tab)));
    if (first) this.node.focus({ preventScroll: true });
  }

  /** @param {number} at */
  choose(at) {
    const tab = this.tabs[at];
    this.tab = tab.title;
    [...this.bar.children].forEach((node, i) => { node.setAttribute("aria-selected", String(i === at)); node.setAttribute("tabindex", i === at ? "0" : "-1"); });
    const mark = `${at} ${tab.title} ${tab.kind === "log" ? "" : JSON.stringify(tab.content)}`;
    if (tab.kind === "log") this.logPane(tab.content);
    if (mark === this.shown) return;
    this.shown = mark;
    this.body.setAttribute("aria-label", tab.title);
    this.body.replaceChildren(tab.kind === "log" ? this.logPane(tab.content).node : tab.kind === "files" ? this.filesNode(tab) : sectionNode(tab));
    if (tab.kind === "log") this.log?.shown();
  }

  /**
   * The files of the outputs; one that is chosen shows itself under them.
   * @param {{content: any, note?: string}} section
   */
  filesNode({ content, note }) {
    const place = el("div", { class: "nbp-preview", "aria-live": "polite" });
    const name = this.name;
    const list = el("ul", { class: "nbp-files", "aria-label": "Files of the outputs" }, ...content.map((/** @type {[string, string, number]} */ [output, path, bytes]) => {
      const node = button("", () => {
        for (const other of list.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === node));
        place.replaceChildren(el("p", { class: "nbp-quiet-text", text: "Reading …" }));
        this.file = { output, path, place };
        this.send({ type: "preview", name, output, path });
      }, { class: "nbp-file", "aria-pressed": "false" });
      node.append(el("span", { class: "nbp-file-path", text: `${output}/${path}` }), el("span", { class: "nbp-file-size", text: size(bytes) }));
      return el("li", {}, node);
    }));
    return el("div", {}, content.length > 0 && list, note && el("p", { class: "nbp-quiet-text", text: note }), place);
  }

  /** @param {{name: string, output: string, path: string, section: any}} message */
  receivePreview({ name, output, path, section }) {
    const file = this.file;
    if (name !== this.name || !file || file.output !== output || file.path !== path) return;
    const code = `import nbprocess\nnbprocess.attach(${JSON.stringify(name)}).outputs[${JSON.stringify(output)}] / ${JSON.stringify(path)}`;
    file.place.replaceChildren(
      el("div", { class: "nbp-preview-head" }, el("strong", { text: path }), el("span", { class: "nbp-grow" }),
        button("Copy code", () => void copyText(code), { title: "The Python that has the file, for any notebook" })),
      sectionNode(section));
  }

  /** @param {string[]} hosts */
  logPane(hosts) {
    if (!this.log) {
      const name = this.name;
      this.log = new LogPane({ send: (content) => this.send({ type: "log", name, content }), title: () => name, folds: false });
      this.log.ended(!!this.tabs[0].content?.terminal);
      this.log.filter();
    }
    this.log.setHosts(hosts);
    return this.log;
  }

  /**
   * @param {any} message
   * @param {DataView[]} buffers
   */
  receiveLog({ name, message }, buffers) {
    if (name === this.name) this.log?.receive(message, buffers);
  }

  /**
   * @param {string} title
   * @param {number} at
   */
  tabButton(title, at) {
    return button(title, () => this.choose(at), { class: "nbp-tab", role: "tab",
      on: { keydown: (/** @type {KeyboardEvent} */ event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next = (at + step + this.tabs.length) % this.tabs.length;
        this.choose(next);
        /** @type {HTMLElement} */ (this.bar.children[next]).focus();
        event.preventDefault();
      } } });
  }

  /**
   * @param {string} action
   * @param {string} label
   */
  actionButton(action, label) {
    const name = this.name;
    const node = button(label, () => {
      if (action === "delete" && node.dataset.sure !== "1") { // what is deleted cannot be had back
        node.dataset.sure = "1";
        setText(node, "Delete for good?");
        setTimeout(() => { node.dataset.sure = ""; setText(node, label); }, 4000);
        return;
      }
      node.disabled = true;
      this.send({ type: "act", action, name });
      setTimeout(() => { node.disabled = false; }, 3000);
    }, { "data-action": action });
    return node;
  }

  destroy() {
    this.log?.destroy();
  }
}

/**
 * @param {{kind: string, content: any, title: string, note?: string}} section
 * @returns {HTMLElement}
 */
export function sectionNode(section) {
  const node = contentNode(section);
  return section.note ? el("div", {}, node, el("p", { class: "nbp-quiet-text", text: section.note })) : node;
}

/**
 * @param {{kind: string, content: any, title: string}} section
 * @returns {HTMLElement}
 */
function contentNode({ kind, content, title }) {
  if (kind === "state") return content ? overview(content) : el("p", { text: "The state of this job is not known." });
  if (kind === "usage") {
    const curves = new Curves();
    curves.update(content);
    return el("div", {}, curves.node, content.peak_memory && el("p", { text: `Peak memory: ${content.peak_memory}` }));
  }
  if (kind === "table") {
    const [titles = [], ...rows] = content;
    return el("div", { class: "nbp-wide" }, el("table", {}, el("thead", {}, el("tr", {}, ...titles.map((/** @type {any} */ text) => el("th", { scope: "col", text: String(text) })))),
      el("tbody", {}, ...rows.map((/** @type {any[]} */ cells) => el("tr", {}, ...cells.map((text) => el("td", { text: String(text) })))))));
  }
  if (kind === "parts") return el("div", { class: "nbp-parts" }, ...content.map((/** @type {any} */ part) => (part.kind === "text" ? el("pre", {}, ...ansiNodes(part.content)) : sectionNode(part))));
  if (kind === "image" && /^data:image\/(png|jpeg|gif|webp|svg\+xml);base64,/.test(content)) return el("img", { src: content, alt: title });
  if (kind === "html") return frame(content, title);
  return el("div", {}, button("Copy", () => void copyText(String(content)), { class: "nbp-button nbp-copy" }), el("pre", { text: String(content) }));
}

/**
 * HTML of a job in a frame without scripts and origin, which cannot tell how high it would be.
 * @param {string} html
 * @param {string} title
 */
function frame(html, title) {
  const lines = (html.match(/<(?:tr|p|div|li|br|h\d)\b/gi) ?? []).length;
  return el("iframe", { sandbox: "", srcdoc: FRAME_STYLE + html, title, class: "nbp-frame", style: `height: ${Math.min(300, 48 + 22 * lines)}px` });
}

/** @param {any} state */
function overview(state) {
  const facts = [["Machine", state.machine], ["Cost", state.cost_words], ["Peak memory", state.peak_memory], ["Time limit", !state.terminal && state.timeout ? duration(state.timeout) : ""], ["Image", state.image], ["Notebook", state.notebook],
    ["Created", new Date(state.created * 1000).toLocaleString()],
    ["Phases", state.phases.filter((/** @type {any} */ p) => p.phase !== "done").map((/** @type {any} */ p) => `${p.word} ${duration((p.end ?? Date.now() / 1000) - p.start)}`).join(", ")]];
  return el("div", {},
    state.headline && el("p", { text: state.headline }),
    state.failure && el("p", { class: "nbp-failure", text: state.failure }),
    el("dl", {}, ...facts.flatMap(([term, text]) => (text ? [el("dt", { text: term }), el("dd", { text })] : []))),
    state.variables.length > 0 && el("div", { class: "nbp-wide" }, el("table", {}, el("thead", {}, el("tr", {}, ...["variable", "type", "shape", "size", "status"].map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, ...state.variables.map((/** @type {any} */ v) => el("tr", {}, el("th", { scope: "row", text: v.name }), el("td", { text: v.type }), el("td", { text: v.shape }),
        el("td", { text: v.size ? size(v.size) : "" }), el("td", { text: v.reason ? `${v.word}: ${v.reason}` : v.word })))))),
    state.unchanged && el("p", { class: "nbp-quiet-text", text: state.unchanged }),
    state.notices.length > 0 && el("ul", {}, ...state.notices.map((/** @type {string} */ text) => el("li", { text }))),
    el("p", { class: "nbp-links" }, ...Object.entries(state.links).map(([title, target]) =>
      isWebAddress(target) ? el("a", { href: target, target: "_blank", rel: "noopener noreferrer", text: title }) : el("span", { text: `${title}: ${target}` }))));
}
