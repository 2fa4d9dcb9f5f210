// SPDX-License-Identifier: Apache-2.0
// The list of cases: filtered by text and facets, drawn only where it is seen, kept in the address.

const ROW = 46; // pixels; page.css has the same
const CHOSEN = ["mechanism", "side", "flag", "status", "evidence", "fact"];
const LINKED = {alone: "asks only for", returned: "judges among what is returned", expects: "expects"}; // by the coverage
const FACETS = [...CHOSEN, ...Object.keys(LINKED)];

/** {names, cases, details, sources}: see run_cases.py. */
function caseList(block) {
  sourcesOfCases = block.sources.opens;
  const list = new CaseList(block);
  return list.element;
}

class CaseList {
  constructor(block) {
    this.names = block.names;
    this.details = block.details;
    this.cases = block.cases.map((row, number) => this.read(row, number));
    this.byId = new Map(this.cases.map((one) => [one.id, one]));
    this.shown = [];
    this.at = -1;
    this.element = this.build();
    this.state = this.fromAddress();
    this.apply();
    addEventListener("hashchange", () => this.goTo());
    addEventListener("beforeprint", () => this.printed());
    addEventListener("afterprint", () => { this.everything = false; this.paint(); });
    requestAnimationFrame(() => this.arrive());
  }

  read([id, scenario, verdict, mechanism, side, evidence, flag, status, fact, alone, returned, expects, note], number) {
    const title = this.names.scenario[scenario];
    return {id, number, verdict, title, note, mechanism, side, evidence, flag: new Set(flag), status: new Set(status), fact: new Set(fact), alone: new Set(alone),
      returned: new Set(returned), expects: new Set(expects),
      searched: `${id} ${title} ${note}`.toLowerCase()};
  }

  // What the page has of it

  build() {
    this.search = el("input", {type: "search", id: "search", placeholder: "Search cases, values, sentences  ( / )",
      "aria-label": "Search cases", oninput: () => this.change({q: this.search.value})});
    this.verdicts = el("div", {class: "verdicts", role: "group", "aria-label": "Verdicts"},
      this.names.verdict.map(([label, tone, sign], number) => this.verdictButton(label, tone, sign, number)));
    this.selects = Object.fromEntries(CHOSEN.map((facet) => [facet, this.select(facet)]));
    this.linked = el("span", {class: "linked"});
    this.count = el("span", {class: "count", "aria-live": "polite"});
    this.inner = el("div", {class: "rows"});
    this.view = el("div", {class: "list", role: "listbox", tabindex: "0", "aria-label": "Cases", id: "list",
      onscroll: () => this.paint(), onkeydown: (event) => this.key(event)}, this.inner);
    this.detail = el("article", {class: "detail", tabindex: "-1", "aria-label": "The chosen case", id: "detail",
      onkeydown: (event) => { if (event.key === "Escape") this.view.focus(); }});
    document.addEventListener("keydown", (event) => this.anywhere(event));
    new ResizeObserver(() => this.paint()).observe(this.view);
    return el("div", {class: "cases"},
      el("div", {class: "filters", role: "search"}, el("div", {}, this.search, this.verdicts),
        el("div", {}, CHOSEN.map((facet) => el("label", {}, el("span", {}, facet), this.selects[facet])),
          el("button", {type: "button", class: "reset", onclick: () => this.reset()}, "Clear filters"))),
      el("p", {class: "hint"}, this.count, this.linked, el("span", {class: "keys"},
        "In the list: arrows or j and k choose, Enter goes to the case, Esc comes back, / searches.")),
      el("div", {class: "columns"}, this.view, this.detail));
  }

  verdictButton(label, tone, sign, number) {
    const count = this.cases.filter((one) => one.verdict === number).length;
    return el("button", {type: "button", class: "verdict" + toned(tone), "aria-pressed": "false", "data-verdict": label,
      onclick: () => this.toggle(label), hidden: count === 0},
      el("span", {"aria-hidden": "true"}, `${sign} `), `${label} `, el("span", {class: "number"}, count.toLocaleString("en")));
  }

  select(facet) {
    const counts = new Map();
    for (const one of this.cases) {
      for (const value of one[facet] instanceof Set ? one[facet] : [one[facet]]) counts.set(value, (counts.get(value) || 0) + 1);
    }
    const options = this.names[facet].map((name, number) => [name, counts.get(number) || 0]).filter(([, count]) => count)
      .sort(([one], [two]) => one < two ? -1 : 1);
    return el("select", {"aria-label": facet, "data-facet": facet, onchange: () => this.change({[facet]: this.selects[facet].value})},
      el("option", {value: ""}, "any"), options.map(([name, count]) => el("option", {value: name}, `${visible(name)} (${count})`)));
  }

  // Filters and the address

  fromAddress() {
    const text = location.hash.slice(1);
    const plain = decoded(text);
    if (this.byId.has(plain)) return {q: "", verdict: [], case: plain};
    const given = new URLSearchParams(text);
    const state = {q: given.get("q") || "", verdict: (given.get("verdict") || "").split(",").filter(Boolean), case: given.get("case") || ""};
    for (const facet of FACETS) state[facet] = given.get(facet) || "";
    return state;
  }

