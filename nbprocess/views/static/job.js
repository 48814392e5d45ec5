// The card of one job.
// @ts-check
import { Curves } from "./curves.js";
import { button, copyText, el, isWebAddress, setText, show, tell } from "./dom.js";
import { duration, size, timeOfDay } from "./format.js";
import { LogPane } from "./log.js";
import { stopJob } from "./stop.js";

const ANSWER_MS = 3000;

export class JobCard {
  /**
   * @param {object} options
   * @param {(content: any) => any} options.send
   * @param {() => boolean} options.waiting
   * @param {() => string} options.kernel
   * @param {any} options.state
   */
  constructor({ send, waiting, kernel, state }) {
    this.send = send;
    this.waiting = waiting;
    this.kernel = kernel;
    this.state = state;
    this.stopHeard = false;
    this.lostAt = 0; // POSIX seconds: since when no kernel follows the job
    this.asking = 0;
    this.log = new LogPane({ send, title: () => this.state.name });
    this.dot = el("span", { class: "nbp-dot", "aria-hidden": "true" });
    this.word = el("strong", { class: "nbp-word", role: "status", "aria-live": "polite" });
    this.name = el("code", { class: "nbp-name" });
    this.elapsed = el("span", { class: "nbp-elapsed", title: "Time since the job was made" });
    this.stopButton = button("Stop", () => void this.stop(), { class: "nbp-button nbp-stop", title: "Stop the job; what is ready comes back" });
    this.headline = el("div", { class: "nbp-headline" });
    this.failure = el("div", { class: "nbp-failure", role: "alert" });
    this.stopNote = el("div", { class: "nbp-stop-note", role: "status", hidden: true });
    this.phases = el("ol", { class: "nbp-phases", "aria-label": "Phases" });
    this.bar = el("div", { class: "nbp-bar", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", "aria-label": "Progress" }, el("div", { class: "nbp-bar-fill" }));
    this.doing = el("span", { class: "nbp-doing" });
    this.facts = el("div", { class: "nbp-facts" });
    this.curves = new Curves();
    this.variables = el("div", { class: "nbp-variables" });
    this.unchanged = el("div", { class: "nbp-unchanged" });
    this.notices = el("ul", { class: "nbp-notices" });
    this.links = el("div", { class: "nbp-links" });
    this.attachButton = button("Copy attach command", (event) => void this.copied(this.state.attach, event), { class: "nbp-button nbp-quiet" });
    this.node = el("section", { class: "nbp-card", "aria-label": "Job" },
      el("header", { class: "nbp-head" }, this.dot, this.word, this.name, el("span", { class: "nbp-grow" }), this.elapsed, this.stopButton),
      this.headline, this.failure, this.stopNote, this.phases,
      el("div", { class: "nbp-progress" }, this.bar, this.doing),
      this.facts, this.curves.node, this.variables, this.unchanged, this.notices, this.log.node,
      el("footer", { class: "nbp-foot" }, this.links, el("span", { class: "nbp-grow" }), this.attachButton));
    this.variablesMark = "";
    this.update(this.state);
    this.ticking = setInterval(() => this.tick(), 1000);
  }

  /** @param {any} state */
  update(state) {
    this.state = state;
    this.found();
    this.node.setAttribute("data-tone", state.tone);
    this.node.setAttribute("data-status", state.status);
    this.node.setAttribute("aria-label", `Job ${state.name}`);
    setText(this.word, state.word);
    setText(this.name, state.name);
    setText(this.headline, state.headline);
    show(this.headline, !!state.headline);
    setText(this.failure, state.failure);
    show(this.failure, !!state.failure);
    const busy = !state.terminal;
    show(this.stopButton, busy);
    if (state.stop_requested || state.status === "Stopping") this.stopping();
    if (!busy) show(this.stopNote, false);
    this.updateProgress(state);
    const facts = [state.machine, state.cost_words, state.peak_memory && `peak memory ${state.peak_memory}`, busy && state.timeout ? `time limit ${duration(state.timeout)}` : ""];
    this.facts.replaceChildren(...facts.filter(Boolean).map((text) => el("span", { text, title: text === state.cost_words ? state.price_note : null })));
    this.curves.update(state);
    this.updateVariables(state.variables);
    setText(this.unchanged, state.unchanged);
    show(this.unchanged, !!state.unchanged);
    this.notices.replaceChildren(...state.notices.map((/** @type {string} */ text) => el("li", { text })));
    show(this.notices, state.notices.length > 0);
    this.links.replaceChildren(...Object.entries(state.links).map(([title, target]) =>
      isWebAddress(target)
        ? el("a", { href: target, target: "_blank", rel: "noopener noreferrer", text: title })
        : button(`Copy ${title.toLowerCase()}`, (event) => void this.copied(target, event), { class: "nbp-button nbp-quiet", title: target })));
    this.log.setHosts(state.hosts);
    this.log.ended(state.terminal);
    this.tick();
  }

  /** @param {any} state */
  updateProgress(state) {
    const known = state.fraction !== null && state.fraction !== undefined;
    const busy = !state.terminal || state.phase !== "done";
    show(/** @type {HTMLElement} */ (this.bar.parentElement), busy);
    this.bar.classList.toggle("nbp-unknown", busy && !known);
    const percent = known ? Math.round(state.fraction * 100) : 0;
    if (known) this.bar.setAttribute("aria-valuenow", String(percent));
    else this.bar.removeAttribute("aria-valuenow");
    this.bar.setAttribute("aria-valuetext", state.doing || (known ? `${percent}%` : state.word));
    /** @type {HTMLElement} */ (this.bar.firstElementChild).style.width = known ? `${state.fraction * 100}%` : "";
    setText(this.doing, state.doing ? `${known ? `${percent}% · ` : ""}${state.doing}` : "");
  }

  /** Times move on between the kernel's messages. */
  tick() {
    const state = this.state;
    const now = state.ended ?? (this.lostAt || Date.now() / 1000);
    setText(this.elapsed, duration(now - state.created));
    const steps = state.phases.filter((/** @type {any} */ step) => step.phase !== "done");
    while (this.phases.childElementCount > steps.length) this.phases.lastElementChild?.remove();
    steps.forEach((/** @type {any} */ step, /** @type {number} */ i) => {
      let node = this.phases.children[i];
      if (!node) this.phases.append((node = el("li", {}, el("span", { class: "nbp-phase-word" }), el("span", { class: "nbp-phase-time" }))));
      const current = step.end === null && !(state.terminal && state.phase === "done");
      if (current) node.setAttribute("aria-current", "step");
      else node.removeAttribute("aria-current");
      setText(/** @type {Node} */ (node.firstChild), step.word);
      setText(/** @type {Node} */ (node.lastChild), duration((step.end ?? now) - step.start));
    });
  }

  /** @param {any[]} variables */
  updateVariables(variables) {
    const mark = JSON.stringify(variables);
    if (mark === this.variablesMark) return;
    this.variablesMark = mark;
    show(this.variables, variables.length > 0);
    const sorted = [...variables].sort((a, b) => Number(a.status === "failed") - Number(b.status === "failed"));
    this.variables.replaceChildren(el("table", {},
      el("thead", {}, el("tr", {}, ...["variable", "type", "shape", "size", "status"].map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, ...sorted.map((v) => el("tr", { "data-status": v.status },
        el("th", { scope: "row" }, el("code", { text: v.name })), el("td", { text: v.type }), el("td", { text: v.shape }),
        el("td", { text: v.size ? size(v.size) : "" }), el("td", { text: v.reason ? `${v.word}: ${v.reason}` : v.word }))))));
  }

  stopping() {
    this.stopHeard = true;
    this.stopButton.disabled = true;
    setText(this.stopButton, "Stopping …");
  }

  async stop() {
    if (this.stopButton.disabled) return;
    this.stopButton.disabled = true;
    setText(this.stopButton, "Stopping …");
    const asked = await stopJob({ name: this.state.name, ask: () => this.send({ type: "stop" }), heard: () => this.stopHeard || this.state.terminal, waiting: this.waiting, kernel: this.kernel });
    if (this.state.terminal) return;
    setText(this.stopNote, asked ? "Stopping: what is ready is saved and comes back." : "The kernel does not answer: press ■ (interrupt) in the toolbar, or run nbprocess stop in a terminal.");
    show(this.stopNote, true);
    if (!asked) {
      this.stopButton.disabled = false;
      setText(this.stopButton, "Stop");
    }
  }

  /**
   * @param {string} text
   * @param {Event} event of the button
   */
  async copied(text, event) {
    const node = /** @type {HTMLElement} */ (event.currentTarget);
    const label = node.textContent ?? "";
    if (!(await copyText(text))) this.log.say(text);
    else if (label !== "Copied") {
      setText(node, "Copied");
      setTimeout(() => setText(node, label), 1500);
    }
  }

  /** The connection to the kernel went or came: is there still one that knows the job? */
  ask() {
    const since = Date.now() / 1000;
    void tell(() => this.send({ type: "ready" }));
    clearTimeout(this.asking);
    this.asking = setTimeout(() => this.lost(since), ANSWER_MS);
  }

  /** @param {number} since POSIX seconds */
  lost(since) {
    if (this.state.terminal) return;
    this.lostAt = since;
    this.node.setAttribute("data-lost", "");
    setText(this.stopNote, `As of ${timeOfDay(since)}: the kernel that followed this job is gone. The job goes on; ${this.state.attach} follows it.`);
    show(this.stopNote, true);
    this.tick();
  }

  found() {
    clearTimeout(this.asking);
    if (!this.lostAt) return;
    this.lostAt = 0;
    this.node.removeAttribute("data-lost");
    show(this.stopNote, false);
  }

  /**
   * @param {any} message
   * @param {DataView[]} buffers
   */
  receive(message, buffers) {
    this.found();
    if (message.type === "stopping") this.stopping();
    else this.log.receive(message, buffers);
  }

  destroy() {
    clearInterval(this.ticking);
    clearTimeout(this.asking);
    this.log.destroy();
  }
}

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el: place }) {
  const card = new JobCard({
    send: (content) => model.send(content),
    waiting: () => model.get("waiting"),
    kernel: () => model.get("kernel_id"),
    state: model.get("state"),
  });
  const onState = () => card.update(model.get("state"));
  const onMessage = (/** @type {any} */ message, /** @type {DataView[]} */ buffers) => card.receive(message, buffers);
  model.on("change:state", onState);
  const onLive = () => card.ask(); // ipywidgets: the kernel was restarted, or is there again
  model.on("msg:custom", onMessage);
  model.on("comm_live_update", onLive);
  place.append(card.node);
  model.send({ type: "ready" }); // also after a page reload: the kernel answers with the end of the log
  return () => {
    model.off("change:state", onState);
    model.off("msg:custom", onMessage);
    model.off("comm_live_update", onLive);
    card.destroy();
  };
}

export default { render };
