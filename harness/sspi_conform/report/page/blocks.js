// SPDX-License-Identifier: Apache-2.0
// A function for each kind of block; blocks.py makes them.

const KINDS = {
  text: (block) => block.text.map((one) => el("p", {class: toned(block.tone).trim() || null}, one)),
  heading: (block) => el("h3", {}, block.text),
  facts: (block) => el("dl", {class: "facts"}, block.rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]).flat()),
  items: (block) => el(block.ordered ? "ol" : "ul", {class: "items"}, block.items.map((one) => el("li", {}, one))),
  command: (block) => el("div", {class: "command"}, el("code", {}, block.text), copier(block.text)),
  tiles: (block) => el("ul", {class: "tiles"}, block.tiles.map(tile)),
  beside: (block) => el("div", {class: "beside"}, block.columns.map((one) => el("div", {}, draw(one)))),
  bar,
  table,
  fold,
  compare,
  exchange,
  cases: (block) => caseList(block),
  case: (block) => caseView(block),
};

/** The elements of a list of blocks. */
function draw(blocks) {
  return blocks.flatMap((block) => Object.hasOwn(KINDS, block.kind) ? KINDS[block.kind](block)
    : el("p", {class: "mute"}, `A block of kind ${block.kind}, which this page cannot draw.`));
}

function tile([label, number, tone, note, to]) {
  const words = [el("span", {class: "number"}, number.toLocaleString("en")), el("span", {class: "label"}, label),
    note && el("span", {class: "small"}, note)];
  return el("li", {class: "tile" + toned(tone)}, to ? el("a", {href: `#${to}`}, words) : words);
}

function bar(block) {
  const total = block.parts.reduce((sum, [, number]) => sum + number, 0) || 1;
  const words = block.parts.filter(([, number]) => number).map(([name, number]) => `${number} ${name}`).join(", ") || "none";
  const parts = block.parts.filter(([, number]) => number).map(([name, number, tone]) => {
    const part = el("span", {class: "part" + toned(tone), title: `${visible(name)}: ${number}`});
    part.style.flexGrow = number / total;
    return part;
  });
  return el("div", {class: "bar-row"}, block.label && el("span", {class: "bar-label"}, block.label),
    el("div", {class: "bar", role: "img", "aria-label": words}, parts), el("span", {class: "bar-words"}, words));
}

function fold(block) {
  const place = el("div", {class: "folded"});
  const details = el("details", {class: "fold" + toned(block.tone)}, el("summary", {}, block.text), place);
  details.addEventListener("toggle", () => {
    if (details.open && !place.firstChild) fill(place, block.opens);
  });
  return details;
}

/** A table; the cells that open something show it below the table, one at a time. */
function table(block) {
  const below = el("div", {class: "below", hidden: true, tabindex: "-1"});
  const heads = [block.groups || [], block.head].filter((one) => one.length);
  const head = heads.length > 0 && el("thead", {}, heads.map((cells) => el("tr", {}, cells.map((one) => tableCell(one, "th", "col", below)))));
  const rows = block.rows.map((row) => el("tr", {},
    row.map((one, column) => tableCell(one, column ? "td" : "th", column ? null : "row", below))));
  const drawn = el("table", {class: block.dense ? "dense" : null}, block.caption && el("caption", {}, block.caption), head,
    el("tbody", {}, rows));
  drawn.addEventListener("keydown", (event) => moveInTable(event, drawn));
  return [el("div", {class: "scrolls"}, drawn), below];
}

function tableCell(given, tag, scope, below) {
  const one = given !== null && typeof given === "object" ? given : {text: given};
  const attributes = {scope: one.span && scope === "col" ? "colgroup" : scope, colspan: one.span, class: toned(one.tone).trim() || null,
    title: one.note && visible(one.note)};
  const words = tag === "th" ? breakable(one.text) : one.text;
  const mark = one.mark && el("small", {class: "mark"}, one.mark);
  if (!one.opens && !one.to) return weighed(el(tag, attributes, words, mark), one);
  const inside = one.to ? el("a", {href: `#${one.to}`, "aria-label": one.note}, one.text, mark)
    : el("button", {type: "button", "aria-expanded": "false", "aria-label": one.note}, one.text, mark);
  if (one.opens) inside.addEventListener("click", () => showBelow(inside, one, below));
  return weighed(el(tag, attributes, inside), one);
}

function weighed(element, one) {
  if (one.weight !== undefined) element.style.setProperty("--weight", String(one.weight));
  return element;
}

async function showBelow(button, one, below) {
  const again = button.getAttribute("aria-expanded") === "true";
  for (const other of button.closest("table").querySelectorAll('[aria-expanded="true"]')) other.setAttribute("aria-expanded", "false");
  below.hidden = again;
  if (again) return;
  button.setAttribute("aria-expanded", "true");
  await fill(below, one.opens);
  below.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    below.hidden = true;
    button.setAttribute("aria-expanded", "false");
    button.focus();
  };
  below.scrollIntoView({block: "nearest"});
  below.focus({preventScroll: true});
}

/** Arrows go from cell to cell among those that can be opened. */
function moveInTable(event, drawn) {
  const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
  const from = event.target.closest("td, th");
  if (!step || !from) return;
  let [row, column] = [from.parentElement.rowIndex, from.cellIndex];
  while (true) {
    row += step[0];
    column += step[1];
    const next = drawn.rows[row] && drawn.rows[row].cells[column];
    if (!next) return;
    const target = next.querySelector("a, button");
    if (!target) continue;
    target.focus();
    event.preventDefault();
    return;
  }
}

/** Expected beside actual; what is missing and what is too much is marked inside the values. */
function compare(block) {
  const reasons = block.rows.some((row) => row.evidence);
  const head = ["Path", block.expected, block.actual, reasons && "How we know", el("span", {class: "unseen"}, "Verdict")];
  const rows = block.rows.map((row) => compareRow(row, reasons));
  return el("div", {class: "scrolls"}, el("table", {class: "compare"},
    el("thead", {}, el("tr", {}, head.filter(Boolean).map((one) => el("th", {scope: "col"}, one)))), el("tbody", {}, rows)));
}

function compareRow(row, reasons) {
  const why = !reasons ? null : el("td", {class: "why"}, !row.under ? row.evidence
    : el("button", {type: "button", "aria-expanded": "false", onclick: (event) => unfoldReasons(event.currentTarget, row)}, row.evidence));
  return el("tr", {class: row.differs ? "differs" : null}, el("th", {scope: "row"}, breakable(row.path)),
    el("td", {}, markWords(row.expected, row.missing, row.differs)), el("td", {}, markWords(row.actual, row.extra, row.differs)),
    why, el("td", {class: "sign"}, row.differs ? "✗ differs" : row.actual === null ? "" : "✓"));
}

/** `row.under` gives what stands below a row, when it is asked for. */
async function unfoldReasons(button, row) {
  const line = button.closest("tr");
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!open));
  if (open) return line.nextSibling.remove();
  const place = el("td", {colspan: "5"});
  line.after(el("tr", {class: "under"}, place));
  place.append(...await row.under());
}

/** A value with some of its words marked; all of it when it differs and none of them is in it. */
function markWords(value, words, differs) {
  const text = visible(value === null || value === undefined ? "" : value);
  const wanted = new Set(words || []);
  const parts = text.split(/([\s,[\]]+)/);
  if (!differs) return breakable(text);
  if (!parts.some((part) => wanted.has(part))) return words && words.length === 0 ? breakable(text) : [el("mark", {}, breakable(text))];
  return parts.flatMap((part) => wanted.has(part) ? [el("mark", {}, breakable(part))] : [part]);
}