  toAddress() {
    const found = new URLSearchParams();
    for (const [key, value] of Object.entries(this.state)) {
      if (value && value.length) found.set(key, Array.isArray(value) ? value.join(",") : value);
    }
    const text = found.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  change(patch) {
    Object.assign(this.state, patch);
    this.apply();
    this.toAddress();
  }

  toggle(label) {
    const old = this.state.verdict;
    this.change({verdict: old.includes(label) ? old.filter((one) => one !== label) : [...old, label]});
  }

  reset() {
    this.state = {q: "", verdict: [], case: this.state.case};
    this.apply();
    this.toAddress();
  }

  /** Show what the state asks for. */
  apply() {
    const {state} = this;
    if (this.search.value !== state.q) this.search.value = state.q;
    for (const facet of CHOSEN) this.selects[facet].value = state[facet] || "";
    this.linked.replaceChildren(...Object.entries(LINKED).filter(([facet]) => state[facet]).map(([facet, words]) =>
      el("button", {type: "button", "aria-label": `No longer: ${words} ${visible(state[facet])}`, onclick: () => this.change({[facet]: ""})},
        `${words} ${state[facet]} ×`)));
    for (const button of this.verdicts.children) button.setAttribute("aria-pressed", String(state.verdict.includes(button.dataset.verdict)));
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set(state.verdict.map((label) => this.names.verdict.findIndex(([name]) => name === label)));
    const facets = FACETS.filter((facet) => state[facet]).map((facet) => [facet, this.names[facet].indexOf(state[facet])]);
    this.shown = this.cases.filter((one) => (!verdicts.size || verdicts.has(one.verdict))
      && facets.every(([facet, wanted]) => one[facet] instanceof Set ? one[facet].has(wanted) : one[facet] === wanted)
      && words.every((word) => one.searched.includes(word)));
    this.count.textContent = this.shown.length === this.cases.length ? plural(this.shown.length, "case")
      : `${this.shown.length.toLocaleString("en")} of ${plural(this.cases.length, "case")}`;
    this.at = this.shown.findIndex((one) => one.id === state.case);
    if (this.at < 0) this.view.scrollTop = 0;
    this.paint();
  }

  /** The address changed: by hand, by a link of the coverage, by going back. */
  goTo() {
    const before = this.state.case;
    this.state = {...this.fromAddress()};
    if (!this.state.case && /=/.test(location.hash)) this.state.case = before;
    this.apply();
    this.arrive();
    this.element.closest("section").scrollIntoView();
  }

  /** Open the case of the address, or the first of the list. */
  arrive() {
    const linked = this.byId.get(this.state.case);
    if (linked && this.at < 0) this.open(linked);
    else this.choose(Math.max(this.at, 0), Boolean(linked));
    if (linked && location.hash) this.element.closest("section").scrollIntoView();
  }

  // Choosing

  choose(at, told = true) {
    if (!this.shown.length) return;
    this.at = Math.max(0, Math.min(at, this.shown.length - 1));
    const top = this.at * ROW;
    if (top < this.view.scrollTop) this.view.scrollTop = top;
    else if (top + ROW > this.view.scrollTop + this.view.clientHeight) this.view.scrollTop = top + ROW - this.view.clientHeight;
    this.open(this.shown[this.at]);
    if (told) {
      this.state.case = this.shown[this.at].id;
      this.toAddress();
    }
    this.paint();
  }

  async open(one) {
    if (this.opened === one) return;
    this.opened = one;
    const place = el("div", {class: "case"});
    await fill(place, this.details[one.number].opens);
    if (this.opened !== one) return; // another one was chosen while this was inflated
    this.detail.replaceChildren(el("h3", {class: "case-id"}, one.id, " ", el("a", {href: `#case=${encodeURIComponent(one.id)}`,
      class: "link", "aria-label": "Link to this case"}, "#")), place);
    this.detail.scrollTop = 0;
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.view.clientHeight / ROW) - 1);
    const step = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity}[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (step !== undefined) this.choose(Number.isFinite(step) ? this.at + step : step < 0 ? 0 : this.shown.length - 1);
    else if (event.key === "Enter") {
      this.choose(Math.max(this.at, 0));
      this.detail.focus();
    } else return;
    event.preventDefault();
  }

  anywhere(event) {
    if (event.key !== "/" || event.ctrlKey || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    this.search.focus();
    this.search.select();
  }

  // Drawing: the rows that are seen and a few around them

  paint() {
    const first = this.everything ? 0 : Math.max(0, Math.floor(this.view.scrollTop / ROW) - 5);
    const last = this.everything ? this.shown.length : Math.min(this.shown.length, first + Math.ceil((this.view.clientHeight || 600) / ROW) + 10);
    this.inner.style.height = `${this.shown.length * ROW}px`;
    const rows = [];
    for (let at = first; at < last; at++) rows.push(this.row(at));
    this.inner.replaceChildren(...rows);
    if (!this.shown.length) this.inner.append(el("p", {class: "empty"}, "No case is like that. Clear a filter."));
    if (this.at >= first && this.at < last) this.view.setAttribute("aria-activedescendant", `row-${this.at}`);
    else this.view.removeAttribute("aria-activedescendant");
  }

  row(at) {
    const one = this.shown[at];
    const [label, tone, sign] = this.names.verdict[one.verdict];
    const row = el("div", {class: "row" + (at === this.at ? " chosen" : ""), role: "option", id: `row-${at}`,
      "aria-selected": String(at === this.at), "aria-posinset": at + 1, "aria-setsize": this.shown.length,
      onclick: () => this.choose(at)},
      el("span", {class: "mark" + toned(tone), title: label}, el("span", {class: "unseen"}, `${label}: `), el("span", {"aria-hidden": "true"}, sign)),
      el("span", {class: "id"}, one.id), el("span", {class: "about"}, one.note || one.title));
    row.style.transform = `translateY(${at * ROW}px)`;
    return row;
  }

  /** On paper there is no scrolling; but nobody prints thousands of rows that went as expected. */
  printed() {
    this.everything = this.shown.length <= 500;
    this.paint();
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
