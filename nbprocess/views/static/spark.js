// A small curve with its name and its value now.
// @ts-check
import { el, setText } from "./dom.js";

const WIDTH = 96;
const HEIGHT = 22;
const SVG = "http://www.w3.org/2000/svg";

export class Spark {
  /** @param {string} label */
  constructor(label) {
    this.value = el("span", { class: "nbp-spark-value" });
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    this.area = document.createElementNS(SVG, "path");
    this.area.setAttribute("class", "nbp-spark-area");
    this.line = document.createElementNS(SVG, "path");
    this.line.setAttribute("class", "nbp-spark-line");
    svg.append(this.area, this.line);
    this.node = el("div", { class: "nbp-spark" }, el("span", { class: "nbp-spark-label", text: label }), svg, this.value);
  }

  /**
   * @param {(number | null)[]} values
   * @param {number} top what the height stands for
   * @param {string} words the value now
   */
  set(values, top, words) {
    const points = values.map((value, i) => [
      values.length > 1 ? (i / (values.length - 1)) * WIDTH : WIDTH,
      HEIGHT - 1 - Math.min(1, Math.max(0, (value ?? 0) / (top || 1))) * (HEIGHT - 2),
    ]);
    const path = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");
    this.line.setAttribute("d", path);
    this.area.setAttribute("d", path ? `${path}L${WIDTH},${HEIGHT}L${points[0][0].toFixed(1)},${HEIGHT}Z` : "");
    setText(this.value, words);
  }
}
