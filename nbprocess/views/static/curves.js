// What the machines of a job did: CPU, memory, GPU and disk, one row of curves per host.
// @ts-check
import { el, show } from "./dom.js";
import { size } from "./format.js";
import { Spark } from "./spark.js";

export class Curves {
  constructor() {
    this.node = el("div", { class: "nbp-sparks" });
    /** @type {Map<string, Record<string, Spark>>} */
    this.rows = new Map();
  }

  /** @param {any} state */
  update(state) {
    const hosts = Object.entries(state.usage).filter(([, samples]) => /** @type {any[]} */ (samples).length);
    show(this.node, hosts.length > 0);
    for (const [host, samples] of hosts) {
      let curves = this.rows.get(host);
      if (!curves) {
        curves = { cpu: new Spark("CPU"), memory: new Spark("Memory"), gpu: new Spark("GPU"), disk: new Spark("Disk") };
        this.rows.set(host, curves);
        const title = hosts.length > 1 || state.hosts.length > 1 ? el("span", { class: "nbp-spark-host", text: host }) : null;
        this.node.append(el("div", { class: "nbp-spark-row" }, title, ...Object.values(curves).map((curve) => curve.node)));
      }
      const column = (/** @type {number} */ at) => /** @type {any[]} */ (samples).map((sample) => sample[at]);
      const last = (/** @type {(number | null)[]} */ values) => values.findLast((value) => value !== null) ?? null;
      const set = (/** @type {string} */ key, /** @type {(number | null)[]} */ values, /** @type {number} */ top, /** @type {(v: number) => string} */ words) => {
        const now = last(values);
        show(curves[key].node, now !== null);
        if (now !== null) curves[key].set(values, top, words(now));
      };
      const peak = (/** @type {(number | null)[]} */ values) => Math.max(...values.map((value) => value ?? 0));
      const memory = column(2);
      const total = last(column(3)) ?? peak(memory) * 1.25;
      set("cpu", column(1), Math.max(100, peak(column(1))), (value) => `${Math.round(value)}%`);
      set("memory", memory, total, (value) => (last(column(3)) ? `${size(value)} of ${size(total)}` : size(value)));
      set("gpu", column(5), 100, (value) => `${Math.round(value)}%`);
      set("disk", column(4), peak(column(4)) * 1.25, size);
    }
  }
}
