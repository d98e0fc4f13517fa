// A list of which only what is in sight exists: thousands of rows cost what a screenful costs.

import { arrange } from "./rows.js";

const GUESS_PX = 64; // the height of a row that was never seen
const BEYOND_PX = 400; // made ready above and below what is in sight

export class VirtualList {
  // parent: the list, inside what scrolls. make(key): {row, ...} of a new row.
  constructor(parent, make) {
    Object.assign(this, { parent, make });
    this.items = [];
    this.rows = new Map();
    this.heights = new Map();
    this.scroller = parent.parentElement;
    this.scroller.addEventListener("scroll", () => this.paint(), { passive: true });
    new ResizeObserver(() => this.paint()).observe(this.scroller);
  }

  // items: [{key, fill(made)}] from the top; fill writes what the row says now.
  show(items) {
    this.items = items;
    this.paint();
  }

  height(key) {
    return this.heights.get(key) ?? GUESS_PX;
  }

  paint() {
    const [from, to] = [this.scroller.scrollTop - BEYOND_PX, this.scroller.scrollTop + this.scroller.clientHeight + BEYOND_PX];
    let [top, above, below] = [0, 0, 0];
    const seen = [];
    for (const item of this.items) {
      const high = this.height(item.key);
      if (top + high < from) above += high;
      else if (top > to) below += high;
      else seen.push(item);
      top += high;
    }
    const made = seen.map((item) => {
      if (!this.rows.has(item.key)) this.rows.set(item.key, this.make(item.key));
      return this.rows.get(item.key);
    });
    seen.forEach((item, i) => item.fill(made[i]));
    arrange(this.parent, made.map(({ row }) => row));
    this.parent.style.paddingTop = `${above}px`;
    this.parent.style.paddingBottom = `${below}px`;
    const keys = new Set(seen.map((item) => item.key));
    for (const key of this.rows.keys()) if (!keys.has(key)) this.rows.delete(key);
    seen.forEach((item, i) => this.heights.set(item.key, made[i].row.offsetHeight || GUESS_PX));
    if (this.heights.size > 4 * this.items.length + 1000) this.heights.clear();
  }

  // Scroll until a row is in sight.
  reveal(key) {
    // What comes into sight is measured then, and moves what is below it: near enough after three looks.
    for (let look = 0; look < 3; look++) this.approach(key);
  }

  approach(key) {
    let top = 0;
    for (const item of this.items) {
      if (item.key === key) break;
      top += this.height(item.key);
    }
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop + 30) this.scroller.scrollTop = top - 30;
    else if (top + this.height(key) > scrollTop + clientHeight) this.scroller.scrollTop = top + this.height(key) - clientHeight + 8;
    this.paint();
  }
}
