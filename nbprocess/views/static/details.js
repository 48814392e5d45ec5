// The tabs of one job in the job browser: what each kind of section looks like.
// @ts-check
import { Curves } from "./curves.js";
import { button, copyText, el, isWebAddress } from "./dom.js";
import { duration, size } from "./format.js";

/** @param {{kind: string, content: any, title: string}} section */
export function sectionNode({ kind, content, title }) {
  if (kind === "state") return content ? overview(content) : el("p", { text: "The state of this job is not known." });
  if (kind === "usage") {
    const curves = new Curves();
    curves.update(content);
    return el("div", {}, curves.node, content.peak_memory && el("p", { text: `Peak memory: ${content.peak_memory}` }));
  }
  if (kind === "table") {
    const [titles = [], ...rows] = content;
    return el("table", {}, el("thead", {}, el("tr", {}, ...titles.map((/** @type {any} */ text) => el("th", { scope: "col", text: String(text) })))),
      el("tbody", {}, ...rows.map((/** @type {any[]} */ cells) => el("tr", {}, ...cells.map((text) => el("td", { text: String(text) }))))));
  }
  if (kind === "image" && /^data:image\/(png|jpeg|gif|webp);base64,/.test(content)) return el("img", { src: content, alt: title });
  if (kind === "html") return el("iframe", { sandbox: "", srcdoc: content, title, class: "nbp-frame" }); // no scripts, no origin
  return el("div", {}, button("Copy", () => void copyText(String(content)), { class: "nbp-button nbp-copy" }), el("pre", { text: String(content) }));
}

/** @param {any} state */
function overview(state) {
  const facts = [["Machine", state.machine], ["Cost", state.cost_words], ["Peak memory", state.peak_memory], ["Image", state.image],
    ["Created", new Date(state.created * 1000).toLocaleString()],
    ["Phases", state.phases.filter((/** @type {any} */ p) => p.phase !== "done").map((/** @type {any} */ p) => `${p.word} ${duration((p.end ?? Date.now() / 1000) - p.start)}`).join(", ")]];
  return el("div", {},
    state.headline && el("p", { text: state.headline }),
    state.failure && state.failure !== state.headline && el("p", { class: "nbp-failure", text: state.failure }),
    el("dl", {}, ...facts.flatMap(([term, text]) => (text ? [el("dt", { text: term }), el("dd", { text })] : []))),
    state.variables.length > 0 && el("table", {}, el("thead", {}, el("tr", {}, ...["variable", "type", "shape", "size", "status"].map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, ...state.variables.map((/** @type {any} */ v) => el("tr", {}, el("th", { scope: "row", text: v.name }), el("td", { text: v.type }), el("td", { text: v.shape }),
        el("td", { text: v.size ? size(v.size) : "" }), el("td", { text: v.reason ? `${v.word}: ${v.reason}` : v.word }))))),
    el("ul", {}, ...state.notices.map((/** @type {string} */ text) => el("li", { text }))),
    el("p", { class: "nbp-links" }, ...Object.entries(state.links).map(([title, target]) =>
      isWebAddress(target) ? el("a", { href: target, target: "_blank", rel: "noopener noreferrer", text: title }) : el("span", { text: `${title}: ${target}` }))));
}
