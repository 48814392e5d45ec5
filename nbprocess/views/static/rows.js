// A list of any length of which only the visible rows exist.
// @ts-check
import { el } from "./dom.js";

const MAX_HEIGHT = 12_000_000; // browsers lose precision beyond some 16 to 33 million pixels

export class VirtualRows {
  /**
   * @param {object} options
   * @param {HTMLElement} options.scroller the scrolling element; it must have a height
   * @param {number} options.rowHeight pixels
   * @param {(row: number) => HTMLElement} options.render
   * @param {(first: number, last: number) => void} [options.onRange] the rows that are visible now
   * @param {(byUser: boolean) => void} [options.onScroll]
   * @param {() => void} [options.onResize] the scroller has another size, or is seen again
   */
  constructor({ scroller, rowHeight, render, onRange = () => {}, onScroll = () => {}, onResize = () => {} }) {
    this.scroller = scroller;
    this.rowHeight = rowHeight;
    this.render = render;
    this.onRange = onRange;
    this.count = 0;
    this.frame = 0;
    this.spacer = el("div", { class: "nbp-rows-spacer", role: "presentation" });
    this.window = el("div", { class: "nbp-rows-window", role: "presentation" });
    this.spacer.append(this.window);
    scroller.append(this.spacer);
    this.lastTop = 0;
    scroller.addEventListener("scroll", () => {
      const top = scroller.scrollTop;
      onScroll(Math.abs(top - this.lastTop) > 1);
      this.schedule();
    }, { passive: true });
    this.resize = new ResizeObserver(() => {
      onResize();
      this.schedule();
    });
    this.resize.observe(scroller);
  }

  get visible() {
    return Math.max(1, Math.ceil(this.scroller.clientHeight / this.rowHeight));
  }

  get height() {
    return Math.min(MAX_HEIGHT, this.count * this.rowHeight);
  }

  /** @param {number} count */
  setCount(count) {
    if (count === this.count) return;
    const shrinks = count < this.count;
    this.count = count;
    this.spacer.style.height = `${this.height}px`;
    if (shrinks) this.lastTop = Math.min(this.lastTop, Math.max(0, this.height - this.scroller.clientHeight)); // nobody scrolled
    this.schedule();
  }

  /** The first visible row; beyond MAX_HEIGHT the scroll bar stands for a larger list. */
  firstRow() {
    const room = this.height - this.scroller.clientHeight;
    if (room <= 0) return 0;
    if (this.count * this.rowHeight <= MAX_HEIGHT) return Math.floor(this.scroller.scrollTop / this.rowHeight);
    return Math.floor((this.scroller.scrollTop / room) * Math.max(0, this.count - this.visible + 1));
  }

  atEnd() {
    return this.scroller.scrollTop + this.scroller.clientHeight >= this.height - this.rowHeight * 1.5;
  }

  toEnd() {
    this.lastTop = Math.max(0, this.height - this.scroller.clientHeight);
    this.scroller.scrollTop = this.height;
    this.schedule();
  }

  /** @param {number} row */
  reveal(row) {
    const first = this.firstRow();
    if (row >= first + 1 && row < first + this.visible - 1) return;
    const scaled = this.count * this.rowHeight <= MAX_HEIGHT;
    const target = row < first + 1 ? row : row - this.visible + 2;
    const room = this.height - this.scroller.clientHeight;
    this.scroller.scrollTop = scaled ? target * this.rowHeight : (target / Math.max(1, this.count - this.visible + 1)) * room;
    this.schedule();
  }

  schedule() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    if (!this.scroller.clientHeight) return; // in a tab that is not in front; its scroll position is not 0
    this.lastTop = this.scroller.scrollTop;
    const first = Math.max(0, Math.min(this.firstRow(), this.count - this.visible));
    const last = Math.min(this.count, first + this.visible + 1);
    this.onRange(first, last);
    const nodes = [];
    for (let row = first; row < last; row += 1) nodes.push(this.render(row));
    const exact = this.count * this.rowHeight <= MAX_HEIGHT;
    const top = exact ? first * this.rowHeight : Math.min(this.scroller.scrollTop, this.height - (last - first) * this.rowHeight);
    this.window.style.transform = `translateY(${Math.max(0, top)}px)`;
    this.window.replaceChildren(...nodes);
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.resize.disconnect();
  }
}
